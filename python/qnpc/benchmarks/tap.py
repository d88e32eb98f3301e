"""A member's end of its connection, as lean as it can be and still hold every delivery against what was sent.

It stands between the connection and the RPC peer. A delivery is the same bytes for every member but for two numbers, the question and the
target; so it is parsed, decrypted and checked when the first member gets it, and recognised by comparing bytes at the others. Every member
acknowledges each delivery by its own Return. All else goes on to the peer untouched.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from qnpc.benchmarks.ledger import Arrived, Ledger
from qnpc.limits import Limits
from qnpc.ports import Clock, Link, LinkReceiver
from qnpc.rpc import build, messages
from qnpc.rpc.framing import Deframer
from qnpc.rpc.payload import Received
from qnpc.wire import SINK, Entry, SinkDeliverParams

_U32 = struct.Struct("<I")
_SHAPE = build.CallTemplate.of(SINK.deliver.key, SINK.deliver.params, SinkDeliverParams(()))
_FIRST, _SECOND = sorted((_SHAPE.question, _SHAPE.target))
_KEPT = 4096

Check = Callable[[Entry], Arrived | None]
"""Holds one entry against what was sent; None for one that the ledger does not count, like a Welcome."""


class Deliveries:
    """What all members share: each delivery that any of them got, parsed and checked once."""

    def __init__(self, check: Check, limits: Limits) -> None:
        self._check = check
        self._limits = limits
        self._known: dict[bytes, Sequence[Arrived]] = {}

    def recognise(self, message: bytes) -> tuple[int, Sequence[Arrived]] | None:
        """The question and the entries of a `deliver`; None for any other message."""
        if len(message) < len(_SHAPE.message):
            return None
        moved = _table_bytes(message) - _table_bytes(_SHAPE.message)
        first, second = _FIRST + moved, _SECOND + moved
        shared = message[:first] + message[first + 4 : second] + message[second + 4 :]
        question = int(_U32.unpack_from(message, _SHAPE.question + moved)[0])
        entries = self._known.get(shared)
        if entries is None:
            entries = self._parse(message, question)
            if entries is None:
                return None
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[shared] = entries
        return question, entries

    def _parse(self, message: bytes, question: int) -> Sequence[Arrived] | None:
        call = messages.parse(message, self._limits)
        if not isinstance(call, messages.Call) or (call.interface_id, call.method_id) != SINK.deliver.key:
            return None
        if call.question != question:
            return None  # built in another way: the peer will answer it, and it counts as lost
        entries = Received(call.payload, []).read(SINK.deliver.params).entries
        return [arrived for entry in entries if (arrived := self._check(entry)) is not None]


class Tap:
    """A `ports.Link` around a Link. `member`: its index in the ledger, or None for one that is not counted there."""

    def __init__(
        self,
        link: Link,
        member: int | None,
        deliveries: Deliveries,
        ledger: Ledger,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._link = link
        self._member = member
        self._deliveries = deliveries
        self._ledger = ledger
        self._clock = clock
        self._deframer = Deframer(limits.message_after_login)
        self._receiver: LinkReceiver | None = None

    # -- ports.Link ---------------------------------------------------------------------------------------------------------------

    def start(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver
        self._link.start(self)

    def send(self, data: bytes) -> None:
        self._link.send(data)

    @property
    def queued(self) -> int:
        return self._link.queued

    def in_turn(self, go_on: Callable[[], None]) -> None:
        self._link.in_turn(go_on)

    def close(self, reason: str = "") -> None:
        self._link.close(reason)

    # -- ports.LinkReceiver -------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        now = self._clock.monotonic()
        answers = []
        for message in self._deframer.receive(data):
            known = self._deliveries.recognise(message)
            if known is None:
                if self._receiver is not None:
                    self._receiver.data_received(message)
                continue
            question, entries = known
            answers.append(build.return_empty(question))
            if self._member is not None:
                self._ledger.arrive(self._member, entries, now)
        if answers:
            self._link.send(b"".join(answers))

    def writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()

    def closed(self, error: Exception | None) -> None:
        if self._receiver is not None:
            self._receiver.closed(error)


def _table_bytes(message: bytes) -> int:
    """The size of a message's segment table: large deliveries have several segments, and what is looked for stands in the first."""
    return (4 * (int.from_bytes(message[:4], "little") + 1) + 11) // 8 * 8
