"""Calls: more at once than is allowed, as many as are allowed for ever, and calls upon calls that have no answer yet."""

from __future__ import annotations

from typing import ClassVar

from qnpc.rpc import build
from qnpc.rpc.build import CallTemplate
from qnpc.rpc.messages import Target
from qnpc.wire import NODE, PROOF, SESSION, Empty, NodeChallengeParams, ProofFinishParams, SessionGroupParams
from tests.hostile.attack import Attack
from tests.hostile.stranger import LIMITS

ROOT = 0
"""The bootstrap's export, once it was asked for."""

HEALTH = CallTemplate.of(NODE.health.key, NODE.health.params, Empty())


class CallsInFlight(Attack):
    """Ten thousand calls at once on each connection, answers unseen."""

    name: ClassVar[str] = "10,000 calls in flight"

    async def prepare(self) -> None:
        await super().prepare()
        self.flood = build.bootstrap(0) + b"".join(
            HEALTH.patched(number, ROOT) for number in range(1, 10_001)
        )

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        for line in self.lines:
            if (
                not line.connection.queued
            ):  # else it would end its connections itself, while the node still holds them
                line.send(self.flood)

    def complaint(self) -> str:
        return "" if self.stranger.ends else "nobody was cut off"


class BusyCaller(Attack):
    """As many calls at once as are allowed, new ones as soon as the answers are here, for ever."""

    name: ClassVar[str] = "calls without a break"
    _AT_ONCE = LIMITS.calls_before_login - 2

    async def prepare(self) -> None:
        await super().prepare()
        self.round = b"".join(HEALTH.patched(number, ROOT) for number in range(1, self._AT_ONCE + 1))
        self.due = dict.fromkeys(self.lines, 0)
        peer = await self.stranger.peer(0)
        answer = await peer.call(peer.bootstrap(), NODE.health, Empty())
        self.stranger.forget(self.stranger.connections[-1])
        self.size = len(build.return_results(1, NODE.health.results, answer, (), no_finish=True))
        for line in self.lines:
            line.send(build.bootstrap(0) + build.finish_keeping(0))

    async def strike(self) -> None:
        for line in self.lines:
            if line.heard >= self.due[line]:
                self.due[line] = line.heard + self._AT_ONCE * self.size
                line.send(self.round)


class PromiseChains(Attack):
    """Calls on the promised answers of calls on promised answers, none of which will ever bring a capability."""

    name: ClassVar[str] = "promised-answer chains"

    async def prepare(self) -> None:
        await super().prepare()
        proof = dict(NODE.challenge.results.capabilities)["proof"]
        session = dict(PROOF.finish.results.capabilities)["session"]
        group = dict(SESSION.group.results.capabilities)["group"]
        device = bytes(32)
        messages = [
            build.call(
                1, Target(ROOT), NODE.challenge.key, NODE.challenge.params, NodeChallengeParams(device), ()
            ),
            build.call(
                2,
                Target(1, (proof,)),
                PROOF.finish.key,
                PROOF.finish.params,
                ProofFinishParams(bytes(64)),
                (),
            ),
        ]
        asked = SessionGroupParams(bytes(16))
        for number in range(3, LIMITS.calls_before_login - 1):
            path = (session,) if number == 3 else (group,) * (number % LIMITS.nesting)
            target = Target(number - 1, path)
            messages.append(build.call(number, target, SESSION.group.key, SESSION.group.params, asked, ()))
        messages += [build.finish_releasing(number) for number in range(LIMITS.calls_before_login - 2, 0, -1)]
        self.chain = b"".join(messages)
        for line in self.lines:
            line.send(build.bootstrap(0))

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        for line in self.lines:
            if line.connection.queued < len(self.chain):
                line.send(self.chain)
