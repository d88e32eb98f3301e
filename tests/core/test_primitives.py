"""The primitives as Python calls them: any buffer will do, a batch names what does not hold, lengths are held to."""

from __future__ import annotations

import pytest

from qnpc._core import Aead, HybridKey, Identity, Malformed, NotAuthentic
from qnpc._core.primitives import (
    Cipher,
    Ed25519Key,
    MlKemKey,
    X25519Key,
    ed25519_verify_many,
    hkdf,
    hkdf_expand,
    hmac_sha256,
    mlkem_encapsulate,
    sha256,
)

BUFFERS = pytest.mark.parametrize(
    "buffer",
    [bytearray, memoryview, lambda data: memoryview(bytes(byte for byte in data for _ in "12"))[::2]],
    ids=["bytearray", "memoryview", "strided"],
)


@BUFFERS
def test_any_buffer_is_read_like_bytes(buffer: type[bytearray] | type[memoryview]) -> None:
    key, nonce, text = bytes(range(32)), bytes(12), b"text" * 20_000  # long enough for the GIL to be released
    cipher, aead = Cipher("AES-256-GCM", key), Aead(buffer(key))
    sealed = cipher.seal(nonce, text, b"aad")
    assert Cipher("AES-256-GCM", buffer(key)).seal(buffer(nonce), buffer(text), buffer(b"aad")) == sealed
    assert cipher.open(buffer(nonce), buffer(sealed), buffer(b"aad")) == text
    assert aead.open(buffer(Aead(key).seal(text, b"aad")), buffer(b"aad")) == text
    assert sha256(buffer(text)) == sha256(text)
    assert HybridKey.from_secret(buffer(key)).public_key == HybridKey.from_secret(key).public_key
    assert Identity.from_secret(buffer(key)).public_key == Identity.from_secret(key).public_key


@pytest.mark.parametrize("wrong", ["text", 3, None, [1, 2], memoryview(b"12345678").cast("I")])
def test_what_is_no_buffer_of_bytes_is_a_type_error(wrong: object) -> None:
    with pytest.raises((TypeError, BufferError)):
        sha256(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, 1, 2, 1000])
@pytest.mark.parametrize("position", [0, 57, 99])
def test_a_batch_names_the_first_that_does_not_hold(threads: int, position: int) -> None:
    key = Ed25519Key.generate()
    batch = [(key.public_key, bytes([n]), key.sign(bytes([n]))) for n in range(100)]
    ed25519_verify_many(batch, threads)
    for late in {position, 99}:
        public, message, signature = batch[late]
        batch[late] = (public, message + b"!", signature)
    with pytest.raises(NotAuthentic, match=f"^number {position} of the batch"):
        ed25519_verify_many(batch, threads)
    batch[position] = (b"", b"", b"")
    with pytest.raises(Malformed, match=f"^number {position} of the batch"):
        ed25519_verify_many(batch, threads)


def test_an_empty_batch_holds() -> None:
    ed25519_verify_many([])


def test_two_fresh_keys_share_a_secret() -> None:
    alice, bob = X25519Key.generate(), X25519Key.generate()
    assert alice.exchange(bob.public_key) == bob.exchange(alice.public_key)
    assert X25519Key.from_secret(alice.secret()).public_key == alice.public_key
    key = MlKemKey.generate()
    shared, encapsulation = mlkem_encapsulate(key.public_key)
    assert key.decapsulate(encapsulation) == shared
    assert MlKemKey.from_expanded(key.expanded()).decapsulate(encapsulation) == shared


def test_hkdf_is_held_to_its_bounds() -> None:
    assert len(hkdf(b"", b"", b"", 8160)) == 8160
    assert hkdf(b"", b"", b"", 0) == b""
    with pytest.raises(Malformed):
        hkdf(b"", b"", b"", 8161)
    with pytest.raises(Malformed):
        hkdf_expand(bytes(31), b"", 32)


def test_hmac_is_that_of_rfc_4231() -> None:
    mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?")
    assert mac.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_there_is_no_algorithm_of_another_name() -> None:
    for name in ("AES-192-GCM", "XChaCha20-Poly1305", ""):
        with pytest.raises(Malformed):
            Cipher(name, bytes(32))
