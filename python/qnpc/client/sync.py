"""What the node pushes, made durable: one batch, one transaction, then the Return that acknowledges it.

A batch that fails in the library is tried again entry by entry in a fresh state; an entry that fails there too is
passed over with a record. A database that fails is not passed over: the batch is refused, and the node keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from qnpc import _core
from qnpc.client.account import Account
from qnpc.client.inbound import Inbound, apply, pass_over
from qnpc.client.state import State
from qnpc.errors import Code, Error
from qnpc.rpc import Method, Served
from qnpc.wire import SINK, Cursor, Empty, Entry, Head, SinkDeliverParams

_log = logging.getLogger("qnpc.client.sync")


class Sync:
    """Applies batches in order, and knows how far each channel is durable."""

    def __init__(self, account: Account, state: State, settled: Callable[[bytes], None]) -> None:
        """`settled` is told of each intent whose outcome came with an entry."""
        self._account = account
        self._state = state
        self._settled = settled
        self.turn = asyncio.Lock()
        self._reached: dict[bytes, int] = {}
        self._progress = asyncio.Event()

    async def cursors(self) -> tuple[Cursor, ...]:
        """The durable ones, for a subscription."""
        rows = await self._state.run(lambda tx: tx.cursors())
        self._reached = {channel: seq for channel, _, seq in rows}
        return tuple(Cursor(channel, incarnation, seq) for channel, incarnation, seq in rows)

    def subscribed(self, heads: Sequence[Head]) -> None:
        """Of a channel without a cursor here, the node sends what follows what it knows to be acknowledged."""
        for head in heads:
            self._reached.setdefault(head.channel, max(head.acked, head.first - 1))

    async def deliver(self, entries: Sequence[Entry]) -> None:
        """Returns when they are durable; one batch at a time, which `turn` sees to. Raises Error(STORE_UNAVAILABLE)."""
        inbound = Inbound(self._account.keys.hybrid, [])
        await self._apply(inbound, entries)
        for entry in entries:
            self._reached[entry.channel] = max(entry.seq, self._reached.get(entry.channel, 0))
        progress, self._progress = self._progress, asyncio.Event()
        progress.set()
        for intent in inbound.settled:
            self._settled(intent)

    async def _apply(self, inbound: Inbound, entries: Sequence[Entry]) -> None:
        try:
            await self._state.run(lambda tx: apply(tx, inbound, entries))
        except _core.StateError:
            inbound.settled.clear()
            for entry in entries:
                await self._apply_alone(inbound, entry)

    async def _apply_alone(self, inbound: Inbound, entry: Entry) -> None:
        try:
            await self._state.run(lambda tx: apply(tx, inbound, [entry]))
        except _core.StateError as error:
            _log.error("entry %d was passed over: %s", entry.seq, error)
            await self._state.run(lambda tx: pass_over(tx, entry, "it cannot be processed here"))

    async def reached(self, heads: Sequence[Head]) -> None:
        """Returns when everything up to these heads is durable here."""
        while not all(self._reached.get(head.channel, 0) >= head.seq for head in heads):
            await self._progress.wait()


class SyncSink(Served):
    """The capability that the node pushes to."""

    methods: ClassVar = SINK.table

    def __init__(self, sync: Sync, refused: Callable[[], None]) -> None:
        """`refused` is called when a batch could not be made durable. What was pushed behind it is refused too, or it
        would leave a gap; the connection is to be made again, and the node begins anew after the durable cursor."""
        self._sync = sync
        self._refused = refused
        self._broken = False

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Empty:
        assert isinstance(params, SinkDeliverParams)  # noqa: S101 - the table has one method
        async with self._sync.turn:
            if self._broken:
                raise Error(Code.STORE_UNAVAILABLE)
            try:
                await self._sync.deliver(params.entries)
            except Exception:
                self._broken = True
                self._refused()
                raise
        return Empty()
