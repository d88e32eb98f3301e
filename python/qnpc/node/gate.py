"""What lets a node stop in good order: it counts what is under way, and refuses what is new once it closes.

A call that has passed the gate is answered. Work that must not be left half done (a write, and telling of it) runs to its end even
if whoever asked for it goes away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from qnpc.errors import Code, Error

R = TypeVar("R")


class Gate:
    def __init__(self) -> None:
        self._inside = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def inside(self) -> int:
        """How many calls and works are under way."""
        return self._inside

    def admit(self) -> None:
        """Counts the running task in until it ends, so until its answer is on its way. Raises Error(SHUTTING_DOWN)."""
        if self._closed:
            raise Error(Code.SHUTTING_DOWN)
        task = asyncio.current_task()
        if task is not None:
            self._count(task)

    async def finish(self, work: Coroutine[Any, Any, R]) -> R:
        """The result of `work`, which goes on to its end even if the caller is cancelled."""
        task = asyncio.get_running_loop().create_task(work)
        self._count(task)
        task.add_done_callback(_seen)
        await asyncio.wait([task])
        return task.result()

    async def close(self) -> None:
        """Refuses from now on; returns when nothing is under way."""
        self._closed = True
        await self._empty.wait()

    def _count(self, task: asyncio.Task[Any]) -> None:
        self._inside += 1
        self._empty.clear()
        task.add_done_callback(self._leave)

    def _leave(self, _: asyncio.Task[Any]) -> None:
        self._inside -= 1
        if not self._inside:
            self._empty.set()


def _seen(task: asyncio.Task[Any]) -> None:
    """Its exception is looked at, so that the loop does not complain when whoever asked for it is gone."""
    if not task.cancelled():
        task.exception()
