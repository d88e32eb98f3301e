"""Safety numbers over the binding, against the algorithm written down once more."""

from __future__ import annotations

import hashlib

import pytest

from qnpc._core import Identity, Malformed, NotAuthentic, SafetyNumber, Unreadable

ALICE = ("alice", Identity.from_secret(bytes([1]) * 32).public_key)
BOB = ("bob", Identity.from_secret(bytes([2]) * 32).public_key)


def _digits(username: str, identity_key: bytes) -> str:
    start = b"qnpc/v1 safety number\0" + (1).to_bytes(2, "big") + identity_key + username.encode()
    digest = hashlib.sha512(start).digest()
    for _ in range(5199):
        digest = hashlib.sha512(digest + identity_key).digest()
    return "".join(f"{int.from_bytes(digest[i : i + 5], 'big') % 100_000:05}" for i in range(0, 30, 5))


def test_both_sides_read_the_same_digits() -> None:
    number = SafetyNumber(*ALICE, *BOB)
    assert number.digits == SafetyNumber(*BOB, *ALICE).digits
    assert number.digits == "".join(sorted([_digits(*ALICE), _digits(*BOB)]))
    assert number.digits == "039099264255053316276374836709692941386373168847816514497451"


def test_a_scanned_code_says_whose_it_is() -> None:
    at_alice, at_bob = SafetyNumber(*ALICE, *BOB), SafetyNumber(*BOB, *ALICE)
    at_alice.check(at_bob.code)
    at_bob.check(at_alice.code)
    impostor = SafetyNumber("bob", Identity.generate().public_key, *ALICE)
    with pytest.raises(NotAuthentic):
        at_alice.check(impostor.code)
    with pytest.raises(NotAuthentic):
        at_alice.check(at_alice.code)
    with pytest.raises(Unreadable, match="version"):
        at_alice.check(b"QNSN\x02" + at_bob.code[5:])
    for noise in (b"", b"hello", at_bob.code[:-1], at_bob.code + b"\0"):
        with pytest.raises(Malformed):
            at_alice.check(noise)


def test_what_is_no_account_has_no_number() -> None:
    for username, key in (("", BOB[1]), ("x" * 129, BOB[1]), ("bob", b"short"), ("bob", bytes(32))):
        with pytest.raises(Malformed):
            SafetyNumber(*ALICE, username, key)
