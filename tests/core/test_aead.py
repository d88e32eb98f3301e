"""AES-256-GCM as Python calls it: what was sealed opens, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnpc._core import Aead, Malformed, NotAuthentic


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300), st.binary(max_size=40))
def test_what_was_sealed_opens(key: bytes, plaintext: bytes, aad: bytes) -> None:
    aead = Aead(key)
    sealed = aead.seal(plaintext, aad)
    assert len(sealed) == len(plaintext) + 28
    assert aead.open(sealed, aad) == plaintext


def test_messages_around_the_size_that_releases_the_gil_are_alike() -> None:
    aead = Aead(bytes(32))
    for size in (65535, 65536, 65537, 1 << 20):
        plaintext = bytes(size)
        assert aead.open(aead.seal(plaintext)) == plaintext


def test_two_sealings_of_one_message_differ() -> None:
    aead = Aead(bytes(32))
    assert len({aead.seal(b"hi")[:12] for _ in range(100)}) == 100


@given(st.data())
def test_a_flipped_bit_or_a_missing_end_is_refused(data: st.DataObject) -> None:
    aead = Aead(bytes(32))
    sealed = bytearray(aead.seal(b"plaintext", b"aad"))
    cut = bytes(sealed[: data.draw(st.integers(0, len(sealed) - 1))])
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    for wrong in (bytes(sealed), cut):
        with pytest.raises(NotAuthentic):
            aead.open(wrong, b"aad")


def test_other_associated_data_or_another_key_is_refused() -> None:
    sealed = Aead(bytes(32)).seal(b"hi", b"aad")
    with pytest.raises(NotAuthentic):
        Aead(bytes(32)).open(sealed)
    with pytest.raises(NotAuthentic):
        Aead(b"\x01" * 32).open(sealed, b"aad")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_has_32_bytes(size: int) -> None:
    with pytest.raises(Malformed):
        Aead(bytes(size))
