"""The public state of groups at hand: the least recently used go, since each can be built again from what the store has.

One commit of a group is judged at a time. A tracker that is kept is at an epoch that the store has reached; whoever is not sure of that
drops it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from qnpc._core import Tracker


@dataclass(slots=True)
class _Line:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Trackers:
    """`size` is how many are kept."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, Tracker] = OrderedDict()
        self._lines: dict[bytes, _Line] = {}

    @asynccontextmanager
    async def judging(self, group: bytes) -> AsyncIterator[None]:
        """One at a time for each group, first come first served."""
        line = self._lines.setdefault(group, _Line())
        line.waiting += 1
        try:
            async with line.lock:
                yield
        finally:
            line.waiting -= 1
            if not line.waiting:
                del self._lines[group]

    def take(self, group: bytes) -> Tracker | None:
        """Takes it out: it is not kept again unless whoever took it says so. While `judging`."""
        return self._kept.pop(group, None)

    def keep(self, group: bytes, tracker: Tracker | None) -> None:
        """While `judging`. None is not kept."""
        if tracker is None:
            return
        self._kept[group] = tracker
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
