"""RPC messages that never end, come byte by byte, are too large, or are knotted."""

from __future__ import annotations

import struct
from typing import ClassVar

from qnpc.rpc import build
from qnpc.rpc.messages import Target
from qnpc.wire import NODE, NodeRegisterParams
from tests.hostile.attack import Attack
from tests.hostile.stranger import LIMITS

LARGEST = LIMITS.message_before_login


def table(size: int) -> bytes:
    """The segment table of a message that has `size` bytes in all."""
    return struct.pack("<2I", 0, (size - 8) // 8)


class HalfMessages(Attack):
    """The largest message that is allowed, all but its last word, and then nothing more."""

    name: ClassVar[str] = "half messages"

    async def prepare(self) -> None:
        await super().prepare()
        self.begun = False

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        if not self.begun:
            self.begun = True
            for line in self.lines:
                line.send(table(LARGEST) + bytes(LARGEST - 16))


class SlowDrip(Attack):
    """One byte of a message with each tick, on many connections."""

    name: ClassVar[str] = "slow drip"
    pause: ClassVar[float] = 0.04

    async def prepare(self) -> None:
        await super().prepare()
        self.message = table(LARGEST) + bytes(LARGEST - 8)
        self.position = 0

    async def strike(self) -> None:
        for line in self.lines:
            line.send(self.message[self.position : self.position + 1])
        self.position += 1


class Oversize(Attack):
    """Tables that announce more than is allowed before login, in one segment, in many, and in too many."""

    name: ClassVar[str] = "oversize messages"
    _TABLES = (
        table(LARGEST + 8),
        table(LIMITS.message_after_login),
        struct.pack("<2I", 0, 2**32 - 1),
        struct.pack("<5I", 3, *[LARGEST // 16] * 4) + bytes(4),
        struct.pack("<I", 2**32 - 1) + bytes(4),
        struct.pack("<I", 511),
    )

    async def prepare(self) -> None:
        await super().prepare()
        self.round = 0

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        for number, line in enumerate(self.lines):
            line.send(self._TABLES[(self.round + number) % len(self._TABLES)] + bytes(60_000))

    def complaint(self) -> str:
        return "" if self.stranger.ends else "nobody was cut off"


def nested(depth: int) -> bytes:
    """A chain of structs of one pointer each, from the root on."""
    pointer = struct.pack("<Q", 1 << 48)
    return struct.pack("<2I", 0, depth + 1) + pointer * depth + bytes(8)


def unimplemented(depth: int) -> bytes:
    """A message that gives back a message that gives back a message."""
    message = build.bootstrap(0)
    while depth and len(message) < LARGEST // 2:
        message, depth = build.unimplemented(message), depth - 1
    return message


def wide() -> bytes:
    """A call whose table of capabilities says that it has half a billion entries of no size."""
    call = bytearray(
        build.call(
            0, Target(0), NODE.register.key, NODE.register.params, NodeRegisterParams("x", b"", b""), ()
        )
    )
    for position in range(16, len(call), 8):
        word = int.from_bytes(call[position : position + 8], "little")
        if word & 3 == 1:  # a list
            call[position : position + 8] = ((word & 0xFFFF_FFFF) | 0xFFFF_FFF8 << 32).to_bytes(8, "little")
    return bytes(call)


class DeepNesting(Attack):
    """Structs within structs, messages within messages, lists that claim to be endless."""

    name: ClassVar[str] = "deep nesting"

    async def prepare(self) -> None:
        await super().prepare()
        self.round = 0
        self.messages = [nested(7000), unimplemented(30), wide(), nested(40), unimplemented(1)]

    async def strike(self) -> None:
        await self.stranger.again(self.lines)
        self.round += 1
        for number, line in enumerate(self.lines):
            line.send(self.messages[(self.round + number) % len(self.messages)])
