"""Whose datagram is next when strangers send more than can be handled at once: one from each address in turn (fair queueing).

What a stranger makes a node compute is not known before it is computed, and none of it may keep those waiting who are logged in, nor
one stranger another. So datagrams of strangers wait here, few per address, and are taken a slice of time at a time. What does not fit is
dropped, as if it had been lost on the way. Sans-IO.
"""

from __future__ import annotations

from collections import deque

from qnpc.ports import Address
from qnpc.transport.admission import address_key

PER_ADDRESS = 64
IN_ALL = 1024
"""Datagrams that wait. An address that has none waiting may go past it, twice over."""

SLICE = 0.001
"""Seconds that strangers may take at once, for what comes and again for what goes."""

BEAT = 0.004
"""Seconds until the next slice, when one was not enough: many turns of the event loop in which an answer to somebody known gets on."""

Datagram = tuple[bytes, Address]


class Turns:
    def __init__(self) -> None:
        self._waiting: dict[str, deque[Datagram]] = {}
        self._order: deque[str] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, data: bytes, address: Address) -> bool:
        """False: dropped."""
        key = address_key(address)
        waiting = self._waiting.get(key)
        if waiting is None:
            if self._count >= 2 * IN_ALL:
                return False
            waiting = self._waiting[key] = deque()
            self._order.append(key)
        elif self._count >= IN_ALL or len(waiting) >= PER_ADDRESS:
            return False
        waiting.append((data, address))
        self._count += 1
        return True

    def take(self) -> Datagram | None:
        """The next one, None when nobody waits."""
        if not self._order:
            return None
        key = self._order.popleft()
        waiting = self._waiting[key]
        taken = waiting.popleft()
        self._count -= 1
        if waiting:
            self._order.append(key)
        else:
            del self._waiting[key]
        return taken
