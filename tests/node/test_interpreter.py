"""The collector waits for a quiet moment, but not for ever."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from qnpc.node.interpreter import LOOK, PATIENCE, QUIET, collect_when_quiet
from tests.node.links import ManualClock
from tests.support.links import turns


@pytest.mark.parametrize(("busy", "collected"), [(0.0, PATIENCE), (0.9 * QUIET, PATIENCE), (1.1 * QUIET, 1)])
async def test_it_collects_when_little_is_to_be_done_or_after_a_while(busy: float, collected: int) -> None:
    clock, done = ManualClock(now=0.0), []
    task = asyncio.create_task(
        collect_when_quiet(clock, lambda: busy * clock.monotonic(), lambda: done.append(clock.monotonic()))
    )
    for _ in range(PATIENCE):
        await turns(5)
        clock.advance(LOOK)
    await turns(5)
    assert len(done) == collected
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
