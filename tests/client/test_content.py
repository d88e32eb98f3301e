"""What a message holds survives the wire; what a hostile or newer member writes never does more than be refused or unknown."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnpc.content import (
    Content,
    GroupName,
    Invitation,
    Text,
    Unknown,
    decode_content,
    decode_note,
    encode_content,
    encode_note,
)
from qnpc.errors import Code, Error

texts = st.text(st.characters(exclude_categories=["Cs"]))
contents = st.builds(
    Content,
    st.integers(0, 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.builds(Text, texts) | st.builds(GroupName, texts),
)
invitations = st.builds(
    Invitation,
    st.binary(max_size=32),
    texts,
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**63 - 1),
    st.binary(max_size=4096),
)


@given(contents)
def test_content_comes_back_as_it_was(content: Content) -> None:
    assert decode_content(encode_content(content)) == content


@given(invitations)
def test_an_invitation_comes_back_as_it_was(invitation: Invitation) -> None:
    assert decode_note(encode_note(invitation)) == invitation


@given(contents, st.data())
def test_changed_bytes_are_refused_or_read_as_something_else(content: Content, data: st.DataObject) -> None:
    encoded = bytearray(encode_content(content))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Error):
        decode_content(bytes(encoded))


@given(st.binary(max_size=256))
def test_garbage_never_raises_anything_else(garbage: bytes) -> None:
    for decode in (decode_content, decode_note):
        with contextlib.suppress(Error):
            decode(garbage)


@pytest.mark.parametrize("garbage", [b"", b"\0", b"\0" * 8, b"\xff" * 64])
def test_what_is_no_message_is_a_bad_request(garbage: bytes) -> None:
    for decode in (decode_content, decode_note):
        with pytest.raises(Error) as caught:
            decode(garbage)
        assert caught.value.kind is Code.BAD_REQUEST


def test_a_kind_of_a_newer_client_is_unknown() -> None:
    encoded = bytearray(encode_content(Content(1, 2, Text(""))))
    kind = encoded.index((2).to_bytes(8, "little")) + 8  # the discriminant follows sentAt
    encoded[kind] = 77
    assert decode_content(bytes(encoded)) == Content(1, 2, Unknown())
    with pytest.raises(ValueError, match="unknown kind"):
        encode_content(Content(1, 2, Unknown()))
