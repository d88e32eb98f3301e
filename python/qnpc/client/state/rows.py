"""Rows of the profile's database, field by field as the statements select them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GroupRow:
    """`state` is creating, active, removed or lapsed (it missed part of the log, or came from a backup)."""

    id: bytes
    name: str
    suite: int
    state: str
    counter: int


@dataclass(frozen=True, slots=True)
class InvitationRow:
    group: bytes
    name: str
    inviter: str
    identity: bytes
    suite: int
    epoch: int
    welcome: bytes
    received: int
    device: bytes  # of the inviter


@dataclass(frozen=True, slots=True)
class RawEntryRow:
    channel: bytes
    seq: int
    id: bytes
    sender: bytes
    received: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class ContactRow:
    """`trust` is tofu, verified or changed."""

    username: str
    identity: bytes
    trust: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """`kind` is text, members, name, unreadable, unknown or gap; `body` the text, or JSON of what the kind needs."""

    position: int
    group: bytes
    seq: int | None
    id: bytes
    sender: str
    kind: str
    body: str = field(repr=False)
    own: int
    state: str
    at: int
    missing: int


@dataclass(frozen=True, slots=True)
class IntentRow:
    """`kind` is create, text, add, remove or update; `state` waiting, sealed, accepted or failed; `parts` goes with a sealed commit."""

    number: int
    id: bytes
    group: bytes
    kind: str
    body: str = field(repr=False)
    state: str
    epoch: int | None
    sealed: bytes | None = field(repr=False)
    parts: bytes | None = field(repr=False)
    seq: int | None
    code: str | None
    reason: str | None
