"""The structs of node.capnp as values.

One frozen dataclass per struct, one field per field, in the order of the schema. Lists are tuples,
Data is bytes, times are Unix milliseconds. Lengths are not checked here: what a key or an id must look like is for whoever uses it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """`pin`: SHA-256 of the node certificate's SubjectPublicKeyInfo. `registration`: "invite" or "closed"."""

    version: str
    wire: int
    pin: bytes
    registration: str
    suites: tuple[int, ...]
    max_payload: int


@dataclass(frozen=True, slots=True)
class Health:
    """`detail`: why it is not ready, in one line. `tls_group`: what this very connection negotiated."""

    ready: bool
    detail: str
    tls_group: str
    uptime_ms: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Binds a device to an account: both keys sign the challenge (statements.py), and the certificate joins them."""

    identity_key: bytes
    certificate: bytes
    identity_proof: bytes
    device_proof: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """`secret`: 16 bytes of public id, 32 of secret. It is in no repr."""

    secret: bytes
    expires_at: int

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at})"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a channel. `incarnation`: of the node's log. `seq`: dense per channel, from 1. `sender`: a device."""

    channel: bytes
    incarnation: int
    seq: int
    id: bytes
    sender: bytes
    received: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Cursor:
    """`seq`: the last entry that is durable at the receiver."""

    channel: bytes
    incarnation: int
    seq: int


@dataclass(frozen=True, slots=True)
class Head:
    """`seq`: the newest entry. `acked`: what the node believes this device has. `first`: the first it can have."""

    channel: bytes
    incarnation: int
    seq: int
    acked: int
    first: int
    group: bool


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    device: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class DeviceKeyPackage:
    """`key_package`: an MLSMessage of wire format mls_key_package."""

    device: bytes
    certificate: bytes
    key_package: bytes


@dataclass(frozen=True, slots=True)
class Welcome:
    """`device`: whose inbox. `payload`: a sealed envelope."""

    device: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class GroupSummary:
    id: bytes
    suite: int
    epoch: int
