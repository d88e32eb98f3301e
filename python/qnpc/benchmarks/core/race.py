"""The race: contestants in turn, on one core, and the median of each."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from qnpc.ports import Clock

if sys.platform == "win32":

    def cpu_seconds() -> float:
        """What this process has used so far, with all of its threads."""
        times = os.times()
        return times.user + times.system

else:
    import resource

    def cpu_seconds() -> float:
        """What this process has used so far, with all of its threads."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime


OURS = "qnpc"

SLICE = 0.002
"""Seconds that one contestant runs before it is the next one's turn."""

ROUNDS = 31
"""Turns of each; odd, so that the median is one that was measured."""

_LONGEST = 1.5
"""Seconds that all turns of one contestant may take; slow work gets fewer of them, three at least."""

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Result:
    """`times`: microseconds per piece of work, by contestant. `extra`: sizes and the like, for the report."""

    name: str
    times: Mapping[str, float]
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def ours(self) -> float:
        return self.times[OURS]

    @property
    def peers(self) -> dict[str, float]:
        return {name: time for name, time in self.times.items() if name != OURS}

    @property
    def ratio(self) -> float | None:
        """The best peer's time divided by ours: 1 or more is won. None without a peer."""
        return min(self.peers.values()) / self.ours if self.peers else None

    def row(self) -> dict[str, object]:
        return {
            "name": self.name,
            "ours_us": round(self.ours, 3),
            "peers": {name: round(time, 3) for name, time in self.peers.items()},
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            **self.extra,
        }


def race(clock: Clock, name: str, contestants: Mapping[str, Work]) -> Result:
    """Each contestant's work can be done again and again."""
    counts = {who: _count(clock, work) for who, work in contestants.items()}
    slowest = max(once(clock, work, counts[who]) for who, work in contestants.items())
    rounds = min(ROUNDS, max(3, int(_LONGEST / slowest) | 1))
    samples: dict[str, list[float]] = {who: [] for who in contestants}
    order = list(contestants)
    with undisturbed():
        for turn in range(rounds):
            first = turn % len(order)
            for who in order[first:] + order[:first]:
                samples[who].append(once(clock, contestants[who], counts[who]) / counts[who])
    return Result(name, {who: 1e6 * statistics.median(taken) for who, taken in samples.items()})


def _count(clock: Clock, work: Work) -> int:
    """How often it fits into a slice."""
    count = 1
    while (passed := once(clock, work, count)) < SLICE / 2:
        count = max(2 * count, int(count * SLICE / max(passed, 1e-7)) // 2)
    return count


def once(clock: Clock, work: Work, count: int = 1) -> float:
    """Seconds that `count` pieces of work take."""
    turns = itertools.repeat(None, count)
    began = clock.monotonic()
    for _ in turns:
        work()
    return clock.monotonic() - began


@contextlib.contextmanager
def undisturbed(*, one_core: bool = True) -> Iterator[None]:
    """Without the garbage collector, and on one core unless what is measured has threads."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = affinity(0) if one_core and affinity is not None else set()
    if allowed:
        os.sched_setaffinity(0, {max(allowed)})
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if allowed:
            os.sched_setaffinity(0, allowed)
