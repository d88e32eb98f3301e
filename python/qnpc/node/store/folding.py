"""Folds the store's log back into the file, beside the commits: done by one of them, it would keep all that wait for it for 20 ms.

First all that is in the log, in some thread, while commits go on; then the little that came meanwhile, between two commits, so that the
log begins anew and does not grow. A failure is not a commit's: the log stays as it is, and the store folds by itself when it is long.
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
            await self._jobs.run(self._store.fold)
            await self._lane.run(self._store.fold_rest)
        except Error as error:
            log.warning("store.not_folded", error=str(error))

    def _folded(self, _: asyncio.Task[None]) -> None:
        self._task = None
