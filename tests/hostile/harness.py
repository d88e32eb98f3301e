"""One attack against one node: a real `qnpc serve`, honest clients beside it, and attackers in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qnpc.link import NodeLink
from qnpc.node.admin import create_invite
from qnpc.ports import Ports
from tests.hostile import honest
from tests.hostile.attack import Attack
from tests.hostile.catalogue import ATTACKS
from tests.hostile.gauge import Gauge
from tests.hostile.judge import ENTRY, MIB, Bounds, Measured
from tests.hostile.processes import OURS, Helper
from tests.support.processes import Running

BUILDS_UP = 1.0
"""Seconds of an attack before somebody comes."""

CALIBRATION = 16
"""Idle connections by which the size of one is measured."""

FEW = 16
"""Connections of an attack that is not run whole."""

REHEARSAL = 2
REHEARSAL_SECONDS = 0.5

_INNOCENT = {"debug", "info"}
"""Levels of a node's log. Anything else that it writes to stderr is a complaint."""


def bounds(attack: type[Attack], *, lenient: bool) -> Bounds:
    """`lenient`: for machines on which much else runs, and with fewer connections."""
    made = Bounds(
        attack.connections, attack.opens, attack.per_connection, attack.cores, settles=attack.settles
    )
    if lenient:
        return replace(
            made,
            connections=connections(attack, whole=False),
            cores=attack.cores + 0.3,
            noise=3 * MIB,
            latency=5.0,
            latency_floor=0.5,
            entry=2 * ENTRY,
            settles=max(attack.settles, 10.0),
        )
    return made if attack.rehearsed else replace(made, noise=3 * MIB)


def connections(attack: type[Attack], *, whole: bool) -> int:
    return attack.connections if whole or not attack.rehearsed else min(FEW, attack.connections)


@dataclass
class Scene:
    """A node under observation. Each attack comes from addresses of its own."""

    path: Path
    ports: Ports
    node: Running
    gauge: Gauge
    link: NodeLink
    attackers: Helper
    visitors: Helper
    pair: honest.Pair
    idle: float = 0.0
    baseline: honest.Heard | None = None
    _network: int = 1
    _complaints: int = 0
    newcomers: int = field(default=0)
    comers: int = field(default=0)

    async def calibrate(self) -> None:
        """What one idle connection holds."""
        self._network += 1
        before = self.gauge.memory()
        await self.attackers.do("prepare", "idle", self._network, CALIBRATION)
        self.idle = max(0.0, (self.gauge.memory() - before) / CALIBRATION)
        await self.attackers.do("leave")

    async def run(self, name: str, seconds: float, *, whole: bool) -> Measured:
        """`whole`: the baseline is measured anew, and newcomers have a conversation; else they are only answered."""
        gauge, clock = self.gauge, self.ports.clock
        if whole and ATTACKS[name].rehearsed:
            await self._rehearse(name)
        self._network += 1
        await self.attackers.do("prepare", name, self._network, connections(ATTACKS[name], whole=whole))
        if whole or self.baseline is None:
            self.baseline = await self.pair.talk(max(seconds, 1.5))
        before = gauge.peak = gauge.memory()
        watching = asyncio.ensure_future(gauge.watch())
        cpu, began, dropped = gauge.cpu(), clock.monotonic(), gauge.dropped(self.link.port)
        heard, told, came = await asyncio.gather(
            self.pair.talk(seconds), self.attackers.do("strike", seconds), self._come(seconds)
        )
        spent, passed = gauge.cpu() - cpu, clock.monotonic() - began
        settled = await gauge.rest(bounds(ATTACKS[name], lenient=not whole).settles)
        watching.cancel()
        await self.attackers.do("leave")
        return Measured(
            seconds=passed,
            idle=self.idle,
            memory=gauge.peak - before,
            node_cpu=spent,
            attacker_cpu=told["cpu"],
            sent=told["sent"],
            ends=told["ends"],
            dropped=gauge.dropped(self.link.port) - dropped,
            before_p99=self.baseline.p99,
            p99=heard.p99,
            settled=settled,
            lost=heard.lost,
            entered=came["entered"],
            returned=came["returned"],
            newcomer=await self.newcomer() if whole else await honest.served(self.link, self.ports),
            complaint=told["complaint"],
            errors=self._errors(),
        )

    async def _rehearse(self, name: str) -> None:
        """With few connections: what the node takes into memory once, because this was never asked of it before, is no attack's doing."""
        self._network += 1
        await self.attackers.do("prepare", name, self._network, REHEARSAL)
        await self.attackers.do("strike", REHEARSAL_SECONDS)
        await self.attackers.do("leave")
        await self.gauge.rest(ATTACKS[name].settles)

    async def _come(self, seconds: float) -> dict[str, Any]:
        await self.ports.clock.sleep(min(BUILDS_UP, seconds / 4))
        self.comers += 1
        return await self.visitors.do("come", self.path, f"comer-{self.comers}")

    async def newcomer(self) -> str:
        self.newcomers += 1
        return await honest.newcomer(self.path, f"guest-{self.newcomers}", self.link, self.ports)

    def _errors(self) -> tuple[str, ...]:
        """What the node has written to stderr since, beside its ordinary log."""
        fresh = self.node.errors[self._complaints :]
        self._complaints += len(fresh)
        return tuple(line for line in fresh if level(line) not in _INNOCENT)[:3]


def level(line: str) -> str:
    """Of a line of the node's log, empty if it is none."""
    try:
        return str(json.loads(line)["level"])
    except (ValueError, KeyError, TypeError):
        return ""


@contextlib.asynccontextmanager
async def scene(path: Path, ports: Ports, package: Path = OURS) -> AsyncIterator[Scene]:
    """`package`: a directory with the `qnpc` that the node runs."""
    data = path / "node"
    arguments = ("serve", "--listen", "127.0.0.1:0", "--data-dir", str(data), "--json")
    with Running(*arguments, PYTHONDEVMODE="", PYTHONPATH=str(package)) as node:
        await asyncio.to_thread(node.event, "listening")
        link = await create_invite(data, None, None, ports)
        gauge = Gauge(node.process.pid, ports.clock)
        attackers = Helper("tests.hostile.attacker", link)
        visitors = Helper("tests.hostile.visitor", link, node.process.pid)
        try:
            await visitors.do("settle", path)
            async with honest.friends(path, link, ports, gauge.kept_waiting) as pair:
                made = Scene(path, ports, node, gauge, link, attackers, visitors, pair)
                await made.calibrate()
                gc.collect()
                gc.freeze()  # what the collector takes here would count as the node's
                yield made
        finally:
            gc.unfreeze()
            attackers.close()
            visitors.close()
            node.stop()


def attack_names() -> list[str]:
    return [name for name in ATTACKS if name != "idle"]
