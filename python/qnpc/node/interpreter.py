"""For a process that is a node and nothing else: what in the interpreter keeps everybody waiting is made short, or waits for a quiet
moment.

The collector looks again and again through all that was imported, 25 ms each time; frozen, it never does. All that lives long beside that
are connections: with the state of hundreds, which strangers can begin at will, each look took 75 ms. Their cycles are taken apart by hand
when they end, so the collector is left to look through what is young, and through the rest when little is to be done. A thread of the
store that needs the interpreter back would wait 5 ms for it each time while the loop is busy; now a tenth.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

from qnpc.ports import Clock

LOOK = 5.0
"""Seconds between two looks at how much is to be done."""

QUIET = 0.05
"""Of a processor."""

PATIENCE = 60
"""Looks: a node that is never quiet collects all the same."""

_NEVER = 1_000_000


def share() -> None:
    """Once, when all is imported and the node listens: what is here now is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, _NEVER)
    sys.setswitchinterval(0.0005)


async def collect_when_quiet(
    clock: Clock,
    cpu: Callable[[], float] | None = None,
    collect: Callable[[], object] = gc.collect,
) -> None:
    """Until cancelled. `cpu`: seconds that this process has used."""
    cpu = cpu or _used
    looks = 0
    while True:
        before = cpu()
        await clock.sleep(LOOK)
        looks += 1
        if cpu() - before < QUIET * LOOK or looks >= PATIENCE:
            collect()
            looks = 0


def _used() -> float:
    times = os.times()
    return times.user + times.system
