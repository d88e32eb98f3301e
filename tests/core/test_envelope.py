"""The sealed envelope: for one recipient and purpose, from one device, and for nobody and nothing else."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnpc._core import (
    Aead,
    Certificate,
    Device,
    HybridKey,
    Identity,
    Malformed,
    NotAuthentic,
    decapsulate,
    encapsulate,
    open_envelope,
    seal_envelope,
)


@dataclass
class Account:
    device: Device
    certificate: bytes


def account(name: str) -> Account:
    device = Device.generate()
    return Account(device, Identity.generate().certify(name, device.public_key, 1))


ALICE, MALLORY = account("alice"), account("mallory")
BOB, CAROL = HybridKey.generate(), HybridKey.generate()


def sealed(plaintext: bytes = b"welcome", context: bytes = b"note") -> bytes:
    return seal_envelope(BOB.public_key, ALICE.device, ALICE.certificate, context, plaintext)


# The format written down a second time, so that a test can do what an attacker with the recipient's key would.


def content_key(shared: bytes, encapsulation: bytes, recipient: bytes, context: bytes) -> Aead:
    extracted = hmac.digest(b"qnpc/v1 envelope", shared, "sha256")
    return Aead(hmac.digest(extracted, encapsulation + recipient + context + b"\x01", "sha256"))


def inside(envelope: bytes, key: HybridKey, context: bytes) -> bytes:
    encapsulation = envelope[1:1121]
    shared = decapsulate(key, encapsulation)
    return content_key(shared, encapsulation, key.public_key, context).open(envelope[1121:], envelope[:1])


def seal_again(content: bytes, recipient: bytes, context: bytes) -> bytes:
    shared, encapsulation = encapsulate(recipient)
    body = content_key(shared, encapsulation, recipient, context).seal(content, b"\x01")
    return b"\x01" + encapsulation + body


@settings(max_examples=30)
@given(st.binary(max_size=400), st.binary(max_size=60))
def test_it_arrives_with_its_sender(plaintext: bytes, context: bytes) -> None:
    certificate, opened = open_envelope(BOB, context, sealed(plaintext, context))
    assert opened == plaintext
    assert certificate == Certificate.parse(ALICE.certificate)


def test_only_the_recipient_opens_it_and_only_for_its_purpose() -> None:
    with pytest.raises(NotAuthentic):
        open_envelope(CAROL, b"note", sealed())
    with pytest.raises(NotAuthentic):
        open_envelope(BOB, b"not", sealed())


def test_the_format_is_the_one_written_down_here() -> None:
    content = inside(sealed(), BOB, b"note")
    length = int.from_bytes(content[:2], "big")
    assert content[2 : 2 + length] == ALICE.certificate
    assert content[2 + length + 64 :] == b"welcome"


@pytest.mark.parametrize(
    ("recipient", "context"),
    [(CAROL, b"note"), (BOB, b"file"), (BOB, b"note")],
    ids=["another recipient", "another context", "a second time"],
)
def test_what_bob_opened_cannot_be_sealed_again_as_alices_word(recipient: HybridKey, context: bytes) -> None:
    content = inside(sealed(), BOB, b"note")
    forged = seal_again(content, recipient.public_key, context)
    with pytest.raises(NotAuthentic):
        open_envelope(recipient, context, forged)


def test_the_sender_cannot_be_swapped() -> None:
    content = inside(sealed(), BOB, b"note")
    signature = content[2 + len(ALICE.certificate) :][:64]
    # Mallory has made a certificate of her own account for Alice's device: the signature fits the device, not the account.
    claimed = Identity.generate().certify("mallory", ALICE.device.public_key, 1)
    for certificate in (MALLORY.certificate, claimed):
        swapped = len(certificate).to_bytes(2, "big") + certificate + signature + b"welcome"
        with pytest.raises(NotAuthentic):
            open_envelope(BOB, b"note", seal_again(swapped, BOB.public_key, b"note"))


def test_a_sender_seals_with_its_own_certificate_only() -> None:
    for device, certificate in (
        (MALLORY.device, ALICE.certificate),
        (ALICE.device, ALICE.certificate[:-1]),
        (ALICE.device, ALICE.certificate[:-1] + bytes([ALICE.certificate[-1] ^ 1])),
    ):
        with pytest.raises(Malformed):
            seal_envelope(BOB.public_key, device, certificate, b"note", b"")
    with pytest.raises(Malformed):
        seal_envelope(BOB.public_key[1:], ALICE.device, ALICE.certificate, b"note", b"")


@given(st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    envelope = bytearray(ENVELOPE)
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Malformed if bit < 8 else NotAuthentic):  # the first byte is the version
        open_envelope(BOB, b"note", bytes(envelope))


@given(st.integers(0, 1121 + 28 + 200))
def test_a_missing_end_is_refused(size: int) -> None:
    with pytest.raises(Malformed if size < 1121 + 28 else NotAuthentic):
        open_envelope(BOB, b"note", ENVELOPE[:size])


def test_nothing_outside_names_the_sender() -> None:
    for secret in (
        b"alice",
        ALICE.device.public_key,
        Certificate.parse(ALICE.certificate).identity_key,
        b"welcome",
    ):
        assert secret not in ENVELOPE


def test_content_that_is_cut_short_is_refused() -> None:
    content = inside(sealed(b""), BOB, b"note")
    for size in (0, 1, 2, 100, len(content) - 1):
        with pytest.raises(Malformed):
            open_envelope(BOB, b"note", seal_again(content[:size], BOB.public_key, b"note"))


ENVELOPE = sealed()
