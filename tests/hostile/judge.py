"""What was measured, and whether it is within the bounds. Numbers in, sentences out: the harness can be shown to fail
without a node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MIB = 1024 * 1024

ENTRY = 3.0
"""Seconds in which somebody new must have registered, and a member whose connection broke be back, while the attack lasts."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`noise`: bytes that the node's memory moves by itself while honest clients use it. `latency` is a factor on the honest client's
    p99, or `latency_floor` seconds more, whichever is larger."""

    connections: int
    opens: bool
    per_connection: int
    cores: float
    noise: int = MIB
    latency: float = 2.0
    latency_floor: float = 0.020
    entry: float = ENTRY
    settles: float = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes, seconds. `idle`: what the node holds for one idle connection. `memory`: its growth at the peak, above
    its idle connections. `dropped`: datagrams that the kernel had no room for, honest ones among them. `settled`: how
    long after the end it was busy; None if it did not come to rest. `lost`: honest messages that did not arrive. `entered`,
    `returned`: how long somebody new took to register during the attack, and a member to come back; None: did not.
    """

    seconds: float
    idle: float
    memory: int
    node_cpu: float
    attacker_cpu: float
    sent: int
    ends: int
    dropped: int
    before_p99: float
    p99: float
    settled: float | None
    lost: int
    entered: float | None
    returned: float | None
    newcomer: str = ""
    complaint: str = ""
    errors: tuple[str, ...] = ()

    @property
    def cores(self) -> float:
        return self.node_cpu / self.seconds

    @property
    def effort(self) -> float:
        """Seconds of the node per second of the attacker."""
        return self.node_cpu / max(self.attacker_cpu, 0.01)


def memory_bound(bounds: Bounds, idle: float) -> int:
    each = bounds.per_connection + (idle if bounds.opens else 0.0)
    return bounds.noise + int(bounds.connections * each)


def latency_bound(bounds: Bounds, before: float) -> float:
    return max(bounds.latency * before, before + bounds.latency_floor)


def latency_is_bad(measured: Measured, bounds: Bounds) -> bool:
    return measured.p99 > latency_bound(bounds, measured.before_p99)


def judge(measured: Measured, bounds: Bounds) -> list[str]:
    """What is bad; empty when all is within the bounds."""
    bad = []
    if measured.memory > (most := memory_bound(bounds, measured.idle)):
        bad.append(f"memory grew by {measured.memory / MIB:.1f} MiB, {most / MIB:.1f} are allowed")
    if measured.cores > bounds.cores:
        bad.append(f"{measured.cores:.2f} cores were busy, {bounds.cores:.2f} are allowed")
    if latency_is_bad(measured, bounds):
        most_ms = 1000 * latency_bound(bounds, measured.before_p99)
        bad.append(f"honest p99 was {1000 * measured.p99:.0f} ms, {most_ms:.0f} are allowed")
    if measured.settled is None:
        bad.append(f"it was still busy {bounds.settles:.0f} s after the end")
    if measured.lost:
        bad.append(f"{measured.lost} honest messages did not arrive")
    for who, took in (("somebody new", measured.entered), ("a member", measured.returned)):
        if took is None or took > bounds.entry:
            late = "did not get in" if took is None else f"took {took:.1f} s to get in"
            bad.append(f"{who} {late} meanwhile, {bounds.entry:.0f} s are allowed")
    if measured.newcomer:
        bad.append(f"a new client was not served: {measured.newcomer}")
    if measured.complaint:
        bad.append(measured.complaint)
    bad += [f"the node complained: {line}" for line in measured.errors]
    return bad


def percentile(samples: Sequence[float], share: float) -> float:
    """Nearest rank."""
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]
