"""Whose turn is next when more is to be done for those who are not logged in than can be done at once.

What a stranger makes a node compute is not known before it is computed, and none of it may keep another waiting. So whatever comes from
them waits here, in lines: of addresses that begin something, by how many handshakes of theirs are under way already, of connections whose
handshake is under way, and of those where it is complete. The lines share the time, a line the less the more its addresses have begun, and
those in each take turns, a few datagrams at a time: whoever is new or has come a step further waits for none of those who begin again and
again. What does not fit is dropped, as if it had been lost on the way. What is to be repeated to those who stay silent comes last.
Sans-IO.
"""

from __future__ import annotations

from collections.abc import Callable

from qnpc.limits import Limits
from qnpc.transport.addresses import address_key
from qnpc.transport.connection import Connection
from qnpc.transport.lines import Datagram, Line, Shares

BATCH = 4
"""Datagrams of one connection in a turn: what they have to say to each other goes into one answer."""

FLIGHT = 2
"""Datagrams of one address in a turn: a client's first flight, with a post-quantum key share."""

HANDSHAKE = 8
"""Datagrams of one connection that may wait while its handshake is under way: the rest of that, and what the client has to say first."""

RANKS = 5
"""Lines of addresses, by how many handshakes of theirs are under way: none, one, up to three, up to seven, more. Each has half the time of
the one before."""


class Turns:
    """`begun`: how many handshakes with an address are under way."""

    def __init__(self, limits: Limits, begun: Callable[[str], int]) -> None:
        in_all, of_address = limits.datagrams_waiting, limits.datagrams_waiting_of_address
        self.beginning: list[Line[str]] = [Line(of_address, in_all, 0.5**rank) for rank in range(RANKS)]
        self.half_open: Line[Connection] = Line(HANDSHAKE, in_all)
        self.open: Line[Connection] = Line(limits.datagrams_waiting_of_connection, in_all)
        self.silent: Line[Connection] = Line(0, 0)
        self._shares = Shares([*self.beginning, self.half_open, self.open])
        self._begun = begun

    def __bool__(self) -> bool:
        return any(self.beginning) or bool(self.half_open or self.open or self.silent)

    @property
    def unknown(self) -> int:
        """Datagrams that wait and belong to no connection."""
        return sum(line.datagrams for line in self.beginning)

    def put(self, datagram: Datagram, connection: Connection | None) -> bool:
        """False: dropped."""
        if connection is not None:
            in_order = connection.is_open and connection not in self.half_open
            return (self.open if in_order else self.half_open).put(connection, datagram)
        key = address_key(datagram[1])
        return self.beginning[self._rank(key)].put(key, datagram)

    def want(self, connection: Connection) -> None:
        """It has something to send."""
        (self.open if connection.is_open else self.silent).want(connection)

    def owe(self, connection: Connection) -> None:
        """More came from it in one turn than could be looked at."""
        self.open.owe(connection)

    def content(self, connection: Connection) -> None:
        """It has nothing to send."""
        for line in (self.half_open, self.open, self.silent):
            line.content(connection)

    def drop(self, connection: Connection) -> list[Datagram]:
        """It gets no turn any more; returns what waited."""
        self.silent.drop(connection)
        return self.half_open.drop(connection) + self.open.drop(connection)

    def take(self) -> tuple[Connection | None, list[Datagram]] | None:
        """The next turn: a connection, None for those that nobody knows, and what came. None when nobody waits."""
        self._move_on()
        line = self._shares.next()
        if line is None:
            return self.silent.take(0) if self.silent else None
        if line is self.half_open or line is self.open:
            return line.take(BATCH)
        return None, line.take(FLIGHT)[1]

    def charge(self, seconds: float) -> None:
        """So long took the turn that was taken last."""
        self._shares.charge(seconds)

    def _rank(self, key: str) -> int:
        return min(self._begun(key).bit_length(), RANKS - 1)

    def _move_on(self) -> None:
        """Those at the head of a line of addresses for which more is under way by now than when they came."""
        for rank, line in enumerate(self.beginning):
            while line and (now := self._rank(key := line.first)) > rank:
                self.beginning[now].join(key, line.drop(key))
