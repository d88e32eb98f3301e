"""The keys of a connection's packets after its handshake, as the library has them, used by the core: a call for a packet instead of six.

The library keeps the keys, derives the next ones and says when they change (RFC 9001, 6). What does not open here goes its way, so it alone
decides what is another key phase and what is not authentic.
"""

from __future__ import annotations

from aioquic.quic.crypto import CryptoContext, CryptoPair, derive_key_iv_hp
from aioquic.tls import CipherSuite

from qnpc._core import PacketProtection

_ALGORITHMS = {
    CipherSuite.AES_128_GCM_SHA256: "AES-128-GCM",
    CipherSuite.AES_256_GCM_SHA384: "AES-256-GCM",
    CipherSuite.CHACHA20_POLY1305_SHA256: "ChaCha20-Poly1305",
}


class _Context(CryptoContext):
    """The keys of one direction."""

    def __init__(self) -> None:
        super().__init__()
        self._header_key = b""
        self._protection: PacketProtection | None = None
        self._of: object = None  # the library's cipher with the same keys

    def setup(self, *, cipher_suite: CipherSuite, secret: bytes, version: int) -> None:
        super().setup(cipher_suite=cipher_suite, secret=secret, version=version)
        self._header_key = self._derived(cipher_suite, secret, version)[2]

    def encrypt_packet(self, plain_header: bytes, plain_payload: bytes, packet_number: int) -> bytes:
        if self._of is not self.aead:
            self._renew()
        if self._protection is None:
            return super().encrypt_packet(plain_header, plain_payload, packet_number)
        return self._protection.seal(plain_header, plain_payload, packet_number)

    def decrypt_packet(
        self, packet: bytes, encrypted_offset: int, expected_packet_number: int
    ) -> tuple[bytes, bytes, int, bool]:
        if self._of is not self.aead:
            self._renew()
        if self._protection is not None:
            phase = self.key_phase == 1
            opened = self._protection.open(packet, encrypted_offset, expected_packet_number, phase)
            if opened is not None:
                return *opened, False
        return super().decrypt_packet(packet, encrypted_offset, expected_packet_number)

    def _renew(self) -> None:
        """The library has other keys, or none any more. The header's stays (RFC 9001, 6.1)."""
        self._of, self._protection = self.aead, None
        suite, secret, version = self.cipher_suite, self.secret, self.version
        if suite is not None and secret is not None and version is not None:
            key, iv, _ = self._derived(suite, secret, version)
            self._protection = PacketProtection(_ALGORITHMS[suite], key, iv, self._header_key)

    @staticmethod
    def _derived(suite: CipherSuite, secret: bytes, version: int) -> tuple[bytes, bytes, bytes]:
        return derive_key_iv_hp(cipher_suite=suite, secret=secret, version=version)


class ProtectedPair(CryptoPair):
    """Protects and opens as `CryptoPair` does, in less time. For an epoch whose keys the handshake brings once."""

    def __init__(self) -> None:
        super().__init__()
        self.recv, self.send = _Context(), _Context()
