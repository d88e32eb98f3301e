"""What attackers are made of: a node to aim at, source addresses of their own, connections and bare sockets.

Everything is counted as it leaves and as it comes, so that what the node spends can be held against what the attacker spent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from qnpc.errors import Error
from qnpc.limits import DEFAULT
from qnpc.link import NodeLink
from qnpc.ports import Address, Datagrams, Ports, Udp
from qnpc.rpc import Peer
from qnpc.transport import Connection, Endpoint, connect
from tests.transport.peers import craft, inject

LIMITS = DEFAULT


class From(Udp):
    """UDP sockets that stand at one loopback address."""

    def __init__(self, host: str) -> None:
        self._host = host

    async def towards(self, address: Address) -> tuple[Datagrams, Address]:
        return self._open(socket.AF_INET, (self._host, 0)), address


class Line:
    """A connection whose bytes are written by hand; what comes back is counted and dropped."""

    def __init__(self, connection: Connection, stranger: Stranger) -> None:
        self.connection = connection
        self.heard = 0
        self.ended = asyncio.Event()
        self._stranger = stranger
        connection.start(self)

    def data_received(self, data: bytes) -> None:
        self.heard += len(data)

    def writable(self) -> None: ...

    def closed(self, error: Exception | None) -> None:
        self._stranger.ends += 1
        self.ended.set()

    def send(self, data: bytes) -> None:
        """On stream 0, by the rules of QUIC."""
        self._stranger.count(data)
        self.connection.send(data)

    def inject(self, *frames: bytes) -> None:
        """These frames in one datagram, past the rules; nothing when the connection is over."""
        if not self.connection.is_finished:
            datagram = craft(self.connection, *frames)
            self._stranger.count(datagram)
            inject(self.connection, datagram)


def deafen(connection: Connection) -> None:
    """From now on it reads nothing, and so acknowledges nothing."""
    _endpoint(connection)._datagrams.start(_Deaf())


def drop(connection: Connection) -> None:
    """Gone without a word."""
    _endpoint(connection).shut()


def _endpoint(connection: Connection) -> Endpoint:
    endpoint = connection._driver
    assert isinstance(endpoint, Endpoint)
    return endpoint


class _Deaf:
    def datagrams_received(self, datagrams: list[tuple[bytes, Address]]) -> None: ...


@dataclass
class Stranger:
    """An attacker's place in the world. Its addresses are 127.0.`network`.1 and so on: those of another network are other people."""

    ports: Ports
    node: NodeLink
    network: int
    sent: int = 0
    sent_bytes: int = 0
    heard_bytes: int = 0  # by bare sockets
    ends: int = 0  # connections that are over
    connections: list[Connection] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def address(self) -> Address:
        return self.node.host, self.node.port

    def host(self, number: int) -> str:
        return f"127.0.{self.network}.{1 + number % 250}"

    def far(self, number: int) -> str:
        """As `host`, of many thousands."""
        return f"127.{self.network}.{number // 250}.{1 + number % 250}"

    def count(self, data: bytes) -> None:
        self.sent += 1
        self.sent_bytes += len(data)

    # -- connections ------------------------------------------------------------------------------------------------------------

    async def connect(self, number: int) -> Connection:
        """From address `number`. Raises Error when the node refuses."""
        ports = Ports(self.ports.clock, self.ports.random, From(self.host(number)), self.ports.jobs)
        connection = await connect(ports, self.address, LIMITS, pin=self.node.pin)
        self.connections.append(connection)
        return connection

    async def line(self, number: int) -> Line:
        """Raises as `connect`."""
        return Line(await self.connect(number), self)

    async def peer(self, number: int) -> Peer:
        """A connection that speaks in good order. Raises as `connect`."""
        peer = Peer(await self.connect(number), LIMITS)
        peer.start()
        return peer

    async def open(self, count: int, *, per_address: int = 8) -> list[Line]:
        """So many connections; those that are refused are missing."""
        made: list[Line] = []
        for start in range(0, count, 8):  # a few at a time: the attacker has one core, too
            numbers = [number // per_address for number in range(start, min(start + 8, count))]
            opened = await asyncio.gather(*map(self.line, numbers), return_exceptions=True)
            made += [line for line in opened if isinstance(line, Line)]
        return made

    async def again(self, lines: list[Line]) -> None:
        """Those that are over are opened anew, in place."""
        over = [place for place, line in enumerate(lines) if line.ended.is_set()]
        if not over:
            return
        with contextlib.suppress(Error):
            for place, line in zip(over, await self.open(len(over)), strict=False):
                self.forget(lines[place].connection)
                lines[place] = line

    def forget(self, connection: Connection) -> None:
        self.connections.remove(connection)
        drop(connection)

    # -- bare sockets -----------------------------------------------------------------------------------------------------------

    def bare(self, count: int, host: Callable[[int], str] | None = None) -> list[socket.socket]:
        """UDP sockets at so many addresses, connected to the node."""
        made = []
        for number in range(count):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(((host or self.host)(number), 0))
            sock.connect(self.address)
            sock.setblocking(False)
            made.append(sock)
        self.sockets += made
        return made

    def throw(self, sock: socket.socket, datagram: bytes) -> None:
        self.count(datagram)
        with contextlib.suppress(OSError):  # full: lost, as on the way
            sock.send(datagram)

    def heard(self, sock: socket.socket) -> Iterator[bytes]:
        """What came to a bare socket; it counts."""
        with contextlib.suppress(OSError):
            for data in iter(partial(sock.recv, 65536), b""):
                self.heard_bytes += len(data)
                yield data

    def listen(self) -> None:
        """Counts what the node answered to bare sockets."""
        for sock in self.sockets:
            for _ in self.heard(sock):
                pass

    async def close(self) -> None:
        for sock in self.sockets:
            sock.close()
        for connection in self.connections:
            connection.close()
        await self.ports.clock.sleep(0.05)
        for connection in self.connections:
            drop(connection)
        self.connections.clear()
        self.sockets.clear()
