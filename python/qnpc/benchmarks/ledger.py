"""What was sent, and who has got it: the account that a delivery benchmark answers for.

Nothing is taken for delivered that did not arrive unchanged at the member that it is counted for; what came twice or out of order is
counted as such, and what is missing in the end is lost. No clock, no network: moments are handed in, in seconds.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Sent:
    """A message. `missing`: how many members do not have it yet; `counted`: it is in the figures, not of the warm-up."""

    id: bytes
    text: bytes
    at: float
    missing: int
    counted: bool


@dataclass(slots=True)
class Arrived:
    """An entry as a member got it; `sent` is None when it is not what was sent."""

    seq: int
    sent: Sent | None


@dataclass(slots=True)
class _Member:
    next: int
    skipped: set[int] = field(default_factory=set)


class Ledger:
    """`complete` is told of each message when the last member has it."""

    def __init__(self, members: int, first: int, complete: Callable[[Sent], None]) -> None:
        """`first`: the seq that the first message will have."""
        self._members = [_Member(first) for _ in range(members)]
        self._complete = complete
        self._sent: dict[bytes, Sent] = {}
        self.messages = 0
        """Sent and counted."""
        self.delivered = 0
        self.doubled = 0
        self.misordered = 0
        self.altered = 0
        self.times = array("d")
        """Of counted deliveries: seconds from sending to arriving."""

    def send(self, id: bytes, text: bytes, now: float, *, counted: bool) -> None:  # noqa: A002
        self.messages += counted
        self._sent[id] = Sent(id, text, now, len(self._members), counted)

    def find(self, id: bytes) -> Sent | None:  # noqa: A002
        return self._sent.get(id)

    def arrive(self, member: int, entries: Sequence[Arrived], now: float) -> None:
        """One delivery at one member, in the order of its entries."""
        state = self._members[member]
        for entry in entries:
            if entry.seq == state.next:
                state.next += 1
            elif not self._out_of_turn(state, entry.seq):
                continue
            sent = entry.sent
            if sent is None:
                self.altered += 1
                continue
            sent.missing -= 1
            if sent.counted:
                self.delivered += 1
                self.times.append(now - sent.at)
            if not sent.missing:
                self._complete(sent)

    def _out_of_turn(self, state: _Member, seq: int) -> bool:
        """Whether it is new all the same."""
        if seq > state.next:
            state.skipped.update(range(state.next, seq))
            state.next = seq + 1
            return True
        if seq in state.skipped:
            state.skipped.remove(seq)
            self.misordered += 1
            return True
        self.doubled += 1
        return False

    @property
    def lost(self) -> int:
        """Deliveries of anything sent so far that have not happened."""
        return sum(sent.missing for sent in self._sent.values())
