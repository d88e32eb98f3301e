"""What the transport's tests share: a receiver that remembers, a node that echoes, and crafted packets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aioquic import tls
from aioquic.buffer import encode_uint_var
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder

from qnpc.limits import DEFAULT, Limits
from qnpc.ports import Address, Ports
from qnpc.transport import Connection, Endpoint, TlsIdentity, connect, listen


class Recorder:
    """A `ports.LinkReceiver`. `echoes` sends everything back."""

    def __init__(self, connection: Connection, *, echoes: bool = False) -> None:
        self.connection = connection
        self.received = bytearray()
        self.writable_calls = 0
        self.ends: list[Exception | None] = []
        self._echoes = echoes
        self._news = asyncio.Event()
        connection.start(self)

    def data_received(self, data: bytes) -> None:
        assert not self.ends, "data after closed"
        self.received += data
        if self._echoes:
            self.connection.send(data)
        self._news.set()

    def writable(self) -> None:
        self.writable_calls += 1
        self._news.set()

    def closed(self, error: Exception | None) -> None:
        self.ends.append(error)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._news.wait()
            self._news.clear()

    async def bytes(self, count: int) -> bytes:
        """The next `count` bytes, taken out."""
        await self.until(lambda: len(self.received) >= count or bool(self.ends))
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    async def end(self) -> Exception | None:
        await self.until(lambda: bool(self.ends))
        assert len(self.ends) == 1
        return self.ends[0]


class Node:
    """A listening endpoint and what it was told."""

    def __init__(self, identity: TlsIdentity, ports: Ports, limits: Limits) -> None:
        self.identity = identity
        self.ports = ports
        self.limits = limits
        self.peers: list[Recorder] = []
        self.on_arrival = self.arrived
        self.endpoint: Endpoint
        self._arrival = asyncio.Event()

    @property
    def address(self) -> Address:
        return self.endpoint.address

    def arrived(self, connection: Connection) -> None:
        self.peers.append(Recorder(connection, echoes=True))
        self._arrival.set()

    async def peer(self) -> Recorder:
        """The first client's counterpart."""
        await self._arrival.wait()
        return self.peers[0]

    async def client(self, ports: Ports, limits: Limits | None = None) -> Recorder:
        connection = await connect(ports, self.address, limits or self.limits, pin=self.identity.pin)
        return Recorder(connection)


@asynccontextmanager
async def node(
    identity: TlsIdentity, ports: Ports, limits: Limits = DEFAULT, address: Address = ("127.0.0.1", 0)
) -> AsyncIterator[Node]:
    """A node that sends back what it is sent."""
    made = Node(identity, ports, limits)
    made.endpoint = await listen(
        ports, address, identity, limits, lambda connection: made.on_arrival(connection)
    )
    try:
        yield made
    finally:
        await made.endpoint.close()


def craft(sender: Connection, *frames: bytes) -> bytes:
    """A 1-RTT datagram with these frames, under the sender's keys, as a hostile client would make it."""
    quic = sender._quic
    builder = QuicPacketBuilder(
        host_cid=quic.host_cid,
        is_client=True,
        max_datagram_size=1200,
        packet_number=quic._packet_number,
        peer_cid=quic._peer_cid.cid,
        version=quic._version or 1,
    )
    builder.start_packet(QuicPacketType.ONE_RTT, quic._cryptos[tls.Epoch.ONE_RTT])
    payload = b"".join(frames)
    buffer = builder.start_frame(payload[0], capacity=len(payload))
    buffer.push_bytes(payload[1:])
    datagrams, _ = builder.flush()
    quic._packet_number = builder.packet_number
    return datagrams[0]


def stream_frame(offset: int, data: bytes, stream: int = 0) -> bytes:
    """A STREAM frame with offset and length (RFC 9000, 19.8)."""
    return b"\x0e" + encode_uint_var(stream) + encode_uint_var(offset) + encode_uint_var(len(data)) + data


def crypto_frame(offset: int, data: bytes) -> bytes:
    """RFC 9000, 19.6."""
    return b"\x06" + encode_uint_var(offset) + encode_uint_var(len(data)) + data


def initial(
    *frames: bytes,
    version: int = 1,
    destination: bytes = b"12345678",
    source: bytes = b"attacker",
    token: bytes = b"",
    spoil: bool = False,
) -> bytes:
    """A client's first datagram, under the keys that anyone can derive from its destination id."""
    crypto = CryptoPair()
    crypto.setup_initial(cid=destination, is_client=True, version=1)
    builder = QuicPacketBuilder(
        host_cid=source,
        is_client=True,
        max_datagram_size=1200,
        peer_cid=destination,
        peer_token=token,
        version=1,
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    payload = b"".join(frames)
    builder.start_frame(payload[0], capacity=len(payload)).push_bytes(payload[1:])
    datagrams, _ = builder.flush()
    packet = bytearray(datagrams[0].ljust(1200, b"\x00"))
    packet[1:5] = version.to_bytes(4, "big")
    if spoil:
        packet[35] ^= 1  # within the sealed payload
    return bytes(packet)


def inject(sender: Connection, datagram: bytes) -> None:
    """Sends a datagram from the sender's own socket."""
    endpoint = sender._driver
    assert isinstance(endpoint, Endpoint)
    endpoint._datagrams.send([datagram], sender.peer_address)
