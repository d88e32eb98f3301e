"""A node is known by the hash of its public key, not by a name or an authority.

The pin is SHA-256 of the certificate's SubjectPublicKeyInfo in DER (as in RFC 7469, 2.4): it outlives a
renewed certificate of the same key. The check runs when the certificate arrives, before anything is sent
under the handshake's keys; that the peer owns the key is proven by its CertificateVerify, without which no
handshake completes.
"""

from __future__ import annotations

import hashlib
import hmac

from aioquic import tls
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def pin_of(certificate: x509.Certificate) -> bytes:
    """32 bytes. Raises ValueError or UnsupportedAlgorithm when the key cannot be read."""
    key = certificate.public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


class PinCheck:
    """Refuses a certificate whose pin is not the expected one; None expects nothing. `seen` is the pin that
    came.
    """

    def __init__(self, expected: bytes | None) -> None:
        if expected is not None and len(expected) != hashlib.sha256().digest_size:
            raise ValueError("a pin has 32 bytes")
        self._expected = expected
        self.seen: bytes | None = None

    @property
    def mismatched(self) -> bool:
        return (
            self._expected is not None
            and self.seen is not None
            and not hmac.compare_digest(self.seen, self._expected)
        )

    def __call__(self, certificate: x509.Certificate) -> None:
        try:
            self.seen = pin_of(certificate)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise tls.AlertBadCertificate("the key cannot be read") from error
        if self.mismatched:
            raise tls.AlertBadCertificate("not the pinned key")
