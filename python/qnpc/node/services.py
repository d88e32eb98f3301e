"""What the handlers of one node share.

Reads on behalf of a session go through `read`, which holds token and device against the store in the same job that reads, so that an
expired token or a revoked device gets nothing from that moment on. Writes carry an `Actor`, and the store does the same for them. A write
that others are told of goes through the gate's `finish`, so that they are told even if whoever asked for it is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from qnpc._core import OpaqueServer
from qnpc.limits import Limits
from qnpc.node.gate import Gate
from qnpc.node.live import check_live
from qnpc.node.pending import Pending
from qnpc.node.store.contract import Actor, Store
from qnpc.node.store.writer import Writer
from qnpc.node.trackers import Trackers
from qnpc.ports import Ports

if TYPE_CHECKING:
    from qnpc.node.fanout import Fanout

P = ParamSpec("P")
R = TypeVar("R")

LARGEST = 2**63 - 1
"""The largest integer that a store can hold; those on the wire may be twice as large."""


@dataclass(frozen=True, slots=True)
class Services:
    """One per running node. `started` is on the monotonic clock; the rest says itself."""

    store: Store
    writer: Writer
    ports: Ports
    limits: Limits
    pin: bytes
    suites: tuple[int, ...]
    opaque: OpaqueServer
    pending: Pending
    trackers: Trackers
    gate: Gate
    fanout: Fanout
    started: float
    strangers: asyncio.Semaphore
    """Held while a read of a stranger runs. More would stand in line for a thread before those of sessions, hundreds of them."""

    def now(self) -> int:
        """Unix milliseconds."""
        return int(self.ports.clock.now() * 1000)

    def monotonic(self) -> float:
        return self.ports.clock.monotonic()

    async def query(
        self, function: Callable[Concatenate[Store, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """A read that needs no session. `function` gets the store first, and runs in a job, a few of them at once."""
        async with self.strangers:
            return await self.ports.jobs.run(lambda: function(self.store, *args, **kwargs))

    async def read(
        self, actor: Actor, function: Callable[Concatenate[Store, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """A read for a session. Raises Error(SESSION_EXPIRED), Error(DEVICE_REVOKED)."""

        def live() -> R:
            check_live(self.store, actor, self.now())
            return function(self.store, *args, **kwargs)

        return await self.ports.jobs.run(live)
