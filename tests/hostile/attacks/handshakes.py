"""Connections that are begun and not finished, and such as are only there to be begun."""

from __future__ import annotations

from typing import ClassVar

from aioquic import tls

from qnpc.transport import groups
from qnpc.transport.bounded import BoundedConnection
from qnpc.transport.dialing import _configuration
from tests.hostile.attack import KIB, Attack
from tests.hostile.stranger import LIMITS
from tests.transport.peers import crypto_frame, initial

ADDRESSES = 200
SOURCE = b"attacker"


def client_hello() -> bytes:
    """A genuine one, for connections whose source id is SOURCE."""
    quic = BoundedConnection(
        configuration=_configuration("127.0.0.1", LIMITS), groups=groups.offered(require_hybrid=True)
    )
    quic._local_initial_source_connection_id = SOURCE
    quic.connect(("127.0.0.1", 1), 0.0)
    return bytes(quic._crypto_streams[tls.Epoch.INITIAL].sender._buffer)


class HalfOpen(Attack):
    """Whole first flights from many addresses, after which nobody answers: each costs the node a key exchange and a signature."""

    name: ClassVar[str] = "half-open handshakes"
    rehearsed: ClassVar[bool] = False
    connections: ClassVar[int] = LIMITS.half_open_retry  # past these an address must be shown first
    opens: ClassVar[bool] = True

    async def prepare(self) -> None:
        self.stranger.bare(ADDRESSES)
        self.hello = client_hello()
        self.made = 0

    async def strike(self) -> None:
        for _ in range(10):
            sock = self.stranger.sockets[self.made % ADDRESSES]
            self.made += 1
            destination = self.stranger.ports.random.bytes(8)
            for start in range(0, len(self.hello), 1000):
                frame = crypto_frame(start, self.hello[start : start + 1000])
                self.stranger.throw(sock, initial(frame, destination=destination, source=SOURCE))
        self.stranger.listen()

    def complaint(self) -> str:
        amplified = self.stranger.heard_bytes > 3 * self.stranger.sent_bytes
        return "more came back than three times what was sent (RFC 9000, 8.1)" if amplified else ""


class FarCrypto(Attack):
    """First packets with CRYPTO data far ahead, from many addresses: one offset past what is kept, one within it."""

    name: ClassVar[str] = "far CRYPTO offsets"
    rehearsed: ClassVar[bool] = False
    connections: ClassVar[int] = LIMITS.half_open_retry
    opens: ClassVar[bool] = True

    async def prepare(self) -> None:
        self.stranger.bare(ADDRESSES)
        self.made = 0

    async def strike(self) -> None:
        for offset in (500_000, 15_000) * 10:
            sock = self.stranger.sockets[self.made % ADDRESSES]
            self.made += 1
            packet = initial(
                crypto_frame(offset, bytes(900)), destination=self.stranger.ports.random.bytes(8)
            )
            self.stranger.throw(sock, packet)


class Churn(Attack):
    """Handshakes that are finished, by the rules, and left again at once."""

    name: ClassVar[str] = "handshake churn"
    rehearsed: ClassVar[bool] = False
    connections: ClassVar[int] = 16
    opens: ClassVar[bool] = True
    per_connection: ClassVar[int] = 256 * KIB  # what is left stays for three timeouts (RFC 9000, 10.2)

    async def strike(self) -> None:
        for line in await self.stranger.open(8, per_address=1):
            line.connection.close()
        for connection in self.stranger.connections[:-8]:
            self.stranger.forget(connection)
