"""What the SDK hands out: groups, members, messages and what is on its way. Each is a small value that knows its client."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from qnpc.client.events import Event

if TYPE_CHECKING:
    from qnpc.client.client import Client


@dataclass(frozen=True, slots=True)
class Contact:
    """A member of a group. `identity` is the account's public identity key, `trust` tofu, verified or changed."""

    name: str
    device: bytes
    identity: bytes
    admin: bool
    trust: str


@dataclass(frozen=True, slots=True)
class Sent:
    """Something on its way to the node; durable here already."""

    id: str
    group: str
    _client: Client = field(repr=False)
    _intent: bytes = field(repr=False)

    async def accepted(self, timeout: float | None = None) -> int | None:
        """Waits until the node has it durably; returns its seq in the group's log, None for what needed no entry.

        Raises the Error that it was refused with, and TimeoutError; then it stays on its way."""
        outcome = await self._client.outcome(self._intent, timeout)
        if outcome.error is not None:
            raise outcome.error
        return outcome.seq


@dataclass(frozen=True, slots=True)
class Message:
    """One row of history. `kind` is text, members, name, unreadable, unknown or gap; `text` is None for all but text
    and name."""

    id: str
    group: Group
    sender: str
    kind: str
    text: str | None
    at: datetime
    trust: str
    event: Event = field(repr=False)
    _consumer: str = field(repr=False, default="")
    _replies: list[int] = field(repr=False, default_factory=list)

    async def reply(self, text: str) -> Sent:
        """Sends to the same group. The id derives from consumer, message and count, so a message that is delivered
        again is not answered twice."""
        number = len(self._replies)
        self._replies.append(number)
        seed = f"reply\0{self._consumer}\0{self.group.id}\0{self.event['from']}\0{self.id}\0{number}"
        return await self.group.send(text, id=hashlib.sha256(seed.encode()).digest()[:16])


@dataclass(frozen=True, slots=True)
class Group:
    """A group that this profile knows. `id` is hex, `suite` the ciphersuite's number. It stays with its id, whatever is
    called `name` later."""

    name: str
    id: str
    suite: int
    _client: Client = field(repr=False)

    async def send(self, text: str, *, id: bytes | None = None) -> Sent:  # noqa: A002
        """Durable here when it returns; `await sent.accepted()` waits for the node. With `id` (16 bytes) a second
        call sends nothing new.

        Raises Error(TOO_LARGE, NOT_A_MEMBER, IDENTITY_CHANGED)."""
        return await self._client.send_text(self.id, text, id=id)

    async def invite(self, *users: str) -> Sent:
        """Adds every device of these accounts. Raises Error(NOT_ALLOWED, NOT_A_MEMBER, BAD_REQUEST)."""
        return await self._client.change_members(self.id, list(users), add=True)

    async def remove(self, *users: str) -> Sent:
        """Raises Error(NOT_ALLOWED, NOT_A_MEMBER, NOT_FOUND)."""
        return await self._client.change_members(self.id, list(users), add=False)

    async def update(self) -> Sent:
        """Renews our key material, so that what was stolen before is worth nothing after. Raises Error(NOT_A_MEMBER)."""
        return await self._client.update(self.id)

    async def members(self) -> list[Contact]:
        return await self._client.members(self.id)

    async def epoch(self) -> int:
        return await self._client.read(lambda tx: tx.mls_group(bytes.fromhex(self.id)).epoch)
