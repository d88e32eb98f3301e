"""When those who are not logged in get what they ask for: a slice of time at once, and nothing before it is the turn of those who are.

While anything is to be done for somebody who is logged in, slices lie apart by many turns of the event loop, in which an answer gets on,
and the more so the longer one took; else the next slice comes with the next turn. All that is computed for strangers in a transport happens
here, what comes from them and what goes to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from qnpc.limits import Limits
from qnpc.ports import Clock
from qnpc.transport.connection import Connection
from qnpc.transport.turns import Datagram, Turns

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
            self._slice()

    def close(self) -> None:
        self._closed = True

    def _slice(self) -> None:
        self._planned = False
        if self._closed:
            return
        began = self._clock.monotonic()
        while (turn := self.turns.take()) is not None:
            self._serve(*turn)
            if self._clock.monotonic() - began >= self._limits.turn:
                break
        took = self._clock.monotonic() - began
        if self.turns:
            self._planned = True
            if began < self._busy_until:
                pause = min(took / self._limits.turn_share - took, self._limits.turn_pause)
                self._clock.call_later(pause, self._slice)
            else:
                self._loop.call_soon(self._slice)
