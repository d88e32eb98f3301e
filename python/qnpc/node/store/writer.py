"""The door to the store for writers on the event loop: what comes while one batch is being committed is the
next batch.

Items are committed in the order they came, and each one's answer comes after its COMMIT. A submitted item
cannot be called back: who stops waiting loses the answer, never the write. The store and the lane belong to
whoever made them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import overload

from qnpc import ports
from qnpc.errors import Code, Error
from qnpc.node.store.contract import (
    Ack,
    Append,
    Appended,
    BindDevice,
    Collect,
    CommitGroup,
    Committed,
    CreateGroup,
    CreateInvite,
    IssueToken,
    Item,
    Logout,
    PutHybridKey,
    PutKeyPackages,
    ReapTokens,
    Register,
    SetInvite,
    Store,
    TakeKeyPackages,
    TakenKeyPackage,
)

_Waiting = tuple[Item, "asyncio.Future[object]"]


class Writer:
    """Group commit: one transaction, one fsync and one pass of the loop for all that waits."""

    # Of payload in one batch, unless one item is larger: this is what a transaction adds to the file's log.
    _MAX_BYTES = 8 * 1024 * 1024

    def __init__(
        self,
        store: Store,
        lane: ports.Lane,
        *,
        max_batch: int = 256,
        committed: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        """`committed` is told about how many bytes of items that stand a batch added to the log."""
        self._store = store
        self._committed = committed
        self._lane = lane
        self._max_batch = max_batch
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @overload
    async def submit(self, item: Append) -> Appended: ...
    @overload
    async def submit(self, item: CommitGroup) -> Committed: ...
    @overload
    async def submit(self, item: TakeKeyPackages) -> list[TakenKeyPackage]: ...
    @overload
    async def submit(self, item: PutKeyPackages | ReapTokens | Collect) -> int: ...
    @overload
    async def submit(
        self,
        item: CreateInvite
        | SetInvite
        | Register
        | BindDevice
        | IssueToken
        | Logout
        | PutHybridKey
        | CreateGroup
        | Ack,
    ) -> None: ...
    async def submit(self, item: Item) -> object:
        """What the item yields, once it is durable. Raises the item's Error; E024 if the outcome is unknown;
        E023 after `close`."""
        if self._closed:
            raise Error(Code.SHUTTING_DOWN)
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="store writer")
        return await future

    async def close(self) -> None:
        """Commits what is queued; nothing is taken any more."""
        self._closed = True
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        while self._queue:
            batch = self._next_batch()
            try:
                outcomes: Sequence[object] = await self._lane.run(
                    self._store.commit, [item for item, _ in batch]
                )
            except Exception as failure:  # each waiter must hear of it, and the next batch must be tried
                outcomes = [_again(failure) for _ in batch]
            except BaseException:  # the loop is ending
                for _, future in [*batch, *self._queue]:
                    future.cancel()
                self._queue.clear()
                raise
            stand = [item for (item, _), outcome in zip(batch, outcomes, strict=True) if _stands(outcome)]
            if stand:
                self._committed(_BATCH + sum(_ITEM + _size(item) for item in stand))
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._queue.popleft()]
        size = _size(batch[0][0])
        while self._queue and len(batch) < self._max_batch:
            size += _size(self._queue[0][0])
            if size > self._MAX_BYTES:
                break
            batch.append(self._queue.popleft())
        return batch


_BATCH = 32 * 1024
_ITEM = 512
"""Bytes that a batch, and each item in it, changes beside payloads: items share pages."""


def _size(item: Item) -> int:
    match item:
        case Append():
            return len(item.payload)
        case CommitGroup():
            return len(item.message) + len(item.tree) + sum(len(envelope) for _, envelope in item.welcomes)
        case CreateGroup():
            return len(item.tree)
        case _:
            return 0


def _stands(outcome: object) -> bool:
    return not isinstance(outcome, Exception)


def _again(failure: Exception) -> Exception:
    """A copy for each waiter, so that none adds its traceback to another's."""
    if isinstance(failure, Error):
        copy = Error(failure.kind, failure.sentence, retry_after=failure.retry_after)
        copy.__cause__ = failure.__cause__
        return copy
    return failure
