"""Identity and device keys, and the certificate that ties a device to an account."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnpc._core import Certificate, Device, Identity, Malformed, NotAuthentic, verify

KINDS = pytest.mark.parametrize("kind", [Identity, Device])
# The eight points of small order: five y, of which three have both signs (RFC 8032, section 5.1.3 decodes them).
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]


@KINDS
def test_a_key_comes_back_from_its_seed(kind: type[Identity] | type[Device]) -> None:
    key = kind.generate()
    again = kind.from_secret(key.secret())
    assert (len(key.public_key), len(key.secret())) == (32, 32)
    assert again.public_key == key.public_key
    assert again.sign("c", b"m") == key.sign("c", b"m")
    for size in (0, 31, 33):
        with pytest.raises(Malformed):
            kind.from_secret(bytes(size))


@KINDS
def test_a_signature_holds_for_its_key_context_and_message_only(kind: type[Identity] | type[Device]) -> None:
    key, other = kind.generate(), kind.generate()
    signature = key.sign("letter", b"hello")
    assert len(signature) == 64
    verify(key.public_key, "letter", b"hello", signature)
    for public, context, message in (
        (other.public_key, "letter", b"hello"),
        (key.public_key, "note", b"hello"),
        (key.public_key, "letter", b"hallo"),
        (key.public_key, "letterh", b"ello"),
    ):
        with pytest.raises(NotAuthentic):
            verify(public, context, message, signature)


def test_the_vector_of_rfc_8032_gives_this_public_key() -> None:
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert Identity.from_secret(bytes.fromhex(seed)).public_key.hex() == public


@pytest.mark.parametrize("context", ["", "a\0b", "\0"])
def test_a_context_that_could_be_read_two_ways_is_refused(context: str) -> None:
    key = Device.generate()
    with pytest.raises(Malformed):
        key.sign(context, b"m")
    with pytest.raises(Malformed):
        verify(key.public_key, context, b"m", bytes(64))


@pytest.mark.parametrize("y", SMALL_ORDER)
@pytest.mark.parametrize("sign", [0, 0x80])
def test_a_key_of_small_order_signs_nothing(y: str, sign: int) -> None:
    public = bytearray.fromhex(y)
    public[31] |= sign
    neutral = bytes([1]) + bytes(
        63
    )  # R the neutral element, S zero: holds for many messages under such a key
    for message in range(16):
        with pytest.raises(NotAuthentic):
            verify(bytes(public), "c", bytes([message]), neutral)
    with pytest.raises(Malformed):
        Identity.generate().certify("alice", bytes(public), 0)


def test_wrong_lengths_are_malformed() -> None:
    key = Device.generate()
    signature = key.sign("c", b"m")
    for public, signed in ((key.public_key[1:], signature), (key.public_key, signature[1:]), (b"", b"")):
        with pytest.raises(Malformed):
            verify(public, "c", b"m", signed)


def test_a_signature_with_an_unreduced_s_is_refused() -> None:
    key = Device.generate()
    signature = key.sign("c", b"m")
    order = 2**252 + 27742317777372353535851937790883648493
    other = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(NotAuthentic):
        verify(key.public_key, "c", b"m", other)


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=32), st.integers(0, 2**64 - 1))
def test_a_certificate_says_what_was_certified(username: str, created: int) -> None:
    identity, device = Identity.generate(), Device.generate()
    data = identity.certify(username, device.public_key, created)
    certificate = Certificate.parse(data)
    assert certificate.username == username
    assert certificate.identity_key == identity.public_key
    assert certificate.device == device.public_key
    assert certificate.created == created
    assert bytes(certificate) == data


def test_equal_certificates_are_equal_bytes() -> None:
    identity, device = Identity.generate(), Device.generate()
    data = identity.certify("alice", device.public_key, 1)
    same, other = Certificate.parse(data), Certificate.parse(identity.certify("alice", device.public_key, 2))
    assert same == Certificate.parse(data)
    assert hash(same) == hash(Certificate.parse(data))
    assert same != other
    assert same != data


def test_no_bit_of_a_certificate_can_change() -> None:
    data = Identity.generate().certify("alice", Device.generate().public_key, 1)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        # Version, length and (if the bytes stop being UTF-8 or a point) fields are malformed; the signature covers the rest.
        with pytest.raises((Malformed, NotAuthentic)):
            Certificate.parse(bytes(changed))
        with pytest.raises(Malformed):
            Certificate.parse(data[:at])
    with pytest.raises(Malformed):
        Certificate.parse(data + b"\0")


@pytest.mark.parametrize("device", [b"", bytes(31), bytes(33)])
def test_a_device_key_has_32_bytes(device: bytes) -> None:
    with pytest.raises(Malformed):
        Identity.generate().certify("alice", device, 0)


@pytest.mark.parametrize("username", ["", "x" * 129, "x" * 1000])
def test_a_username_has_1_to_128_bytes(username: str) -> None:
    with pytest.raises(Malformed):
        Identity.generate().certify(username, Device.generate().public_key, 0)
