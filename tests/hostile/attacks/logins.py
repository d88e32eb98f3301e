"""Logins and registrations without end: each makes the node compute, look into its store and remember something."""

from __future__ import annotations

from typing import ClassVar

from qnpc._core import OpaqueClientLogin, OpaqueClientRegistration
from qnpc.rpc import build
from qnpc.rpc.messages import Target
from qnpc.wire import NODE, NodeLoginParams, NodeRegisterParams
from tests.hostile.attack import Attack
from tests.hostile.attacks.calls import ROOT

AT_ONCE = 14


class Logins(Attack):
    """Names that nobody has, and one that somebody has; finished and begun again, now and then kept."""

    name: ClassVar[str] = "login flood"

    async def prepare(self) -> None:
        await super().prepare()
        request = OpaqueClientLogin(b"guess").request
        calls = []
        for number in range(1, AT_ONCE + 1):
            params = NodeLoginParams("alice" if number % 2 else f"nobody-{number}", request)
            calls.append(build.call(number, Target(ROOT), NODE.login.key, NODE.login.params, params, ()))
        self.flood = b"".join(calls)
        self.finish = b"".join(build.finish_releasing(number) for number in range(1, AT_ONCE + 1))
        self.round = 0
        for line in self.lines:
            line.send(build.bootstrap(0) + build.finish_keeping(0))

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        for line in self.lines:
            if line.connection.queued < 64 * 1024:
                line.send(self.flood if self.round % 4 == 0 else self.finish)


class Registrations(Attack):
    """With invites that were guessed: each is looked up."""

    name: ClassVar[str] = "registration flood"

    async def prepare(self) -> None:
        await super().prepare()
        request = OpaqueClientRegistration(b"guess").request
        calls = []
        for number in range(1, AT_ONCE + 1):
            params = NodeRegisterParams(f"nobody-{number}", request, self.stranger.ports.random.bytes(32))
            calls.append(
                build.call(number, Target(ROOT), NODE.register.key, NODE.register.params, params, ())
            )
        self.flood = b"".join(calls)
        self.finish = b"".join(build.finish_releasing(number) for number in range(1, AT_ONCE + 1))
        self.round = 0
        for line in self.lines:
            line.send(build.bootstrap(0) + build.finish_keeping(0))

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        for line in self.lines:
            if line.connection.queued < 64 * 1024:
                line.send(self.flood if self.round % 4 == 0 else self.finish)
