"""One UDP socket and the connections on it.

All datagrams of a readiness event are taken in before anything is answered, and everything that connections
have to say in one tick of the loop leaves together: what decides a node's capacity is how many datagrams it
sends, not how many messages. Time is one monotonic `now` per tick and never goes back, which the QUIC library relies on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.packet import pull_quic_header

from qnpc.limits import Limits
from qnpc.ports import Address, Datagrams, Ports
from qnpc.transport.admission import CONNECTION_ID_BYTES, First
from qnpc.transport.connection import Connection
from qnpc.transport.lines import Datagram
from qnpc.transport.rationing import Rationing
from qnpc.transport.wakeups import Wakeups

Stranger = Callable[[First, float, bool], Connection | None]
"""Called for a long header packet of no known connection: what came, now, and whether more of it waits than can be
handled at once. Returns the connection it begins, if any.
"""

Lost = Callable[[bytes, bytes, Address, float], None]
"""Called for a short header packet of no known connection: datagram, its destination id, sender, now."""

_LONG_HEADER = 0x80
_ID_LENGTH = bytes([CONNECTION_ID_BYTES])
_LOOKS = 0.25
"""Seconds between two looks at the deadline of one who waits for a turn."""

LONGEST = 1500
"""Bytes of a datagram of those who are not logged in, as a path of Ethernet carries them; longer ones were put together on the way. They
wait in memory, so they are bounded in size too."""


class Endpoint:
    """Made by `listen`; `connect` makes one of its own for each connection. `on_stranger` None: nobody may
    begin a connection here. `begun`: how many handshakes with an address are under way.
    """

    def __init__(
        self,
        ports: Ports,
        datagrams: Datagrams,
        limits: Limits,
        on_stranger: Stranger | None = None,
        on_lost: Lost | None = None,
        begun: Callable[[str], int] = lambda _key: 0,
    ) -> None:
        self._clock = ports.clock
        self._datagrams = datagrams
        self._limits = limits
        self._on_stranger = on_stranger
        self._on_lost = on_lost
        self._ephemeral = on_stranger is None
        self._loop = asyncio.get_running_loop()
        self._now = 0.0
        self._by_id: dict[bytes, Connection] = {}
        self._connections: dict[Connection, Callable[[], None]] = {}
        self._dirty: list[Connection] = []
        self._flushes = False
        self._rationing = Rationing(ports.clock, limits, self._serve, begun)
        self._wakeups = Wakeups(ports.clock, self._fire)
        self._empty = asyncio.Event()
        self._drained: asyncio.Future[None] | None = None
        self._closed = False
        datagrams.start(self)

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        return self._datagrams.address

    @property
    def connections(self) -> int:
        """How many are open."""
        return sum(connection.is_open and not connection.is_finished for connection in self._connections)

    async def close(self, reason: str = "") -> None:
        """Closes every connection with `reason` (an error's wire form), lets the closes get through for at
        most `close_grace`, then closes the socket. Idempotent.
        """
        self._on_stranger = None
        for connection in list(self._connections):
            connection.close(reason)
        self._flush()
        if self._connections:
            timer = self._clock.call_later(self._limits.close_grace, self._empty.set)
            try:
                await self._empty.wait()
            finally:
                timer.cancel()
        self.shut()

    async def drained(self, seconds: float) -> None:
        """Returns when nothing that was sent waits for an acknowledgement, or after so long."""
        self._drained = self._loop.create_future()
        timer = self._clock.call_later(seconds, self._give_up_draining)
        try:
            self._note_drained()
            await self._drained
        finally:
            timer.cancel()
            self._drained = None

    def shut(self) -> None:
        """Closes the socket and drops what is left, saying nothing."""
        if self._closed:
            return
        self._closed = True
        self._rationing.close()
        self._empty.set()
        self._wakeups.close()
        for connection in list(self._connections):
            connection.abandon()
            self.remove(connection)
        self._datagrams.close()

    def now(self) -> float:
        """The clock's time, never before one that was given out."""
        return self._tick(self._clock.monotonic())

    def add(self, connection: Connection, *connection_ids: bytes, on_removed: Callable[[], None]) -> None:
        """From now on datagrams with these destination ids are the connection's."""
        self._connections[connection] = on_removed
        self._empty.clear()
        for connection_id in connection_ids:
            self.issue(connection, connection_id)
        self.touch(connection)

    # -- ports.DatagramReceiver ---------------------------------------------------------------------------------------------------------

    def datagrams_received(self, datagrams: list[tuple[bytes, Address]]) -> None:
        if self._closed:
            return
        now = self.now()
        touched: dict[Connection, None] = {}
        for data, address in datagrams:
            connection = self._known(data)
            if connection is not None and connection.is_authenticated:
                connection.receive_datagram(data, address, now)
                touched[connection] = None
            elif self._ephemeral:
                self._find(data, address, now)  # a stateless reset, or nothing
            elif len(data) <= LONGEST:
                self._rationing.turns.put((data, address), connection)
        for connection in touched:
            connection.deliver_events(now)
            self.touch(connection)
        self._rationing.work()

    # -- connection.Driver ----------------------------------------------------------------------------------------------------------------

    def touch(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        if not connection.is_authenticated:
            self._rationing.turns.want(connection)
        elif not connection.is_dirty:
            connection.is_dirty = True
            self._dirty.append(connection)
            self._rationing.notice()
        if not self._flushes:
            self._flushes = True
            self._loop.call_soon(self._flush_tick)

    def authenticated(self, connection: Connection) -> None:
        waiting = self._rationing.turns.drop(connection)
        if waiting:
            self._loop.call_soon(self.datagrams_received, waiting)

    def owes(self, connection: Connection) -> None:
        self._rationing.turns.owe(connection)
        self._rationing.soon()

    def issue(self, connection: Connection, connection_id: bytes) -> None:
        self._by_id[connection_id] = connection
        connection.connection_ids[connection_id] = None

    def retire(self, connection: Connection, connection_id: bytes) -> None:
        self._by_id.pop(connection_id, None)
        connection.connection_ids.pop(connection_id, None)

    def remove(self, connection: Connection) -> None:
        on_removed = self._connections.pop(connection, None)
        if on_removed is None:
            return
        for connection_id in list(connection.connection_ids):
            self.retire(connection, connection_id)
        self._rationing.turns.drop(connection)
        self._wakeups.forget(connection)
        on_removed()
        if not self._connections:
            self._empty.set()
            if self._ephemeral:
                self.shut()

    # -- insides --------------------------------------------------------------------------------------------------------------------------

    def _known(self, data: bytes) -> Connection | None:
        """By the destination id, wherever it stands in either kind of header."""
        if data[:1] < b"\x80":
            return self._by_id.get(data[1 : 1 + CONNECTION_ID_BYTES])
        return self._by_id.get(data[6 : 6 + CONNECTION_ID_BYTES]) if data[5:6] == _ID_LENGTH else None

    def _find(self, data: bytes, address: Address, now: float) -> Connection | None:
        if not data:
            return None
        if not data[0] & _LONG_HEADER:
            connection_id = data[1 : 1 + CONNECTION_ID_BYTES]
            connection = self._by_id.get(connection_id)
            if connection is None and self._on_lost is not None:
                self._on_lost(data, connection_id, address, now)
            return connection
        buffer = Buffer(data=data)
        try:
            header = pull_quic_header(buffer, host_cid_length=CONNECTION_ID_BYTES)
        except ValueError:
            return None
        known = self._by_id.get(header.destination_cid)
        if known is not None or self._on_stranger is None:
            return known
        first = First(header, buffer.tell(), data, address)
        return self._on_stranger(first, now, self._rationing.is_pressed)

    def _serve(self, connection: Connection | None, datagrams: list[Datagram]) -> None:
        """A turn of those who are not logged in."""
        now = self.now()
        touched = {} if connection is None else {connection: None}
        if connection is not None:
            connection.take_turn()
        for data, address in datagrams:
            whose = connection or self._find(data, address, now)
            if whose is not None:
                whose.receive_datagram(data, address, now)
                touched[whose] = None
        for each in touched:
            each.deliver_events(now)
            self._rationing.turns.content(each)
            self._flush_one(each, now)
            if each.is_finished:
                self._rationing.turns.drop(each)
        if touched:
            self._note_drained()
            self._arm()

    def _tick(self, moment: float) -> float:
        self._now = max(self._now, moment)
        return self._now

    def _flush_one(self, connection: Connection, now: float) -> None:
        connection.is_dirty = False
        if connection in self._connections:
            self._send(connection.poll_datagrams(now))
            self._settle(connection)

    def _flush_tick(self) -> None:
        self._flushes = False
        self._flush()

    def _flush(self) -> None:
        if self._closed:
            return
        now = self.now()
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            self._flush_one(connection, now)
        self._rationing.work()
        self._note_drained()
        self._arm()

    def _note_drained(self) -> None:
        if self._drained is not None and not any(connection.queued for connection in self._connections):
            self._give_up_draining()

    def _give_up_draining(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _settle(self, connection: Connection) -> None:
        """After each poll: forget a connection that is gone, else see when it wants to be woken."""
        if connection.is_gone or (self._ephemeral and connection.is_finished):
            self.remove(connection)
            return
        at = connection.next_timer()
        if at is not None and (connection.timer_at is None or at < connection.timer_at):
            self._wakeups.wake(connection, at)

    def _send(self, datagrams: list[tuple[bytes, Address]]) -> None:
        start = 0
        for end in range(1, len(datagrams) + 1):
            address = datagrams[start][1]
            if end == len(datagrams) or datagrams[end][1] != address:
                self._datagrams.send([data for data, _ in datagrams[start:end]], address)
                start = end

    def _arm(self) -> None:
        if not self._closed:
            self._wakeups.arm()

    def _fire(self, moment: float) -> None:
        now = self._tick(moment)
        while (connection := self._wakeups.due(now)) is not None:
            due = connection.next_timer()
            if due is not None and due > now:
                self._wakeups.wake(connection, due)
                continue
            if due is not None:
                connection.handle_timer(now)
                connection.deliver_events(now)
            self.touch(connection)
            if connection.is_authenticated or connection not in self._connections:
                continue
            # The turn in which it is polled may be far away, and its deadline or its end not.
            if connection.is_gone:
                self.remove(connection)
            else:
                self._wakeups.wake(connection, now + _LOOKS)
