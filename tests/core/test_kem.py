"""X-Wing keys: both sides find one secret, and a device answers for its own key only."""

from __future__ import annotations

import pytest

from qnpc._core import Device, HybridKey, Malformed, NotAuthentic, decapsulate, encapsulate, verify_hybrid_key


def test_both_sides_find_the_same_secret() -> None:
    key = HybridKey.generate()
    shared, encapsulation = encapsulate(key.public_key)
    assert (len(key.public_key), len(shared), len(encapsulation)) == (1216, 32, 1120)
    assert decapsulate(key, encapsulation) == shared
    assert encapsulate(key.public_key)[0] != shared


def test_a_key_comes_back_from_its_seed() -> None:
    key = HybridKey.generate()
    again = HybridKey.from_secret(key.secret())
    assert again.public_key == key.public_key
    shared, encapsulation = encapsulate(key.public_key)
    assert decapsulate(again, encapsulation) == shared


def test_a_changed_encapsulation_gives_another_secret_and_no_error() -> None:
    key = HybridKey.generate()
    shared, encapsulation = encapsulate(key.public_key)
    for at in (0, 1087, 1088, 1119):
        changed = bytearray(encapsulation)
        changed[at] ^= 1
        assert decapsulate(key, bytes(changed)) != shared


def test_wrong_lengths_and_bytes_that_are_no_key_are_refused() -> None:
    key = HybridKey.generate()
    with pytest.raises(Malformed):
        HybridKey.from_secret(bytes(31))
    for public in (b"", key.public_key[:-1], key.public_key + b"\0", b"\xff" * 1216):
        with pytest.raises(Malformed):
            encapsulate(public)
    for encapsulation in (b"", bytes(1119), bytes(1121)):
        with pytest.raises(Malformed):
            decapsulate(key, encapsulation)


def test_a_hybrid_key_belongs_to_the_device_that_signed_it() -> None:
    alice, mallory = Device.generate(), Device.generate()
    key, other = HybridKey.generate().public_key, HybridKey.generate().public_key
    signature = alice.sign_hybrid_key(key)
    verify_hybrid_key(alice.public_key, key, signature)
    for device, public in ((mallory.public_key, key), (alice.public_key, other)):
        with pytest.raises(NotAuthentic):
            verify_hybrid_key(device, public, signature)
    with pytest.raises(NotAuthentic):  # a signature for another purpose
        verify_hybrid_key(alice.public_key, key, alice.sign("other", key))
    for device, public, signed in (
        (b"", key, signature),
        (alice.public_key, key[1:], signature),
        (alice.public_key, key, b""),
    ):
        with pytest.raises(Malformed):
            verify_hybrid_key(device, public, signed)
    with pytest.raises(Malformed):
        alice.sign_hybrid_key(b"\xff" * 1216)
