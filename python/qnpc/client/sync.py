"""What the node pushes, made durable: one batch, one transaction, then the Return that acknowledges it.

A batch that fails in the library is tried again entry by entry in a fresh state; an entry that fails there too is
passed over with a record. A database that fails is not passed over: the batch is refused, and the node keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from qnpc.client.account import Account
from qnpc.client.inbound import apply, pass_over
from qnpc.client.membership import lapse
from qnpc.client.state import State, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.rpc import Method, Served
from qnpc.wire import SINK, Cursor, Empty, Entry, Head, SinkDeliverParams

_LARGEST = 2**63 - 1

_log = logging.getLogger("qnpc.client.sync")


class Sync:
    """Applies batches in order, and knows how far each channel is durable."""

    def __init__(self, account: Account, state: State, limits: Limits) -> None:
        self._account = account
        self._state = state
        self._limits = limits
        self.applying = asyncio.Lock()
        self._reached: dict[bytes, int] = {}
        self._progress = asyncio.Event()

    async def cursors(self) -> tuple[Cursor, ...]:
        """The durable ones, for a subscription."""
        rows = await self._state.run(lambda tx: tx.cursors())
        self._reached = {channel: seq for channel, _, seq in rows}
        return tuple(Cursor(channel, incarnation, seq) for channel, incarnation, seq in rows)

    async def subscribed(self, heads: Sequence[Head]) -> None:
        """Notes where the node begins. A head that is acknowledged past our cursor was acknowledged by a state that we
        do not have: we come from a backup, or left and were added again. That group has lapsed here."""
        here = dict(self._reached)
        ahead = [
            head.channel for head in heads if head.group and head.acked > here.get(head.channel, head.acked)
        ]
        if ahead:
            await self._state.run(lambda tx: _lapse_active(tx, ahead))
        await self._state.run(lambda tx: _begin(tx, heads))
        for head in heads:
            reached = self._reached.get(head.channel, head.acked)
            self._reached[head.channel] = max(reached, head.first - 1)

    async def deliver(self, entries: Sequence[Entry]) -> None:
        """Returns when they are durable; one batch at a time, which `applying` sees to. Raises Error(STORE_UNAVAILABLE)."""
        if not all(map(_in_range, entries)):
            raise Error(Code.BAD_REQUEST, "the node counts past what can be counted")
        await self._apply(entries)
        for entry in entries:
            self._reached[entry.channel] = max(entry.seq, self._reached.get(entry.channel, 0))
        progress, self._progress = self._progress, asyncio.Event()
        progress.set()

    async def _apply(self, entries: Sequence[Entry]) -> None:
        try:
            await self._state.run(lambda tx: apply(tx, self._account, self._limits, entries))
        except Exception as error:
            if _is_the_databases(error):
                raise
            for entry in entries:  # the library's, or a value that nobody expected: one of the entries
                await self._apply_alone(entry)

    async def _apply_alone(self, entry: Entry) -> None:
        try:
            await self._state.run(lambda tx: apply(tx, self._account, self._limits, [entry]))
        except Exception as error:
            if _is_the_databases(error):
                raise
            _log.error("entry %d was passed over: %s", entry.seq, type(error).__name__)
            reason = "it cannot be processed here"
            await self._state.run(lambda tx: pass_over(tx, self._limits, entry, reason))

    async def reached(self, heads: Sequence[Head]) -> None:
        """Returns when everything up to these heads is durable here. Raises TimeoutError when nothing comes for a while."""
        while not all(self._reached.get(head.channel, 0) >= head.seq for head in heads):
            async with asyncio.timeout(self._limits.call_timeout):
                await self._progress.wait()


def _is_the_databases(error: Exception) -> bool:
    """Then nothing is passed over: the node keeps it. Any other failure is about one entry, and must never stop the rest."""
    return isinstance(error, Error) and error.kind is Code.STORE_UNAVAILABLE


def _in_range(entry: Entry) -> bool:
    return 0 < entry.seq < _LARGEST and entry.incarnation < _LARGEST and abs(entry.received) < _LARGEST


def _begin(tx: Transaction, heads: Sequence[Head]) -> None:
    """Where the log of a group begins for us, while nothing of it has come: what expires before that is a gap too."""
    for head in heads:
        known = tx.group(head.channel) is not None or tx.is_invited(head.channel)
        if head.group and known and tx.cursor(head.channel) is None:
            tx.set_cursor(head.channel, head.incarnation, head.acked)


def _lapse_active(tx: Transaction, channels: Sequence[bytes]) -> None:
    for channel in channels:
        group = tx.group(channel)
        if group is not None and group.state == "active":
            lapse(tx, channel, tx.now)


class SyncSink(Served):
    """The capability that the node pushes to."""

    methods: ClassVar = SINK.table

    def __init__(self, sync: Sync, refused: Callable[[], None]) -> None:
        """`refused` is called when a batch could not be made durable. What was pushed behind it is refused too, or it
        would leave a gap; the connection is to be made again, and the node begins anew after the durable cursor."""
        self._sync = sync
        self._refused = refused
        self._broken = False
        self.delivered = False  # a batch became durable

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Empty:
        assert isinstance(params, SinkDeliverParams)  # noqa: S101 - the table has one method
        async with self._sync.applying:
            if self._broken:
                raise Error(Code.STORE_UNAVAILABLE)
            try:
                await self._sync.deliver(params.entries)
            except Exception:
                self._broken = True
                self._refused()
                raise
            self.delivered = True
        return Empty()
