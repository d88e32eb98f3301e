"""One QUIC connection as a `ports.Link`: ordered bytes over stream 0, the bidirectional stream that the
client opens.

Sans-IO apart from the event loop's ready queue: datagrams and `now` come in, datagrams go out when the
endpoint polls, once per tick. Sent bytes wait in a queue of ours and enter the stream only as fast as the
peer acknowledges, so memory is bounded on both sides of the stream. The receiver's `closed` is called once,
last, and never from within a call of the receiver's own. A peer's bytes must not reach the receiver before
the handshake is complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aioquic.quic import events

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.link import join_address
from qnpc.ports import Address, LinkReceiver
from qnpc.transport import groups, reasons
from qnpc.transport.bounded import BoundedConnection
from qnpc.transport.outgoing import Outgoing
from qnpc.transport.patience import Expired, Patience
from qnpc.transport.stateless import is_reset

STREAM = 0
_PROMPT_ACK = {True: 16 * 1024, False: 2 * 1024}
"""At a client and at a node: received bytes that are acknowledged without waiting, so that a long transfer is not slowed by the delay that
suits short ones. A node waits longer, and may not let a window of a few packets stand still meanwhile; a client gets more than this in
each push, and has an answer to it at once.
"""

_NO_LOGIN = Error(Code.TOO_MANY_LOGINS, "nobody has logged in on this connection in time").to_wire()


class Driver(Protocol):
    """What a connection needs of its endpoint."""

    def touch(self, connection: Connection) -> None:
        """Poll it at the end of this tick."""

    def authenticated(self, connection: Connection) -> None:
        """It waits no longer among those who are not."""

    def owes(self, connection: Connection) -> None:
        """It has come, but not all that came was looked at: `take_turn` is to be called when it is its turn."""

    def issue(self, connection: Connection, connection_id: bytes) -> None: ...

    def retire(self, connection: Connection, connection_id: bytes) -> None: ...

    def remove(self, connection: Connection) -> None: ...


class Connection:
    """Made by `listen` and `connect` alone. `handshake_time` is in seconds."""

    def __init__(
        self,
        quic: BoundedConnection,
        driver: Driver,
        limits: Limits,
        address: Address,
        now: float,
        *,
        on_open: Callable[[Connection], None],
        on_failed: Callable[[Error | None], None],
    ) -> None:
        self._quic = quic
        self._driver = driver
        self._limits = limits
        self._address = address
        self._on_open = on_open
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._is_client = quic.configuration.is_client
        self._patience = Patience(limits, now, is_client=self._is_client)
        self._receiver: LinkReceiver | None = None
        self._early = bytearray()  # came before start()
        self._outgoing = Outgoing()
        self._go_on: Callable[[], None] | None = None  # in the next turn
        self._full = False  # `queued` went above the mark, `writable` is owed
        self._unacknowledged = 0
        self._prompt_ack = _PROMPT_ACK[quic.configuration.is_client]
        self._close_reason: str | None = None  # we want to close
        self._closed_by_us = False
        self._farewell: list[tuple[bytes, Address]] = []
        self._late = 0  # datagrams since the end
        self._lingers_until: float | None = None
        self._round_trip: float | None = None
        self._error: Error | None = None
        self._told = False
        self.is_open = False
        self.is_finished = False
        self.is_authenticated = quic.configuration.is_client
        self.on_authenticated: Callable[[], None] | None = None
        self.handshake_time = 0.0
        self.tls_group = ""
        self.peer_pin: bytes | None = None
        self.connection_ids: dict[bytes, None] = {}  # kept by the endpoint
        self.is_dirty = False  # likewise
        self.timer_at: float | None = None  # likewise, when it is to be woken
        self.timer = 0  # likewise

    # -- ports.Link -----------------------------------------------------------------------------------------------------------------

    @property
    def peer_address(self) -> Address:
        """Where datagrams go now; it changes when the peer moves."""
        return self._address if self.is_finished else self._quic.get_peer_address() or self._address

    @property
    def round_trip(self) -> float | None:
        """Smoothed, seconds."""
        return self._round_trip if self.is_finished else self._quic.round_trip

    def authenticated(self) -> None:
        """Who is at the other end is known: it may send more at once, and no longer waits its turn among strangers."""
        self.is_authenticated = True
        self._patience.expect_no_login()
        if not self.is_finished:
            if self.on_authenticated is not None:
                self.on_authenticated()
            self._driver.authenticated(self)
            self._loop.call_soon(self.take_turn)
            self._quic.widen(self._limits.receive_window)
            self._driver.touch(self)

    def start(self, receiver: LinkReceiver) -> None:
        """From now on `receiver` is told; bytes that came before are handed to it at once. Once only."""
        if self._receiver is not None:
            raise RuntimeError("the connection has a receiver already")
        self._receiver = receiver
        if self._early:
            early, self._early = bytes(self._early), bytearray()
            self._deliver(receiver, early)
        if self.is_finished:
            self._loop.call_soon(self._tell_closed)

    def send(self, data: bytes) -> None:
        """Queue; never blocks. When the peer does not read and the queue passes its cap, the connection
        closes with E012.
        """
        if not data or self.is_finished or self._close_reason is not None:
            return
        self._outgoing.append(data)
        queued = self.queued
        if queued > self._limits.message_after_login + self._limits.outbox:
            self.close(Error(Code.QUEUE_FULL, "this connection does not read what is sent to it").to_wire())
            return
        if queued > self._limits.outbox // 2:
            self._full = True
        self._driver.touch(self)

    @property
    def queued(self) -> int:
        """Bytes taken by `send` that the other side has not acknowledged yet."""
        return 0 if self.is_finished else self._outgoing.size + self._quic.backlog(STREAM)

    def in_turn(self, go_on: Callable[[], None]) -> None:
        """See ports.Link."""
        self._go_on = go_on
        if self.is_authenticated:
            self._loop.call_soon(self.take_turn)
        else:
            self._driver.owes(self)

    def close(self, reason: str = "") -> None:
        """Idempotent. What fits into the path at once is still sent; `reason` is an error's wire form and
        reaches the other side.
        """
        if self._close_reason is None and not self.is_finished:
            self._close_reason = reasons.normalised(reason)
            self._driver.touch(self)

    # -- the endpoint's side ----------------------------------------------------------------------------------------------------------

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Events wait until `deliver_events`."""
        if self.is_finished or self._quic.close_event is not None:
            self._late += 1  # what follows an offence in the same tick is not even looked at
            return
        self._patience.hear(now)
        try:
            self._quic.receive_datagram(data, address, now)
        except Exception as fault:
            self._fail(fault)

    def take_turn(self) -> None:
        """What waited for it is done."""
        go_on, self._go_on = self._go_on, None
        if go_on is not None and not self.is_finished:
            self._guard(go_on)

    def receive_stray(self, data: bytes) -> None:
        """A short header packet that is for no id of ours: the peer may say that it knows this connection no more."""
        if self.is_open and not self.is_finished and is_reset(data, self._quic.peer_reset_token):
            self._lose("was restarted")

    def handle_timer(self, now: float) -> None:
        if self.is_finished:
            self._lingers_until = None
            return
        match self._patience.expired(now):
            case Expired.GIVE_UP:
                self._lose("does not answer any more")
                return
            case Expired.DISMISS:
                self.dismiss(_NO_LOGIN)
                return
            case Expired.PING:
                self._quic.send_ping(0)
        at = self._quic.get_timer()
        if at is not None and now >= at:
            self._quic.handle_timer(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, None when the connection is gone."""
        if self.is_finished:
            return self._lingers_until
        at = self._quic.get_timer()
        return None if at is None else min(at, self._patience.next())

    def dismiss(self, reason: str) -> None:
        """It must go: as `close`, but nothing more is computed for a handshake that is not complete."""
        if self.is_open:
            self._patience.expect_no_login()
            self.close(reason)
        else:
            self._finish(reasons.from_wire(reason))
            self._driver.remove(self)

    def abandon(self) -> None:
        """The socket is gone."""
        self._finish(Error(Code.UNREACHABLE, "the socket was closed"))

    @property
    def is_gone(self) -> bool:
        """Nothing is left to wait for. A connection that never opened is not mourned."""
        return self.is_finished and (not self.is_open or self._lingers_until is None)

    def _lose(self, what: str) -> None:
        self._finish(Error(Code.UNREACHABLE, f"{join_address(*self.peer_address)} {what}"))
        self._driver.touch(self)

    def deliver_events(self, now: float) -> None:
        while not self.is_finished and (event := self._quic.next_event()) is not None:
            handler = _EVENTS.get(type(event))
            if handler is not None:
                handler(self, event, now)
        if not self.is_finished and self._quic.close_event is not None:
            self._driver.touch(self)  # the poll sends our close, or finds the peer's
        if self._full and self._receiver is not None and self.queued < self._limits.outbox // 2:
            self._full = False
            self._guard(self._receiver.writable)

    def poll_datagrams(self, now: float) -> list[tuple[bytes, Address]]:
        """What is to be sent now."""
        if self.is_finished:
            return self._repeat_farewell()
        try:
            return self._poll(now)
        except Exception as fault:
            self._fail(fault)
            return []

    # -- insides --------------------------------------------------------------------------------------------------------------------------

    def _poll(self, now: float) -> list[tuple[bytes, Address]]:
        quic = self._quic
        datagrams: list[tuple[bytes, Address]] = []
        if quic.get_peer_address() is None:
            return datagrams
        if quic.close_event is None:
            self._feed(now)
            datagrams = quic.datagrams_to_send(now)
            if datagrams and self._is_client and quic.awaits_ack:
                self._patience.ask(now)
            if self._close_reason is not None:
                self._closed_by_us = True
                quic.close(
                    error_code=reasons.error_code(self._close_reason),
                    reason_phrase=reasons.phrase(self._close_reason),
                )
        if quic.close_event is not None:
            self._farewell = quic.datagrams_to_send(now)
            datagrams += self._farewell
            reason = self._close_reason
            if self._closed_by_us and reason is not None:
                self._finish(reasons.from_wire(reason))
            else:
                self._finish(reasons.from_event(quic.close_event, self.peer_address))
        return datagrams

    def _feed(self, now: float) -> None:
        """Moves bytes into the stream while little of it is unacknowledged; an acknowledgement that waits
        rides along.
        """
        quic = self._quic
        if self._outgoing.size and self.is_open and (self._is_client or quic.has_stream(STREAM)):
            room = self._limits.stream_buffer - quic.backlog(STREAM)
            if room > 0:
                quic.send_stream_data(STREAM, self._outgoing.take(room))
                quic.hasten_ack(now)
                self._unacknowledged = 0
        if self._unacknowledged >= self._prompt_ack or quic.sees_gap:
            quic.hasten_ack(now)
            self._unacknowledged = 0

    def _repeat_farewell(self) -> list[tuple[bytes, Address]]:
        """The close may be lost: it answers the 1st, 2nd, 4th, 8th ... datagram that still comes (RFC 9000,
        10.2.1).
        """
        late = self._late
        return self._farewell if late and late & (late - 1) == 0 else []

    def _opened(self, _event: object, now: float) -> None:
        self.is_open = True
        self._patience.opened()
        self.handshake_time = now - self._patience.began
        self.tls_group = groups.negotiated(self._quic.tls)
        self._guard(self._on_open, self)

    def _received(self, event: events.StreamDataReceived, _now: float) -> None:
        if not self.is_open or event.stream_id != STREAM:
            self.close(Error(Code.BAD_REQUEST, "only stream 0 is used, after the handshake").to_wire())
        if self.is_finished or self._close_reason is not None:
            return
        self._unacknowledged += len(event.data)
        if self._receiver is not None:
            if event.data:
                self._deliver(self._receiver, event.data)
        elif len(self._early) + len(event.data) > self._limits.receive_window:
            self.close(Error(Code.TOO_LARGE).to_wire())
        else:
            self._early += event.data
        if event.end_stream:
            self.close()

    def _stream_ended(self, _event: object, _now: float) -> None:
        self.close()

    def _id_issued(self, event: events.ConnectionIdIssued, _now: float) -> None:
        self._driver.issue(self, event.connection_id)

    def _id_retired(self, event: events.ConnectionIdRetired, _now: float) -> None:
        self._driver.retire(self, event.connection_id)

    def _deliver(self, receiver: LinkReceiver, data: bytes) -> None:
        self._guard(receiver.data_received, data)

    def _guard(self, callback: Callable[..., None], *arguments: object) -> None:
        """A fault above ends this connection and no other."""
        try:
            callback(*arguments)
        except Exception as fault:
            self._report(fault)
            self.close(Error(Code.INTERNAL).to_wire())

    def _fail(self, fault: Exception) -> None:
        """The QUIC library stumbled over something a peer sent: nothing more can be said on this
        connection.
        """
        self._report(fault)
        self._finish(Error(Code.INTERNAL))
        self._driver.remove(self)

    def _report(self, fault: Exception) -> None:
        self._loop.call_exception_handler(
            {"message": "a QUIC connection was ended by a fault", "exception": fault}
        )

    def _finish(self, error: Error | None) -> None:
        if self.is_finished:
            return
        self._address, self._round_trip = self.peer_address, self.round_trip
        self._lingers_until = self._quic.get_timer()
        self.is_finished = True
        self._quic.dismantle()  # all that is left to do is to say farewell once more
        self._error = error
        self._outgoing.clear()
        self._go_on = self.on_authenticated = None
        on_failed, self._on_failed, self._on_open = self._on_failed, _nobody, _nobody  # they hold each other
        if not self.is_open:
            on_failed(error)
        elif self._receiver is not None:
            self._loop.call_soon(self._tell_closed)

    def _tell_closed(self) -> None:
        if self._receiver is not None and not self._told:
            self._told = True
            receiver, self._receiver = self._receiver, None  # they hold each other
            try:
                receiver.closed(self._error)
            except Exception as fault:
                self._report(fault)


def _nobody(_of: object) -> None:
    """Who is told when it is over."""


_EVENTS: dict[type[events.QuicEvent], Callable[[Connection, Any, float], None]] = {
    events.ConnectionIdIssued: Connection._id_issued,
    events.ConnectionIdRetired: Connection._id_retired,
    events.HandshakeCompleted: Connection._opened,
    events.StopSendingReceived: Connection._stream_ended,
    events.StreamDataReceived: Connection._received,
    events.StreamReset: Connection._stream_ended,
}
