"""A path that loses or doubles a delivery, for tests of whether a benchmark would notice."""

from __future__ import annotations

from collections.abc import Callable

from qnpc.limits import DEFAULT
from qnpc.ports import Link, LinkReceiver
from qnpc.rpc import build, messages
from qnpc.rpc.framing import Deframer
from qnpc.wire import SINK


class Meddling:
    """A Link around a member's Link that does `what` ("lose", "double", "change") to its delivery number `nth`, counted from 1."""

    def __init__(self, link: Link, what: str, nth: int) -> None:
        self._link = link
        self._what = what
        self._left = nth
        self._deframer = Deframer(DEFAULT.message_after_login)
        self._receiver: LinkReceiver | None = None
        self._mute = False

    def start(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver
        self._link.start(self)

    def send(self, data: bytes) -> None:
        if not self._mute:
            self._link.send(data)

    @property
    def queued(self) -> int:
        return self._link.queued

    def in_turn(self, go_on: Callable[[], None]) -> None:
        self._link.in_turn(go_on)

    def close(self, reason: str = "") -> None:
        self._link.close(reason)

    def data_received(self, data: bytes) -> None:
        assert self._receiver is not None
        for message in self._deframer.receive(data):
            call = messages.parse(message, DEFAULT)
            if isinstance(call, messages.Call) and (call.interface_id, call.method_id) == SINK.deliver.key:
                self._left -= 1
                if self._left == 0:
                    self._meddle(self._receiver, call, message)
                    continue
            self._receiver.data_received(message)

    def _meddle(self, receiver: LinkReceiver, call: messages.Call, message: bytes) -> None:
        if self._what == "lose":  # the node believes that it arrived
            self._link.send(build.return_empty(call.question))
        elif self._what == "double":
            receiver.data_received(message)
            self._mute = True  # one answer to one call
            receiver.data_received(message)
            self._mute = False
        else:
            receiver.data_received(message[:-9] + bytes([message[-9] ^ 1]) + message[-8:])

    def writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()

    def closed(self, error: Exception | None) -> None:
        if self._receiver is not None:
            self._receiver.closed(error)
