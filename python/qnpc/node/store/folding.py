"""Folds the store's log back into the file, beside the commits: done by one of them, it would keep all that wait for it for 20 ms.

First all that is in the log, in some thread, while commits go on, and again while much came meanwhile; then the little that is left,
between two commits, so that the log begins anew and does not grow. How long it is is reckoned from what was committed; what that misses
(expired entries that are overwritten), and a failure, the store makes good by folding by itself when the log is eight times as long.
"""

from __future__ import annotations

import asyncio

import structlog

from qnpc.errors import Error
from qnpc.node.store.contract import Store
from qnpc.ports import Jobs, Lane

log = structlog.get_logger("qnpc.node")

LONG = 4 * 1024 * 1024
"""Bytes, about: some hundreds of messages. Shorter, the disk would be worn by small foldings."""

LITTLE = 100
"""Pages that a commit can wait for."""

_TIMES = 4
"""Whoever writes faster than can be folded is not caught up with."""


class Folding:
    def __init__(self, store: Store, lane: Lane, jobs: Jobs) -> None:
        self._store = store
        self._lane = lane
        self._jobs = jobs
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    def grew(self, by: int) -> None:
        """So many bytes were committed."""
        self._bytes += by
        if self._bytes >= LONG and self._task is None:
            self._bytes = 0
            self._task = asyncio.get_running_loop().create_task(self._fold(), name="folding")
            self._task.add_done_callback(self._folded)

    async def close(self) -> None:
        """Returns when nothing runs any more; nothing grows meanwhile."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _fold(self) -> None:
        try:
            folded = 0
            for _ in range(_TIMES):
                before, folded = folded, await self._jobs.run(self._store.fold)
                if folded - before <= LITTLE:
                    break
            await self._lane.run(self._store.fold_rest)
        except Error as error:
            log.warning("store.not_folded", error=str(error))
        except Exception:  # a bug of ours: the store folds by itself then
            log.exception("store.not_folded")

    def _folded(self, _: asyncio.Task[None]) -> None:
        self._task = None
