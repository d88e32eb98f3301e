"""When those who are not logged in get what they ask for: a slice of time at once, and nothing before it is the turn of those who are.

While anything is to be done for somebody who is logged in, slices lie apart by many turns of the event loop, in which an answer gets on,
and the more so the longer one took; else the next slice comes with the next turn. All that is computed for strangers in a transport happens
here, what comes from them and what goes to them; and what they call is looked at in their turns, and begins before the slice goes on, so
that it counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from qnpc.limits import Limits
from qnpc.ports import Clock
from qnpc.transport.connection import Connection
from qnpc.transport.lines import Datagram
from qnpc.transport.turns import Turns

Serve = Callable[[Connection | None, list[Datagram]], None]
"""Handles what came, of one connection or, for None, of nobody known, and sends what is to be answered."""


class Rationing:
    """`begun`: how many handshakes with an address are under way."""

    def __init__(self, clock: Clock, limits: Limits, serve: Serve, begun: Callable[[str], int]) -> None:
        self.turns = Turns(limits, begun)
        self._clock = clock
        self._limits = limits
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._busy_until = 0.0
        self._began = 0.0  # the slice
        self._took = 0.0  # it, so far
        self._turn_began = 0.0
        self._turn_took = 0.0  # without what it began
        self._planned = False
        self._closed = False

    @property
    def is_pressed(self) -> bool:
        """More is waiting than honest clients send."""
        return self.turns.unknown >= self._limits.waiting_retry

    def notice(self) -> None:
        """Something is done for somebody who is logged in, and goes on in other threads, which need the interpreter too."""
        self._busy_until = self._clock.monotonic() + self._limits.turn_quiet

    def work(self) -> None:
        """Something may be waiting."""
        if not self._planned:
            self._planned = True
            self._slice()

    def soon(self) -> None:
        """As `work`, in the next turn of the loop."""
        if not self._planned:
            self._planned = True
            self._loop.call_soon(self._slice)

    def close(self) -> None:
        self._closed = True

    def _slice(self) -> None:
        self._began = self._clock.monotonic()
        self._took = 0.0
        self._take()

    def _take(self) -> None:
        while not self._closed and (turn := self.turns.take()) is not None:
            self._turn_began = self._clock.monotonic()
            try:
                self._serve(*turn)
            except Exception as fault:  # of one stranger's turn, and no other's
                self._loop.call_exception_handler(
                    {"message": "a turn was ended by a fault", "exception": fault}
                )
            self._turn_took = self._clock.monotonic() - self._turn_began
            connection = turn[0]
            if connection is not None and connection.is_open:
                self._loop.call_soon(self._go_on)  # what it called begins before that
                return
            if not self._taken(self._turn_took):
                break
        self._pause()

    def _go_on(self) -> None:
        # What was done for others meanwhile is in between, and is not to be paid for by strangers.
        passed = self._clock.monotonic() - self._turn_began
        if self._taken(min(passed, self._turn_took + self._limits.turn)):
            self._take()
        else:
            self._pause()

    def _taken(self, took: float) -> bool:
        """After a turn: whether there is time for another. A very long one is the machine's doing, and not counted as long."""
        self._took += took
        self.turns.charge(min(took, self._limits.turn_pause))
        return self._took < self._limits.turn

    def _pause(self) -> None:
        """While others are served, also when nobody waits any more: who sends little, but often, gets no more than the share."""
        took = self._took
        busy = self._began < self._busy_until
        self._planned = not self._closed and (bool(self.turns) or (busy and took > 0))
        if not self._planned:
            return
        if busy:
            pause = min(took / self._limits.turn_share - took, self._limits.turn_pause)
            self._clock.call_later(pause, self._next)
        else:
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self.turns:
            self._slice()
        else:
            self._planned = False
