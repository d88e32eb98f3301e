"""Whose turn is next when more is to be done for those who are not logged in than can be done at once.

What a stranger makes a node compute is not known before it is computed, and none of it may keep another waiting. So whatever comes from
them waits here, in lines: of addresses that begin something, by how many handshakes of theirs are under way already, of connections
whose handshake is under way, and of those where it is complete. The lines take turns, and so do those in each, a few datagrams at a time:
whoever is new or has come a step further waits for none of those who begin again and again. What does not fit is dropped, as if it had been
lost on the way. What is to be repeated to those who stay silent comes last. Sans-IO.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from qnpc.limits import Limits
from qnpc.ports import Address
from qnpc.transport.addresses import address_key
from qnpc.transport.connection import Connection

BATCH = 4
"""Datagrams of one connection in a turn: what they have to say to each other goes into one answer."""

FLIGHT = 2
"""Datagrams of one address in a turn: a client's first flight, with a post-quantum key share."""

HANDSHAKE = 8
"""Datagrams of one connection that may wait while its handshake is under way: the rest of that, and what the client has to say first."""

RANKS = 5
"""Lines of addresses, by how many handshakes of theirs are under way: none, one, up to three, up to seven, more."""

Datagram = tuple[bytes, Address]

K = TypeVar("K", bound=Hashable)


class Line(Generic[K]):
    """Those of one kind, in the order of their turns. Who sends more than fits into a turn is in arrears from then on, until all of it is
    taken, and has every second turn with the others of that sort: whoever sends little waits for none of them.
    """

    def __init__(self, each: int, in_all: int) -> None:
        self._each = each
        self._in_all = in_all
        self._waiting: OrderedDict[K, deque[Datagram]] = OrderedDict()
        self._arrears: OrderedDict[K, deque[Datagram]] = OrderedDict()
        self._prefers_arrears = False
        self.datagrams = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._arrears)

    def put(self, key: K, datagram: Datagram) -> bool:
        """False: dropped. Who has none waiting may go past what there may be in all, twice over."""
        waiting = self._of(key)
        if waiting:
            if self.datagrams >= self._in_all or len(waiting) >= self._each:
                return False
        elif self.datagrams >= 2 * self._in_all:
            return False
        if waiting is None:
            waiting = self._waiting[key] = deque()
        waiting.append(datagram)
        self.datagrams += 1
        return True

    def want(self, key: K) -> None:
        """It wants a turn, whether or not anything came."""
        if self._of(key) is None:
            self._waiting[key] = deque()

    def owe(self, key: K) -> None:
        """It wants a turn for what was taken already."""
        if self._of(key) is None:
            self._arrears[key] = deque()

    def take(self, most: int) -> tuple[K, list[Datagram]]:
        self._prefers_arrears = not self._prefers_arrears
        from_arrears = self._arrears and (self._prefers_arrears or not self._waiting)
        key, waiting = (self._arrears if from_arrears else self._waiting).popitem(last=False)
        taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        self.datagrams -= len(taken)
        if waiting:
            self._arrears[key] = waiting
        return key, taken

    def drop(self, key: K) -> list[Datagram]:
        """It gets no turn any more; returns what waited."""
        waiting = self._waiting.pop(key, None) or self._arrears.pop(key, None) or ()
        self.datagrams -= len(waiting)
        return list(waiting)

    def content(self, key: K) -> None:
        """It wants no turn but for what has come."""
        if not self._waiting.get(key, True):
            del self._waiting[key]

    def _of(self, key: K) -> deque[Datagram] | None:
        waiting = self._waiting.get(key)
        return self._arrears.get(key) if waiting is None else waiting


class Turns:
    """`begun`: how many handshakes with an address are under way."""

    def __init__(self, limits: Limits, begun: Callable[[str], int]) -> None:
        each, in_all = limits.datagrams_waiting_each, limits.datagrams_waiting
        self.beginning: list[Line[str]] = [Line(each, in_all) for _ in range(RANKS)]
        self.half_open: Line[Connection] = Line(min(each, HANDSHAKE), in_all)
        self.open: Line[Connection] = Line(each, in_all)
        self.silent: Line[Connection] = Line(0, 0)
        self._begun = begun
        self._turn = 0

    def __bool__(self) -> bool:
        return any(self.beginning) or bool(self.half_open or self.open or self.silent)

    @property
    def unknown(self) -> int:
        """Datagrams that wait and belong to no connection."""
        return sum(line.datagrams for line in self.beginning)

    def put(self, datagram: Datagram, connection: Connection | None) -> bool:
        """False: dropped."""
        if connection is not None:
            return (self.open if connection.is_open else self.half_open).put(connection, datagram)
        key = address_key(datagram[1])
        return self.beginning[min(self._begun(key).bit_length(), RANKS - 1)].put(key, datagram)

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
        under_way = (self.half_open, self.open)
        for _ in range(RANKS + len(under_way)):
            self._turn = (self._turn + 1) % (RANKS + len(under_way))
            if self._turn < RANKS:
                if beginning := self.beginning[self._turn]:
                    return None, beginning.take(FLIGHT)[1]
            elif line := under_way[self._turn - RANKS]:
                return line.take(BATCH)
        return self.silent.take(0) if self.silent else None
