"""The play that `demo` shows: three people on one node, act by act, with a claim checked at each.

It knows the client as any program does, by requests and events. What each person's client shows is collected as it comes; a claim is
held against that, never against what was meant to happen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qnpc.cli import render, session
from qnpc.cli.output import Event
from qnpc.client import Client, open_client, ping, register
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.link import NodeLink
from qnpc.ports import Ports

PEOPLE = ("alice", "bob", "carol")
GROUP = "demo"

TOGETHER = (
    ("alice", "Hello, you two. Only we can read this."),
    ("bob", "Not even the node?"),
    ("carol", "It keeps our messages in order and hands them on, sealed."),
    ("alice", "And whoever records this today cannot open it with a quantum computer later."),
    ("bob", "Grüße aus der Zukunft, 未来, 🚀"),
    ("carol", "I will be quiet now."),
)
APART = (
    ("alice", "Carol is gone. Can she still read this?"),
    ("bob", "She should not be able to."),
)


@dataclass
class Result:
    """What was measured. `broken` names the claims that did not hold."""

    members: list[str]
    suite: str = ""
    tls_group: str = ""
    sent: int = 0
    delivered: int = 0
    expected: int = 0
    removed_can_read: bool = True
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    def claim(self, holds: bool, claim: str) -> bool:
        if not holds:
            self.broken.append(claim)
        return holds

    def summary(self) -> dict[str, Any]:
        return {
            "ok": not self.broken,
            "suite": self.suite,
            "tls_group": self.tls_group,
            "members": self.members,
            "sent": self.sent,
            "delivered": self.delivered,
            "lost": self.expected - self.delivered,
            "removed_can_read": self.removed_can_read,
            "seconds": round(self.seconds, 2),
        }


class Person:
    """One of the three: an open client, and everything it has shown of the group so far."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self.client = client
        self.shown: list[Event] = []
        self.refusal: Error | None = None
        self._changed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def ask(self, do: str, **fields: Any) -> list[Event]:
        """One request, all its events. Raises Error."""
        return [event async for event in session.stream(self.client, {"do": do, **fields})]

    def follow(self, group: str) -> None:
        self._following = asyncio.create_task(self._follow(group))

    async def stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None

    async def _follow(self, group: str) -> None:
        request = {"do": "recv", "group": group, "follow": True}
        try:
            async with contextlib.aclosing(session.stream(self.client, request)) as events:
                async for event in events:
                    self.shown.append(event)
                    self._changed.set()
        except Error as error:
            self.refusal = error
        finally:
            self._changed.set()

    def texts(self) -> list[str]:
        """Ids of the messages that were shown, in the order shown, twice if shown twice."""
        return [event["id"] for event in self.shown if event["kind"] == "text"]

    async def until(self, wanted: list[str]) -> None:
        """Returns when all these messages are shown, when no more can come, or when it takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DEFAULT.call_timeout):
                while not set(wanted) <= set(self.texts()) and self.refusal is None:
                    self._changed.clear()
                    await self._changed.wait()


class Play:
    """`run()` once. `narrate` gets a line for each thing that happened; the lines are for people."""

    def __init__(
        self,
        scratch: Path,
        link: NodeLink,
        suffix: str,
        ports: Ports,
        narrate: Callable[[str], None],
    ) -> None:
        """`suffix` makes names that are free on a node that others use; it may be empty."""
        self._scratch = scratch
        self._link = link
        self._names = {role: role + suffix for role in PEOPLE}
        self._ports = ports
        self._narrate = narrate
        self._group = GROUP + suffix
        self._passwords = {role: ports.random.bytes(24).hex().encode() for role in PEOPLE}
        self._cast: dict[str, Person] = {}
        self.result = Result(list(self._names.values()))

    async def run(self) -> Result:
        """Raises Error for what cannot go on; a claim that does not hold is in the result."""
        began = self._ports.clock.monotonic()
        async with AsyncExitStack() as stage:
            await self._arrive(stage)
            await self._meet()
            await self._talk(TOGETHER, list(PEOPLE))
            await self._part()
            await self._talk(APART, ["alice", "bob"])
            for person in self._cast.values():
                await person.stop_following()
        await self._carol_tries()
        self.result.seconds = self._ports.clock.monotonic() - began
        self._conclude()
        return self.result

    # -- the acts ------------------------------------------------------------------------------------------------------------

    async def _arrive(self, stage: AsyncExitStack) -> None:
        answer = await ping(self._link.without_invite, self._ports)
        self._narrate(
            f"node {answer['node']}   pin sha256:{answer['pin'][:16]}...   qnpc {answer['version']}"
        )
        groups = {answer["tls_group"]}
        for role, name in self._names.items():
            made = await register(
                self._profile(role),
                name,
                self._link,
                self._passwords[role],
                unattended=False,
                ports=self._ports,
            )
            groups.add(made.tls_group)
            self._narrate(
                f"{made.username} registered   device {made.device[: render.SHORT]}   tls {made.tls_group}"
            )
            self._cast[role] = Person(made.username, await stage.enter_async_context(self._open(role)))
        self.result.tls_group = ", ".join(sorted(groups))
        self.result.claim(len(groups) == 1, "every connection negotiated the same TLS group")

    async def _meet(self) -> None:
        alice, bob, carol = (self._cast[role] for role in PEOPLE)
        made = (await alice.ask("create_group", name=self._group))[-1]
        self.result.suite = made["suite"]
        self._narrate(f"group {self._group}   suite {made['suite']}")
        invited = (await alice.ask("invite", group=self._group, users=[bob.name, carol.name]))[-1]
        self._say(invited)
        for person in (bob, carol):
            joined = (await person.ask("join", group=self._group))[-1]
            self.result.claim(
                sorted(joined["members"]) == sorted(self._names.values()),
                f"{person.name} sees the three members",
            )
        for person in self._cast.values():
            person.follow(self._group)

    async def _talk(self, lines: tuple[tuple[str, str], ...], roles: list[str]) -> None:
        """Each line is accepted before the next is said; then all the others must show it, once."""
        said: list[tuple[str, str]] = []
        for role, text in lines:
            sent = (
                await self._cast[role].ask("send", group=self._group, text=text, timeout=DEFAULT.send_timeout)
            )[-1]
            self.result.claim(sent["kind"] == "accepted", f"{self._names[role]}'s message was accepted")
            self.result.sent += 1
            said.append((sent["id"], role))
        for role in roles:
            reader = self._cast[role]
            wanted = [identifier for identifier, sender in said if sender != role]
            await reader.until(wanted)
            got = [identifier for identifier in reader.texts() if identifier in wanted]
            self.result.expected += len(wanted)
            self.result.delivered += len(set(got))
            self.result.claim(set(got) == set(wanted), f"{reader.name} got every message")
            self.result.claim(
                got == wanted or set(got) != set(wanted), f"{reader.name} got each once and in order"
            )
        for (identifier, role), (_, text) in zip(said, lines, strict=True):
            readers = [self._names[reader] for reader in roles if identifier in self._cast[reader].texts()]
            self._narrate(f"  {self._names[role]}: {text}")
            self._narrate(f"      read by {', '.join(readers) or 'nobody'}")

    async def _part(self) -> None:
        alice, carol = self._cast["alice"], self._cast["carol"]
        removed = (await alice.ask("remove", group=self._group, users=[carol.name]))[-1]
        self._say(removed)
        left = sorted({event["name"] for event in await alice.ask("members", group=self._group)})
        self.result.claim(
            carol.name not in left and len(left) == len(PEOPLE) - 1, f"{carol.name} is no member any more"
        )

    async def _carol_tries(self) -> None:
        """A new session, so that the node has every chance to hand her what came after, and then a message of her own."""
        name = self._names["carol"]
        before = set(self._cast["carol"].texts())
        async with self._open("carol") as client:
            carol = Person(name, client)
            await self._collect(carol, "recv", follow=False)
            await self._collect(carol, "history", limit=1000)
            shown = self._cast["carol"].shown + carol.shown
            texts = {event["text"] for event in shown if event["kind"] == "text"}
            told = [event for event in shown if event["kind"] == "members" and name in event["removed"]]
            reached = carol.refusal is None or carol.refusal.kind is Code.NOT_A_MEMBER
            self.result.claim(bool(told) and reached, f"{name} was told of the removal, and asked for more")
            read = [text for _, text in APART if text in texts]
            self.result.removed_can_read = bool(read)
            self.result.claim(not read, f"{name} could not read on")
            self.result.claim(bool(before), f"{name} could read before")
            try:
                answer = await carol.ask(
                    "send", group=self._group, text="Am I still here?", timeout=DEFAULT.send_timeout
                )
                refusal = f"not refused but {answer[-1]['kind']}"
            except Error as error:
                refusal = error.code
            self.result.claim(
                refusal == Code.NOT_A_MEMBER.number, f"{name}'s message was refused as a stranger's"
            )
        self._narrate(f"{name} {'READ ON' if read else 'could not read on'}; sending: {refusal}")

    async def _collect(self, person: Person, do: str, **fields: Any) -> None:
        """What a request shows, whether or not it ends with a refusal: that is what a removed member may meet."""
        request = {"do": do, "group": self._group, **fields}
        try:
            async with contextlib.aclosing(session.stream(person.client, request)) as events:
                async for event in events:
                    person.shown.append(event)
        except Error as error:
            person.refusal = error

    # -- props ---------------------------------------------------------------------------------------------------------------

    def _profile(self, role: str) -> Path:
        return self._scratch / role

    def _open(self, role: str) -> contextlib.AbstractAsyncContextManager[Client]:
        return open_client(
            self._profile(role), trust="tofu", password=self._passwords[role], ports=self._ports
        )

    def _say(self, event: Event) -> None:
        self._narrate(render.human(event))

    def _conclude(self) -> None:
        result = self.result
        self._narrate(f"suite {result.suite}   tls {result.tls_group}")
        self._narrate(
            f"{result.sent} sent, {result.delivered} delivered, {result.expected - result.delivered} lost"
        )
