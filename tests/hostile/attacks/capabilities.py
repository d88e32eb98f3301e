"""Capabilities that are not held, held too many, and given back too often."""

from __future__ import annotations

from typing import ClassVar

from qnpc.rpc import build
from qnpc.rpc.messages import Descriptor, Target
from qnpc.wire import NODE, SESSION, Empty, NodeChallengeParams, SessionSubscribeParams
from tests.hostile.attack import Attack
from tests.hostile.attacks.calls import HEALTH, ROOT
from tests.hostile.stranger import LIMITS
from tests.rpc.demo import Watcher

CHALLENGE = build.CallTemplate.of(NODE.challenge.key, NODE.challenge.params, NodeChallengeParams(bytes(32)))


def with_capability(*table: Descriptor) -> bytes:
    """A call that passes these, to an object that wants none of them."""
    params = SessionSubscribeParams(Watcher(), ())
    return build.call(1, Target(ROOT), SESSION.subscribe.key, SESSION.subscribe.params, params, table)


class Forgeries(Attack):
    """Calls on exports that were never made, were released, or are somebody else's; and such capabilities as parameters."""

    name: ClassVar[str] = "capability forgeries"
    _FORGERIES = (
        HEALTH.patched(1, 1),
        HEALTH.patched(1, 2**32 - 1),
        build.release(ROOT, 1) + build.release(ROOT, 1),
        build.release(ROOT, 2**32 - 1),
        CHALLENGE.patched(1, ROOT) + build.finish_releasing(1) + HEALTH.patched(2, 1),
        build.disembargo(7, 7),
        build.return_empty(9),
        with_capability(Descriptor("receiverHosted", 77)),
        with_capability(*[Descriptor("senderHosted", n) for n in range(LIMITS.exports + 1)]),
        with_capability(Descriptor("receiverAnswer", 5, (1,) * 40)),
        build.call(1, Target(99, (0,)), NODE.health.key, NODE.health.params, Empty(), ()),
        build.bootstrap(0) * 2,
    )

    async def prepare(self) -> None:
        await super().prepare()
        self.round = 0

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        for number, line in enumerate(self.lines):
            line.send(build.bootstrap(0) + self._FORGERIES[(self.round + number) % len(self._FORGERIES)])

    def complaint(self) -> str:
        return "" if self.stranger.ends else "nobody was cut off"


class Hoard(Attack):
    """As many objects as are allowed are asked for on each connection, and kept; then more."""

    name: ClassVar[str] = "exports hoarded"

    async def prepare(self) -> None:
        await super().prepare()
        self.next = 1
        for line in self.lines:
            line.send(build.bootstrap(0))

    async def strike(self) -> None:
        self.next += 1
        for line in self.lines:
            line.send(CHALLENGE.patched(self.next, ROOT))


class Bootstraps(Attack):
    """Bootstraps, finished and not: answers that nobody takes."""

    name: ClassVar[str] = "bootstrap flood"

    async def prepare(self) -> None:
        await super().prepare()
        kept = b"".join(build.bootstrap(number) for number in range(1, 200))
        taken = b"".join(build.bootstrap(0) + build.finish_releasing(0) for _ in range(200))
        self.rounds = (kept, taken, taken, taken, kept)
        self.round = 0

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        for line in self.lines:
            if line.connection.queued < 64 * 1024:
                line.send(self.rounds[self.round % len(self.rounds)])


class Storms(Attack):
    """Finishes of calls that were never made, for which there is no answer and no limit."""

    name: ClassVar[str] = "finish and release storms"

    async def prepare(self) -> None:
        await super().prepare()
        self.storm = b"".join(build.finish_releasing(number) for number in range(1000, 1300))
        self.releases = build.bootstrap(1) + build.finish_keeping(1) + build.release(ROOT, 1)
        for line in self.lines:
            line.send(build.bootstrap(0) + build.finish_keeping(0))

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        for line in self.lines:
            if line.connection.queued < 64 * 1024:
                line.send(self.storm + self.releases * 50)
