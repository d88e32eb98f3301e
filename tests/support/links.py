"""Links without QUIC, for tests of what runs above a transport: a joined pair in memory, and one over a
socket.

In memory, bytes arrive on a later turn of the loop, never inside `send`, in pieces of at most `chunk` bytes;
`hold` keeps them back, so that a test decides when the other side sees them. Both ends are told when either
is closed, after the bytes that were sent before.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from qnpc.ports import LinkReceiver


class MemoryLink:
    """One end. `sent` is everything this end ever sent, in order."""

    def __init__(self, chunk: int) -> None:
        self.sent = bytearray()
        self.held = False
        self.reason: str | None = None
        self._chunk = chunk
        self._peer: MemoryLink | None = None
        self._receiver: LinkReceiver | None = None
        self._incoming: list[Callable[[LinkReceiver], None]] = []
        self._queued = 0
        self._open = True
        self.turns: list[Callable[[], None]] | None = (
            None  # if it is a list, what asks for a turn waits there
        )

    def join(self, peer: MemoryLink) -> None:
        self._peer = peer

    def start(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver
        self._wake()

    def send(self, data: bytes) -> None:
        if not self._open:
            return
        self.sent += data
        for start in range(0, len(data), self._chunk):
            self._send_piece(data[start : start + self._chunk])

    @property
    def queued(self) -> int:
        return self._queued

    def in_turn(self, go_on: Callable[[], None]) -> None:
        if self.turns is None:
            asyncio.get_running_loop().call_soon(go_on)
        else:
            self.turns.append(go_on)

    def close(self, reason: str = "") -> None:
        self.cut(None, reason)

    def cut(self, error: Exception | None, reason: str = "") -> None:
        """End the connection, for both ends; with an error as if the path had died."""
        if not self._open:
            return
        self.reason = reason
        for end in self._ends():
            end._open = False
            end._incoming.append(lambda receiver: receiver.closed(error))
            end._wake()

    def hold(self) -> None:
        """What arrives here waits for `resume`."""
        self.held = True

    def resume(self) -> None:
        self.held = False
        self._wake()

    def inject(self, data: bytes) -> None:
        """Bytes arrive here that the other end did not send."""
        self._incoming.append(lambda receiver: receiver.data_received(data))
        self._wake()

    def _ends(self) -> list[MemoryLink]:
        return [self] if self._peer is None else [self, self._peer]

    def _send_piece(self, piece: bytes) -> None:
        peer = self._peer
        if peer is None:
            return
        self._queued += len(piece)

        def deliver(receiver: LinkReceiver) -> None:
            self._queued -= len(piece)
            receiver.data_received(piece)
            if self._receiver is not None and self._open:
                self._receiver.writable()

        peer._incoming.append(deliver)
        peer._wake()

    def _wake(self) -> None:
        if self._receiver is not None and not self.held:
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        if self._receiver is not None and not self.held and self._incoming:
            self._incoming.pop(0)(self._receiver)
            if self._incoming:
                self._wake()


def memory_links(chunk: int = 1 << 20) -> tuple[MemoryLink, MemoryLink]:
    """Two ends of one connection."""
    left, right = MemoryLink(chunk), MemoryLink(chunk)
    left.join(right)
    right.join(left)
    return left, right


class SocketLink(asyncio.Protocol):
    """A Link over a connected socket: what talks to an RPC peer of another make."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._receiver: LinkReceiver | None = None

    @classmethod
    async def over(cls, sock: socket.socket) -> SocketLink:
        sock.setblocking(False)
        _, link = await asyncio.get_running_loop().create_connection(cls, sock=sock)
        return link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._transport = transport

    def start(self, receiver: LinkReceiver) -> None:
        assert self._transport is not None
        self._receiver = receiver
        self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    @property
    def queued(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def in_turn(self, go_on: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(go_on)

    def close(self, reason: str = "") -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        assert self._receiver is not None
        self._receiver.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._receiver is not None:
            self._receiver.closed(exc)


async def turns(count: int = 50) -> None:
    """Let the loop turn so often: whatever needs no time has happened then."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned
