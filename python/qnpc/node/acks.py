"""What devices have acknowledged, on its way to the store: only the newest of each device and channel, written every so often.

An acknowledgement that is lost costs a redelivery, which the client drops by its own cursor; so it may wait, but it never runs ahead.
"""

from __future__ import annotations

import asyncio

import structlog

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.node.store.contract import Ack
from qnpc.node.store.writer import Writer
from qnpc.ports import Clock, Timer

log = structlog.get_logger("qnpc.node")


class Acks:
    def __init__(self, writer: Writer, clock: Clock, limits: Limits) -> None:
        self._writer = writer
        self._clock = clock
        self._interval = limits.ack_interval
        self._newest: dict[tuple[bytes, bytes], int] = {}
        self._timer: Timer | None = None
        self._flush: asyncio.Task[None] | None = None
        self._closed = False

    def note(self, device: bytes, channel: bytes, seq: int) -> None:
        """`device` has everything of `channel` up to `seq`."""
        key = (device, channel)
        self._newest[key] = max(seq, self._newest.get(key, 0))
        self._plan()

    async def close(self) -> None:
        """Writes what is left."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._flush is not None:
            await self._flush
        await self._write()

    def _plan(self) -> None:
        if self._timer is None and self._flush is None and self._newest and not self._closed:
            self._timer = self._clock.call_later(self._interval, self._due)

    def _due(self) -> None:
        self._timer = None
        self._flush = asyncio.get_running_loop().create_task(self._write(), name="acks")
        self._flush.add_done_callback(self._flushed)

    def _flushed(self, _: asyncio.Task[None]) -> None:
        self._flush = None
        self._plan()

    async def _write(self) -> None:
        newest, self._newest = self._newest, {}
        items = [Ack(device, channel, seq) for (device, channel), seq in newest.items()]
        results = await asyncio.gather(*map(self._writer.submit, items), return_exceptions=True)
        for item, result in zip(items, results, strict=True):
            if isinstance(result, Error) and result.kind is Code.STORE_UNAVAILABLE and not self._closed:
                self.note(item.device, item.channel, item.seq)  # it will come up again
            elif isinstance(result, BaseException):
                log.warning("ack.lost", device=item.device[:4].hex(), seq=item.seq, error=str(result))
