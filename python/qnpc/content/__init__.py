"""What messages hold, as typed values: the client's half of the wire, which a node never imports."""

from qnpc.content.codec import decode_content, decode_note, encode_content, encode_note
from qnpc.content.types import Body, Content, GroupName, Invitation, Note, Text, Unknown

__all__ = [
    "Body",
    "Content",
    "GroupName",
    "Invitation",
    "Note",
    "Text",
    "Unknown",
    "decode_content",
    "decode_note",
    "encode_content",
    "encode_note",
]
