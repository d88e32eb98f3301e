"""content.capnp <-> typed values.

What comes in was written by another member, so it is read within bounds and every failure is a BAD_REQUEST; a union member that this
schema does not have is `Unknown`, never an error.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import capnp

from qnpc.content.types import Body, Content, GroupName, Invitation, Note, Text, Unknown
from qnpc.errors import Code, Error

_TRAVERSAL_WORDS = 2 * 1024 * 1024
_NESTING = 8
_LARGEST = 2**63 - 1


def _load() -> Any:
    with resources.as_file(resources.files("qnpc") / "schemas" / "content.capnp") as path:
        return capnp.load(str(path))


_SCHEMA = _load()


def encode_content(content: Content) -> bytes:
    """Cap'n Proto `Content`, one segment table and unpacked."""
    message = _SCHEMA.Content.new_message()
    message.counter = content.counter
    message.sentAt = content.sent_at
    match content.body:
        case Text(text):
            message.body.text = text
        case GroupName(name):
            message.body.groupName = name
        case Unknown():
            raise ValueError("an unknown kind cannot be sent")
    return bytes(message.to_bytes())


def decode_content(data: bytes) -> Content:
    """Raises Error(BAD_REQUEST)."""
    try:
        with _SCHEMA.Content.from_bytes(
            data, traversal_limit_in_words=_TRAVERSAL_WORDS, nesting_limit=_NESTING
        ) as message:
            return Content(_number(message.counter), message.sentAt, _body(message.body))
    except (capnp.KjException, ValueError, UnicodeDecodeError) as error:
        raise Error(Code.BAD_REQUEST, "the message's content is malformed") from error


def _body(body: Any) -> Body:
    match _which(body):
        case "text":
            return Text(body.text)
        case "groupName":
            return GroupName(body.groupName)
        case _:
            return Unknown()


def encode_note(note: Note) -> bytes:
    """Cap'n Proto `Note`."""
    if not isinstance(note, Invitation):
        raise TypeError("an unknown kind cannot be sent")
    message = _SCHEMA.Note.new_message()
    invitation = message.body.init("invitation")
    invitation.group = note.group
    invitation.name = note.name
    invitation.suite = note.suite
    invitation.epoch = note.epoch
    invitation.welcome = note.welcome
    return bytes(message.to_bytes())


def decode_note(data: bytes) -> Note:
    """Raises Error(BAD_REQUEST)."""
    try:
        with _SCHEMA.Note.from_bytes(
            data, traversal_limit_in_words=_TRAVERSAL_WORDS, nesting_limit=_NESTING
        ) as message:
            if _which(message.body) != "invitation":
                return Unknown()
            invitation = message.body.invitation
            return Invitation(
                bytes(invitation.group),
                invitation.name,
                invitation.suite,
                _number(invitation.epoch),
                bytes(invitation.welcome),
            )
    except (capnp.KjException, ValueError, UnicodeDecodeError) as error:
        raise Error(Code.BAD_REQUEST, "the note's content is malformed") from error


def _number(value: int) -> int:
    """What databases and other languages can count to. Raises ValueError."""
    if value > _LARGEST:
        raise ValueError("a number that no honest client reaches")
    return value


def _which(union: Any) -> str | None:
    """The union's member, or None for one that a newer schema added."""
    try:
        return str(union.which())
    except capnp.KjException:
        return None
