"""Datagrams that belong to nothing: noise, and bait for stateless resets."""

from __future__ import annotations

from typing import ClassVar

from tests.hostile.attack import Attack

ADDRESSES = 16
BURST = 50  # per strike: 5000 in a second


class Garbage(Attack):
    """Noise of every size, some of it under the first bytes of real packets."""

    name: ClassVar[str] = "garbage"
    rehearsed: ClassVar[bool] = False
    connections: ClassVar[int] = 0
    opens: ClassVar[bool] = True
    _HEADS = (
        b"",
        b"\xc0\x00\x00\x00\x01\x08",
        b"\xc3\x00\x00\x00\x01\x14",
        b"\xd0\x00\x00\x00\x01",
        b"\x40",
        b"\xff\x1a\x2a\x3a\x4a\x08",
    )
    _SIZES = (1, 8, 21, 40, 300, 1199, 1200, 1472)

    async def prepare(self) -> None:
        self.stranger.bare(ADDRESSES)

    async def strike(self) -> None:
        random = self.stranger.ports.random
        for number in range(BURST):
            head, size = self._HEADS[number % len(self._HEADS)], self._SIZES[number % len(self._SIZES)]
            noise = (head + random.bytes(size))[:size]
            self.stranger.throw(self.stranger.sockets[number % ADDRESSES], noise)


class ResetBait(Attack):
    """Short packets of connections that nobody has: each could be answered with a reset, to whoever the sender says it is."""

    name: ClassVar[str] = "reset bait"
    rehearsed: ClassVar[bool] = False
    connections: ClassVar[int] = 0
    opens: ClassVar[bool] = True

    async def prepare(self) -> None:
        self.stranger.bare(ADDRESSES)

    async def strike(self) -> None:
        for number in range(BURST):
            bait = b"\x40" + self.stranger.ports.random.bytes(60)
            self.stranger.throw(self.stranger.sockets[number % ADDRESSES], bait)
        self.stranger.listen()

    def complaint(self) -> str:
        if not self.stranger.heard_bytes:
            return "no reset came at all: a client would not learn that its node was restarted"
        few = self.stranger.heard_bytes * 4 < self.stranger.sent_bytes
        return "" if few else "resets came for most of it: the node can be made to send to others"
