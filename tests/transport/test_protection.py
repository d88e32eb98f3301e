"""Packets that the core protects are those that the library would make, and what it does not open the library judges."""

from __future__ import annotations

import random

import pytest
from aioquic._crypto import CryptoError
from aioquic.quic.crypto import CryptoContext, CryptoPair
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite

from qnpc._core import Malformed, PacketProtection
from qnpc.transport.protection import ProtectedPair

SUITES = [
    CipherSuite.AES_128_GCM_SHA256,
    CipherSuite.AES_256_GCM_SHA384,
    CipherSuite.CHACHA20_POLY1305_SHA256,
]
CID = bytes(range(8))


def keyed(pair: CryptoPair, suite: CipherSuite, *, is_client: bool) -> CryptoPair:
    size = 48 if suite is CipherSuite.AES_256_GCM_SHA384 else 32
    secrets = [bytes((number,)) * size for number in (1, 2)]
    version = QuicProtocolVersion.VERSION_1
    pair.send.setup(cipher_suite=suite, secret=secrets[is_client], version=version)
    pair.recv.setup(cipher_suite=suite, secret=secrets[not is_client], version=version)
    return pair


def header(pair: CryptoPair, number: int, length: int) -> bytes:
    return bytes((0x40 | pair.key_phase << 2 | length - 1,)) + CID + (number).to_bytes(8, "big")[-length:]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_each_packet_is_the_librarys_and_each_opens_the_others_also_after_updates(suite: CipherSuite) -> None:
    rng = random.Random(7)  # noqa: S311
    ours, theirs = ProtectedPair(), CryptoPair()
    keyed(ours, suite, is_client=True)
    keyed(theirs, suite, is_client=True)
    peer = keyed(ProtectedPair(), suite, is_client=False)
    library_peer = keyed(CryptoPair(), suite, is_client=False)
    number = 0
    for turn in range(300):
        if turn % 60 == 59:
            ours._update_key_requested = theirs._update_key_requested = True
        number += rng.choice((1, 1, 1, 40, 30_000))
        length = 4 if number > 30_000 else rng.choice((3, 4))
        payload = rng.randbytes(rng.choice((4, 5, 60, 1400)))
        plain = header(ours, number, length)
        packet = ours.encrypt_packet(plain, payload, number)
        assert packet == theirs.encrypt_packet(plain, payload, number)
        expected = max(0, number - rng.choice((0, 1, 100)))
        for end in (peer, library_peer):
            assert end.decrypt_packet(packet, 1 + len(CID), expected) == (plain, payload, number)
        assert peer.key_phase == library_peer.key_phase == ours.key_phase
    assert ours.key_phase == 1  # five updates
    # What sends for the first time after updates has the header's key of before them.
    answer = peer.encrypt_packet(header(peer, 5, 2), b"answer", 5)
    assert answer == library_peer.encrypt_packet(header(peer, 5, 2), b"answer", 5)
    assert ours.decrypt_packet(answer, 9, 5)[1] == b"answer"


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_what_was_changed_is_the_librarys_error(suite: CipherSuite) -> None:
    sender, receiver = keyed(ProtectedPair(), suite, is_client=True), ProtectedPair()
    keyed(receiver, suite, is_client=False)
    packet = sender.encrypt_packet(header(sender, 3, 2), b"payload", 3)
    for at in range(8 * len(packet)):
        if at == 7:
            continue  # it would be a long header: nothing that comes here with these keys
        changed = bytearray(packet)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(CryptoError):
            receiver.decrypt_packet(bytes(changed), 9, 3)
    for end in range(len(packet)):
        with pytest.raises(CryptoError):
            receiver.decrypt_packet(packet[:end], 9, 3)
    assert receiver.key_phase == 0
    assert receiver.decrypt_packet(packet, 9, 3)[1] == b"payload"


def test_the_core_opens_what_it_can_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing is won, and no other test would notice."""
    suite = CipherSuite.AES_128_GCM_SHA256
    sender, receiver = (keyed(ProtectedPair(), suite, is_client=is_client) for is_client in (True, False))
    with monkeypatch.context() as patch:
        for name in ("encrypt_packet", "decrypt_packet"):
            patch.setattr(CryptoContext, name, lambda *_: pytest.fail("the library's way"))
        packet = sender.encrypt_packet(header(sender, 1, 2), b"payload", 1)
        assert receiver.decrypt_packet(packet, 9, 1)[1] == b"payload"
    before = ProtectedPair()
    with pytest.raises(CryptoError, match="not available"):
        before.decrypt_packet(packet, 9, 1)


def test_keys_have_their_lengths_and_a_header_its_number() -> None:
    with pytest.raises(Malformed):
        PacketProtection("AES-128-CCM", bytes(16), bytes(12), bytes(16))
    with pytest.raises(Malformed):
        PacketProtection("AES-256-GCM", bytes(16), bytes(12), bytes(32))
    keys = PacketProtection("AES-128-GCM", bytes(16), bytes(12), bytes(16))
    for bad, size in ((b"", 30), (b"\x40", 30), (b"\x43\x00\x00\x00", 30), (b"\x40\x00", 2)):
        with pytest.raises(Malformed):
            keys.seal(bad, bytes(size), 0)
    assert keys.open(b"", 0, 0, False) is None
    assert keys.open(bytes(60), 2**63, 0, False) is None
