"""Registrations and logins that have begun and not ended: bounded, per address and in all, and expiring.

What a begun login holds lives in its slot and goes with it, so that this table is the bound on what strangers can make a node hold.
Time is handed in; a slot is freed when it is used, given back, or found too old when the next one is asked for.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Generic, TypeVar

from qnpc.errors import Code, Error

T = TypeVar("T")


class Slot(Generic[T]):
    """The room for one pending thing, which is `held`."""

    def __init__(self, table: Pending, address: str, deadline: float) -> None:
        self.held: T | None = None
        self.address = address
        self.deadline = deadline
        self._table = table

    def take(self, now: float) -> T:
        """What it holds, once. Raises Error(SESSION_EXPIRED) when it was used, given back or is too old."""
        held, late = self.held, now >= self.deadline
        self.free()
        if held is None or late:
            raise Error(Code.SESSION_EXPIRED, "this took too long or was used before: start again")
        return held

    def free(self) -> None:
        """Idempotent."""
        self.held = None
        self._table.forget(self)


class Pending:
    """The table. `total` and `per_address` are counts, `ttl` seconds on the monotonic clock."""

    def __init__(self, total: int, per_address: int, ttl: float) -> None:
        self._total = total
        self._per_address = per_address
        self._ttl = ttl
        self._slots: dict[Slot[Any], None] = {}  # oldest first, since all live equally long
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._slots)

    def hold(self, address: str, now: float) -> Slot[Any]:
        """Where the table is full, the oldest of the address that has most makes room. Raises Error(TOO_MANY_LOGINS) where the address
        has its share, whose hint says when there will be room at the latest.
        """
        self._expire(now)
        if self._by_address[address] >= self._per_address:
            oldest = next(slot for slot in self._slots if slot.address == address)
            raise Error(Code.TOO_MANY_LOGINS, retry_after=max(1, round(oldest.deadline - now)))
        if len(self._slots) >= self._total:
            most = max(self._by_address.values())
            next(slot for slot in self._slots if self._by_address[slot.address] == most).free()
        slot: Slot[Any] = Slot(self, address, now + self._ttl)
        self._slots[slot] = None
        self._by_address[address] += 1
        return slot

    def forget(self, slot: Slot[Any]) -> None:
        if slot in self._slots:
            del self._slots[slot]
            self._by_address[slot.address] -= 1
            if not self._by_address[slot.address]:
                del self._by_address[slot.address]

    def _expire(self, now: float) -> None:
        while self._slots:
            oldest = next(iter(self._slots))
            if oldest.deadline > now:
                return
            oldest.free()
