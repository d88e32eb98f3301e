"""Where datagrams wait for their turns: lines, and which of several lines is next. Sans-IO."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from typing import Any, Generic, TypeVar

from qnpc.ports import Address

Datagram = tuple[bytes, Address]

K = TypeVar("K", bound=Hashable)

_FEW = 2
"""A client's first flight, and less than others may have waiting when it comes."""

_LEAST = 1e-5
"""Seconds that a turn counts at least."""


class Line(Generic[K]):
    """Those of one kind, in the order of their turns. Who sends more than fits into a turn is in arrears from then on, until all of it is
    taken, and has every second turn with the others of that sort: whoever sends little waits for none of them. `weight`: see Shares.
    """

    def __init__(self, each: int, in_all: int, weight: float = 1.0) -> None:
        self.weight = weight
        self._each = each
        self._in_all = in_all
        self._waiting: OrderedDict[K, deque[Datagram]] = OrderedDict()
        self._arrears: OrderedDict[K, deque[Datagram]] = OrderedDict()
        self._waiting_next = False
        self.datagrams = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._arrears)

    def __contains__(self, key: K) -> bool:
        return key in self._waiting or key in self._arrears

    def put(self, key: K, datagram: Datagram) -> bool:
        """False: dropped. Who has few waiting may go past what there may be in all, twice over."""
        waiting = self._of(key)
        if waiting is not None and len(waiting) >= self._each:
            return False
        few = waiting is None or len(waiting) < _FEW
        if self.datagrams >= (2 * self._in_all if few else self._in_all):
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
        """It wants a turn for what was taken already; `content` changes nothing in that."""
        if not self._of(key):
            self._waiting.pop(key, None)
            self._arrears.setdefault(key, deque())

    def join(self, key: K, datagrams: list[Datagram]) -> None:
        """It comes from another line."""
        for datagram in datagrams:
            self.put(key, datagram)

    @property
    def first(self) -> K:
        """Whose turn is next."""
        return next(iter(self._next))

    @property
    def _next(self) -> OrderedDict[K, deque[Datagram]]:
        from_arrears = self._arrears and (not self._waiting_next or not self._waiting)
        return self._arrears if from_arrears else self._waiting

    def take(self, most: int) -> tuple[K, list[Datagram]]:
        key, waiting = self._next.popitem(last=False)
        self._waiting_next = not self._waiting_next
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


class Shares:
    """Lines that share a time by their weights, whatever a turn in each costs: who waits in a line of cheap turns does not wait for as many
    dear ones. A line saves nothing up while nobody waits in it.
    """

    def __init__(self, lines: Sequence[Line[Any]]) -> None:
        self._spent = dict.fromkeys(lines, 0.0)  # weighed seconds
        self._idle = set(lines)
        self._last = lines[0]
        self._virtual = 0.0  # what the line of the last turn had spent before it

    def next(self) -> Line[Any] | None:
        """The line that has the next turn; None where nobody waits."""
        least = None
        for line, spent in self._spent.items():
            if not line:
                self._idle.add(line)
                continue
            if line in self._idle:
                self._idle.remove(line)
                spent = self._spent[line] = max(spent, self._virtual)
            if least is None or spent < self._spent[least]:
                least = line
        if least is not None:
            self._last, self._virtual = least, self._spent[least]
            self.charge(_LEAST)
        return least

    def charge(self, seconds: float) -> None:
        """So long took the last turn."""
        self._spent[self._last] += seconds / self._last.weight
