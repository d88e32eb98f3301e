"""Ordered bytes between two RPC peers in one process, and a clock that only a test moves."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable

from qnpc.errors import Error
from qnpc.ports import LinkReceiver, Timer


class MemoryLink:
    """One end. What is sent arrives in a later turn of the loop, unless the other end is `deaf`: then it queues here."""

    def __init__(self) -> None:
        self.other: MemoryLink
        self.deaf = False
        self.sent = 0
        self._receiver: LinkReceiver | None = None
        self._waiting: deque[bytes] = deque()  # for the other end
        self._ended = False
        self._loop = asyncio.get_running_loop()

    def start(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver
        self._loop.call_soon(self.other.carry)

    def send(self, data: bytes) -> None:
        if not self._ended:
            self.sent += len(data)
            self._waiting.append(data)
            self._loop.call_soon(self.carry)

    @property
    def queued(self) -> int:
        return sum(map(len, self._waiting))

    def in_turn(self, go_on: Callable[[], None]) -> None:
        self._loop.call_soon(go_on)

    def close(self, reason: str = "") -> None:
        if not self._ended:
            self._loop.call_soon(self._over, None)
            error = Error.from_wire(reason) if reason else None
            self._loop.call_soon(self.other._over, error)

    def carry(self) -> None:
        """Hands over what waits for the other end."""
        moved = False
        while (
            self._waiting
            and not self.other.deaf
            and self.other._receiver is not None
            and not self.other._ended
        ):
            self.other._receiver.data_received(self._waiting.popleft())
            moved = True
        if moved and self._receiver is not None and not self._ended:
            self._receiver.writable()

    def hear(self) -> None:
        """Is deaf no more."""
        self.deaf = False
        self._loop.call_soon(self.other.carry)

    def _over(self, error: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            if self._receiver is not None:
                self._receiver.closed(error)


def pair() -> tuple[MemoryLink, MemoryLink]:
    near, far = MemoryLink(), MemoryLink()
    near.other, far.other = far, near
    return near, far


class _Timer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """Time stands still until `advance`."""

    def __init__(self, now: float) -> None:
        self._start = now
        self._elapsed = 0.0
        self._serial = 0
        self._timers: list[tuple[float, int, _Timer, Callable[[], object]]] = []

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        timer = _Timer()
        self._serial += 1
        heapq.heappush(self._timers, (self._elapsed + seconds, self._serial, timer, callback))
        return timer

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_later(seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()

    def jump(self, seconds: float) -> None:
        """The date is set ahead; no timer notices."""
        self._start += seconds

    def advance(self, seconds: float) -> None:
        """What falls due in between is called, in order, each at its time."""
        until = self._elapsed + seconds
        while self._timers and self._timers[0][0] <= until:
            at, _, timer, callback = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, at)
            if not timer.cancelled:
                callback()
        self._elapsed = max(self._elapsed, until)  # what was called may have taken time
