"""QUIC frames that an honest peer would not send, on connections that were opened in good order."""

from __future__ import annotations

from typing import ClassVar

from tests.hostile.attack import Attack
from tests.hostile.stranger import LIMITS
from tests.transport.peers import stream_frame

STREAMS = (0, 4, 8, 12, 2, 6, 10, 14)  # as many as may be opened, of both kinds


class FarOffsets(Attack):
    """Single bytes far ahead on every stream: within the window they are kept, past it windows might grow."""

    name: ClassVar[str] = "far STREAM offsets"

    async def prepare(self) -> None:
        await super().prepare()
        self.round = 0

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        for line in self.lines:
            if self.round % 20 == 0:
                far = [stream_frame(LIMITS.receive_window << n, b"z") for n in range(12)]
                for frame in far:
                    line.inject(frame)
                continue
            share = LIMITS.receive_window // len(STREAMS)
            for size in (share, share // 16):  # as far as a wide window goes, and as far as a narrow one
                for stream in STREAMS:
                    if size == share and self.round % 20 < 10:
                        continue
                    line.inject(stream_frame(size - 2, b"z", stream))


class Fragments(Attack):
    """Every second byte, again and again: each fragment is looked for among all the others."""

    name: ClassVar[str] = "alternating fragments"

    async def prepare(self) -> None:
        await super().prepare()
        self.round = 0

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        most = 200 if self.round % 50 == 0 else 60  # now and then too many: that must be the end
        for line in self.lines:
            stream = STREAMS[self.round % len(STREAMS)]
            for start in range(0, most, 100):
                crumbs = [
                    stream_frame(10 + 2 * n, b"z", stream) for n in range(start, min(most, start + 100))
                ]
                line.inject(*(crumbs * (100 // len(crumbs))))


class TinyFrames(Attack):
    """Datagrams full of the smallest frames that there are: hundreds to look at for the price of one."""

    name: ClassVar[str] = "tiny frames"
    _MAX_DATA_0 = b"\x10\x00"

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        for line in self.lines:
            line.inject(self._MAX_DATA_0 * 560)
