"""What a device or an identity signs to prove itself, as bytes.

A statement is unambiguous: each field is preceded by its length, so that no two lists of fields give the same bytes. The signing
context (the `CONTEXT_*` below) goes beside it into the signature, so that one kind of statement can never stand for another.
Every statement names the node's key: what one node is told proves nothing to another.
"""

from __future__ import annotations

import struct

OPAQUE_SERVER = b"qnpc node"
"""The server identity of OPAQUE (RFC 9807, 6.1). Not the pin: that changes with the TLS key, and no password would work
any more. Whom a client talks to is held by the pin, and inside OPAQUE by the node's own long-term key.
"""

CONTEXT_ENROL_IDENTITY = "enrol identity"
CONTEXT_ENROL_DEVICE = "enrol device"
CONTEXT_CHALLENGE = "challenge"


def statement(*fields: bytes) -> bytes:
    """Each field after its length, four bytes big-endian."""
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


def enrolment_statement(
    node_pin: bytes, challenge: bytes, username: str, identity_key: bytes, device: bytes
) -> bytes:
    """What both the identity key and the device key sign when a device is bound to an account.

    `node_pin` 32 bytes; `challenge` as the node gave it; `identity_key` and `device` Ed25519 public keys of 32 bytes.
    """
    return statement(node_pin, challenge, username.encode(), identity_key, device)


def challenge_statement(node_pin: bytes, nonce: bytes, device: bytes) -> bytes:
    """What a device signs to renew its session: the node's pin, the node's nonce, its own key."""
    return statement(node_pin, nonce, device)
