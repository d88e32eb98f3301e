"""No attack: what honest connections hold that nobody uses."""

from __future__ import annotations

from typing import ClassVar

from qnpc.rpc import build
from tests.hostile.attack import Attack


class Idle(Attack):
    """Opened, asked for the bootstrap, and left alone."""

    name: ClassVar[str] = "idle"

    async def prepare(self) -> None:
        await super().prepare()
        for line in self.lines:
            line.send(build.bootstrap(0) + build.finish_keeping(0))

    async def strike(self) -> None: ...
