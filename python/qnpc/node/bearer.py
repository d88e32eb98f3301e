"""Bearer secrets: tokens and invites.

Each is a public id, by which it is found, and a secret, of which only the SHA-256 is kept. The secrets are uniformly random, so a plain
hash is enough; they are compared in constant time. A secret is never logged and never leaves but in the answer that hands it out.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from qnpc.ports import Random


@dataclass(frozen=True, slots=True)
class Shape:
    """Bytes of the public id and of the secret."""

    id: int
    secret: int

    @property
    def size(self) -> int:
        return self.id + self.secret


TOKEN = Shape(16, 32)
INVITE = Shape(8, 24)


@dataclass(frozen=True, slots=True)
class Bearer:
    """One as it is on the wire, split."""

    id: bytes
    secret: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        return self.id + self.secret

    @property
    def hash(self) -> bytes:
        """What is stored."""
        return hashlib.sha256(self.secret).digest()

    def matches(self, stored: bytes) -> bool:
        """In constant time."""
        return hmac.compare_digest(self.hash, stored)


def mint(shape: Shape, random: Random) -> Bearer:
    return Bearer(random.bytes(shape.id), random.bytes(shape.secret))


def split(shape: Shape, data: bytes) -> Bearer | None:
    """None for a wrong length, which no bearer has."""
    return Bearer(data[: shape.id], data[shape.id :]) if len(data) == shape.size else None
