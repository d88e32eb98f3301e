"""Honest people beside the attack: two clients in a conversation, and a third who comes when it is over.

What they notice is how long the node takes. It is asked at a steady pace over the session of a real client, in turns for what it
reads from its store and for what it has to write; messages go from one to the other all the while, and each must arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from qnpc import _core
from qnpc.client import Client, Group, Kdf, Message, Stretching, open_client, ping, register
from qnpc.errors import Error
from qnpc.link import NodeLink
from qnpc.ports import Ports
from qnpc.wire import SESSION, Cursor, Empty, SessionAckParams
from tests.hostile.judge import percentile

CHEAP = Stretching(Kdf(8, 1, 1), _core.Argon2(memory_kib=8, iterations=1, parallelism=1))

PACE = 0.02
"""Seconds between two questions."""

MESSAGES = 0.7
"""Seconds between two messages, slow enough for the rate that one sender may have."""

PATIENCE = 15.0
"""Seconds until something counts as lost. What is late only is judged by how long it took."""


@dataclass
class Heard:
    """What honest people noticed: how long each answer took, and which messages did not arrive."""

    seconds: list[float] = field(default_factory=list)
    lost: int = 0

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 0.99)


class Pair:
    """alice and bob, in a group. Made by `friends`. `kept_waiting`: the machine's part of what they wait for; it does not count."""

    def __init__(
        self, kept_waiting: Callable[[], float], ports: Ports, alice: Client, bob: Client, group: Group
    ) -> None:
        self._kept_waiting = kept_waiting
        self._ports = ports
        self._alice = alice
        self._bob = bob
        self._group = group
        self._said = 0

    async def talk(self, seconds: float) -> Heard:
        """For so long. A connection that is lost is an answer that took as long as it takes to give up."""
        heard = Heard()
        until = self._ports.clock.monotonic() + seconds
        await asyncio.gather(self._ask(heard, until), self._send(heard, until))
        return heard

    async def _ask(self, heard: Heard, until: float) -> None:
        clock = self._ports.clock
        asking: list[asyncio.Task[float]] = []
        while clock.monotonic() < until:
            asking.append(asyncio.ensure_future(self._asked(len(asking))))
            await clock.sleep(PACE)
        heard.seconds = list(await asyncio.gather(*asking))

    async def _asked(self, number: int) -> float:
        clock = self._ports.clock
        began, waited = clock.monotonic(), self._kept_waiting()
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                online = await self._alice.online()
                if number % 2:
                    await online.peer.call(online.session, SESSION.groups, Empty())
                else:
                    head = online.heads[0]
                    seen = Cursor(head.channel, head.incarnation, head.acked)
                    await online.peer.call(online.session, SESSION.ack, SessionAckParams((seen,)))
                return max(0.0, clock.monotonic() - began - (self._kept_waiting() - waited))
        return PATIENCE

    async def _send(self, heard: Heard, until: float) -> None:
        said = []
        while self._ports.clock.monotonic() < until:
            self._said += 1
            said.append(f"message {self._said}")
            await self._group.send(said[-1])
            await self._ports.clock.sleep(MESSAGES)
        heard.lost = len(said) - await received(self._bob, said)


async def received(client: Client, wanted: list[str]) -> int:
    """How many of these texts come, in order and once each, within PATIENCE."""
    got: list[str | None] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            listening = cast("AsyncGenerator[Message, None]", client.messages("honest", from_start=True))
            async with contextlib.aclosing(listening) as messages:
                while len(got) < len(wanted):
                    message = await anext(messages)
                    if message.text in wanted:
                        got.append(message.text)
    return len(got) if got == wanted[: len(got)] else 0


@contextlib.asynccontextmanager
async def person(path: Path, name: str, link: NodeLink, ports: Ports) -> AsyncIterator[Client]:
    await register(path / name, name, link, b"correct horse", unattended=True, ports=ports, stretching=CHEAP)
    async with open_client(path / name, ports=ports) as client:
        yield client


@contextlib.asynccontextmanager
async def friends(
    path: Path, link: NodeLink, ports: Ports, kept_waiting: Callable[[], float]
) -> AsyncIterator[Pair]:
    async with person(path, "alice", link, ports) as alice, person(path, "bob", link, ports) as bob:
        yield Pair(kept_waiting, ports, alice, bob, await meet(alice, bob, "friends", ports))


async def meet(one: Client, other: Client, name: str, ports: Ports) -> Group:
    """Both in a new group of `one`'s."""
    group = await one.create_group(name)
    await (await one.change_members(name, [other.username], add=True)).accepted(PATIENCE)
    async with asyncio.timeout(PATIENCE):
        while not await other.invitations():
            await ports.clock.sleep(0.01)
    await other.join(name)
    return group


async def newcomer(path: Path, name: str, link: NodeLink, ports: Ports) -> str:
    """Two who were never here register, meet, and each hears the other. Returns what went wrong, empty if nothing."""
    try:
        async with person(path, name, link, ports) as one, person(path, name + "-2", link, ports) as other:
            group = await meet(one, other, name, ports)
            await group.send("is anybody here?")
            if await received(other, ["is anybody here?"]) != 1:
                return "its message did not arrive"
            await other.send_text(name, "I am")
            if await received(one, ["I am"]) != 1:
                return "no message reached it"
    except (Error, TimeoutError) as error:
        return str(error) or type(error).__name__
    return ""


async def served(link: NodeLink, ports: Ports) -> str:
    """Whether somebody new is answered; as `newcomer`."""
    try:
        return "" if (await ping(link.without_invite, ports))["ready"] else "the node is not ready"
    except Error as error:
        return str(error)
