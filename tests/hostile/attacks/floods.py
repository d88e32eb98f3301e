"""Trickles that would lock others out: a few hundred datagrams in a second, each of which makes the node work."""

from __future__ import annotations

import selectors
import socket
from typing import ClassVar

from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.packet import QuicPacketType, pull_quic_header

from tests.hostile.attack import Attack
from tests.hostile.attacks.handshakes import SOURCE, client_hello
from tests.hostile.stranger import LIMITS, Stranger
from tests.transport.peers import crypto_frame, initial


class Flood(Attack):
    """So many a second, however long a strike takes."""

    rate: ClassVar[float]
    rehearsed: ClassVar[bool] = False
    opens: ClassVar[bool] = True
    pause: ClassVar[float] = 0.005
    lasts: ClassVar[float] = 4.0

    def __init__(self, stranger: Stranger, count: int) -> None:
        super().__init__(stranger, count)
        self.made = 0
        self.began: float | None = None

    def due(self) -> range:
        """The numbers of those that are to come now."""
        now = self.stranger.ports.clock.monotonic()
        if self.began is None:
            self.began = now
        made, self.made = self.made, max(self.made, int(self.rate * (now - self.began)))
        return range(made, self.made)


class SpoofedNoise(Flood):
    """Noise that looks like first packets, from many addresses: nothing that comes back is looked at, so they could be anyone's."""

    name: ClassVar[str] = "spoofed first packets"
    connections: ClassVar[int] = 0
    rate: ClassVar[float] = 700.0
    _ADDRESSES = 500

    async def prepare(self) -> None:
        self.stranger.bare(self._ADDRESSES, self.stranger.far)

    async def strike(self) -> None:
        random = self.stranger.ports.random
        for number in self.due():
            head = b"\xc0\x00\x00\x00\x01\x08" + random.bytes(8) + b"\x08" + SOURCE + b"\x00"
            length = (0x4000 | 1200 - len(head) - 2).to_bytes(2, "big")
            noise = random.bytes(1200 - len(head) - 2)
            self.stranger.throw(self.stranger.sockets[number % self._ADDRESSES], head + length + noise)
        self.stranger.listen()


class SilentOwners(Flood):
    """Whole first flights from addresses that are the attacker's: it answers the Retry, and then nothing more."""

    name: ClassVar[str] = "silent after Retry"
    connections: ClassVar[int] = LIMITS.connections_before_login
    settles: ClassVar[float] = (
        LIMITS.handshake + 2.0
    )  # for so long it could be a slow path, and gets answers again
    rate: ClassVar[float] = 250.0  # flights: four times as many datagrams
    _ADDRESSES = 100

    async def prepare(self) -> None:
        hello = client_hello()
        self._frames = [crypto_frame(at, hello[at : at + 1000]) for at in range(0, len(hello), 1000)]
        self._selector = selectors.DefaultSelector()
        for sock in self.stranger.bare(self._ADDRESSES, self.stranger.far):
            self._selector.register(sock, selectors.EVENT_READ)
        self.retries = 0

    async def strike(self) -> None:
        for number in self.due():
            self._fly(self.stranger.sockets[number % self._ADDRESSES], self.stranger.ports.random.bytes(8))
        for key, _ in self._selector.select(0):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            for data in self.stranger.heard(sock):
                header = pull_quic_header(Buffer(data=data), host_cid_length=8) if data[0] & 0x80 else None
                if header is not None and header.packet_type is QuicPacketType.RETRY:
                    self.retries += 1
                    self._fly(sock, header.source_cid, header.token)

    def complaint(self) -> str:
        return "" if self.retries else "no address had to be shown"

    def _fly(self, sock: socket.socket, destination: bytes, token: bytes = b"") -> None:
        for frame in self._frames:
            self.stranger.throw(sock, initial(frame, destination=destination, source=SOURCE, token=token))
