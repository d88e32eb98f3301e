"""When the connections of an endpoint want to be woken: one timer for all of them, set to the earliest.

The times stand in a heap, lazily: an entry that was overtaken is stale and is dropped when its time comes. It holds no connection, so
that one that is over is not kept until then. A connection's own time moves with everything it hears: whoever takes one that is early puts
it back.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from qnpc.ports import Clock, Timer
from qnpc.transport.connection import Connection

_LATE = 1e-6
"""Seconds that a timer is handled after its time, so that no rounding can make it come again at once."""


class Wakeups:
    """`fire`: called with the time when some are due; it takes them with `due`."""

    def __init__(self, clock: Clock, fire: Callable[[float], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[float, int]] = []
        self._serial = 0
        self._sleeping: dict[int, Connection] = {}  # by the number of the entry that counts
        self._timer: Timer | None = None
        self._timer_at = 0.0

    def wake(self, connection: Connection, at: float) -> None:
        """Forgets when it was to be woken before."""
        self.forget(connection)
        self._serial += 1
        connection.timer_at, connection.timer = at, self._serial
        self._sleeping[self._serial] = connection
        heapq.heappush(self._heap, (at, self._serial))

    def forget(self, connection: Connection) -> None:
        """It is not to be woken any more."""
        if connection.timer_at is not None:
            del self._sleeping[connection.timer]
            connection.timer_at = None

    def due(self, now: float) -> Connection | None:
        """The next one whose time has come."""
        while self._heap and self._heap[0][0] <= now:
            connection = self._sleeping.get(heapq.heappop(self._heap)[1])
            if connection is not None:
                self.forget(connection)
                return connection
        return None

    def arm(self) -> None:
        """After every `wake`, once for all of them."""
        if not self._heap:
            return
        at = self._heap[0][0]
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._clock.call_later(max(0.0, at - self._clock.monotonic()), self._expired)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._heap.clear()
        for connection in list(self._sleeping.values()):
            self.forget(connection)

    def _expired(self) -> None:
        self._timer = None
        self._fire(max(self._clock.monotonic(), self._timer_at + _LATE))
        self.arm()
