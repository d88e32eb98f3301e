"""A node's `auth_token` as an invite: one text in the node's configuration lets in whoever knows it, as often as they like.

Both sides derive the same 32 bytes from it, and only those are sent and, hashed, stored. They are bound to the node's pin: what one
node was shown opens no other that happens to have the same token. The token itself goes nowhere. Its id is the same for every token, so
that a node has at most one such invite: a new token takes the place of the old one.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

STANDING_ID = b"standing"
"""The public half, 8 bytes."""

_LABEL = b"qnpc auth_token invite 1"
_SECRET_BYTES = 24


def invite(token: str, pin: bytes) -> bytes:
    """What stands in a link's place of an invite: public id and secret, 32 bytes. HKDF-SHA-256 (RFC 5869), the pin as salt."""
    secret = HKDF(SHA256(), _SECRET_BYTES, salt=pin, info=_LABEL).derive(token.encode())
    return STANDING_ID + secret


def acceptable(token: str) -> bool:
    """One line of visible text, as it can be passed on in a file."""
    return bool(token) and token.isprintable() and token == token.strip()
