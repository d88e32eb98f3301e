"""Stateless resets (RFC 9000, 10.3): how a node that was killed tells its clients that their connections are
gone, instead of leaving them to find out when the idle timeout has passed.

The token of a connection id follows from the node's TLS key, so it is the same after a restart. A reset goes
out only for ids that nobody has, is shorter than what it answers so that two nodes cannot keep each other
busy, and is bounded per second.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from qnpc.ports import Random
from qnpc.transport.identity import PrivateKey

TOKEN_BYTES = 16
SHORTEST = 21
"""A reset's least size: it must look like a packet with a short header."""

_LONGEST = 43
_PER_SECOND = 200


class Resets:
    """A node's half."""

    def __init__(self, key: PrivateKey, random: Random) -> None:
        secret = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._key = hmac.new(b"qnpc stateless reset", secret, hashlib.sha256).digest()
        self._random = random
        self._second = 0
        self._spent = 0

    def token(self, connection_id: bytes) -> bytes:
        return hmac.new(self._key, connection_id, hashlib.sha256).digest()[:TOKEN_BYTES]

    def answer(self, datagram: bytes, connection_id: bytes, now: float) -> bytes | None:
        """The reset for a short header packet of an id that nobody has, or None."""
        size = min(_LONGEST, len(datagram) - 1)
        if size < SHORTEST:
            return None
        if int(now) != self._second:
            self._second, self._spent = int(now), 0
        self._spent += 1
        if self._spent > _PER_SECOND:
            return None
        noise = bytearray(self._random.bytes(size - TOKEN_BYTES))
        noise[0] = 0x40 | (noise[0] & 0x3F)
        return bytes(noise) + self.token(connection_id)


def is_reset(datagram: bytes, token: bytes) -> bool:
    """Whether `datagram` ends in the `token` that the peer gave for the id in use; empty: it gave none."""
    return (
        len(token) == TOKEN_BYTES
        and len(datagram) >= SHORTEST
        and hmac.compare_digest(datagram[-TOKEN_BYTES:], token)
    )
