"""One attack against one node: a real `qnpc serve`, honest clients beside it, and attackers in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qnpc
from qnpc.link import NodeLink
from qnpc.node.admin import create_invite
from qnpc.ports import Ports
from tests.hostile import honest
from tests.hostile.attack import Attack
from tests.hostile.catalogue import ATTACKS
from tests.hostile.gauge import Gauge
from tests.hostile.judge import MIB, SETTLE, Bounds, Measured
from tests.support.processes import DEADLINE, Running, environment

PLAIN = {"PYTHONDEVMODE": ""}
"""As a user's interpreter: development mode has an allocator of its own, and is slow. The node has it too."""

CALIBRATION = 16
"""Idle connections by which the size of one is measured."""

FEW = 16
"""Connections of an attack that is not run whole."""

REHEARSAL = 2
REHEARSAL_SECONDS = 0.5

_INNOCENT = {"debug", "info"}
"""Levels of a node's log. Anything else that it writes to stderr is a complaint."""

TESTS = Path(__file__).parents[2]
OURS = Path(qnpc.__file__).parents[1]
"""Where the processes find the tests, and the same package that the harness runs."""


def bounds(attack: type[Attack], *, lenient: bool) -> Bounds:
    """`lenient`: for machines on which much else runs, and with fewer connections."""
    if lenient:
        return Bounds(
            connections(attack, whole=False),
            attack.opens,
            attack.per_connection,
            attack.cores + 0.3,
            3 * MIB,
            5.0,
            0.5,
        )
    noise = MIB if attack.rehearsed else 3 * MIB
    return Bounds(attack.connections, attack.opens, attack.per_connection, attack.cores, noise)


def connections(attack: type[Attack], *, whole: bool) -> int:
    return attack.connections if whole or not attack.rehearsed else min(FEW, attack.connections)


class Attackers:
    """The other process. See attacker.py."""

    def __init__(self, node: NodeLink) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.attacker", str(node)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment() | PLAIN | {"PYTHONPATH": f"{TESTS}:{OURS}"},
            cwd=TESTS,
        )

    async def do(self, *command: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, command)) + "\n")
        self._process.stdin.flush()
        async with asyncio.timeout(DEADLINE):
            line = await asyncio.get_running_loop().run_in_executor(None, self._process.stdout.readline)
        assert line, "the attackers died"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@dataclass
class Scene:
    """A node under observation. Each attack comes from addresses of its own."""

    path: Path
    ports: Ports
    node: Running
    gauge: Gauge
    link: NodeLink
    attackers: Attackers
    pair: honest.Pair
    idle: float = 0.0
    baseline: honest.Heard | None = None
    _network: int = 1
    _complaints: int = 0
    newcomers: int = field(default=0)

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
        heard, told = await asyncio.gather(self.pair.talk(seconds), self.attackers.do("strike", seconds))
        spent, passed = gauge.cpu() - cpu, clock.monotonic() - began
        settled = await gauge.rest(SETTLE)
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
        await self.gauge.rest(SETTLE)

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
        attackers = Attackers(link)
        try:
            async with honest.friends(path, link, ports, gauge.kept_waiting) as pair:
                made = Scene(path, ports, node, gauge, link, attackers, pair)
                await made.calibrate()
                gc.collect()
                gc.freeze()  # what the collector takes here would count as the node's
                yield made
        finally:
            gc.unfreeze()
            attackers.close()
            node.stop()


def attack_names() -> list[str]:
    return [name for name in ATTACKS if name != "idle"]
