"""The standard stream framing: a segment table, then the segments (Cap'n Proto encoding, "Serialization Over a Stream").

Bytes go in as they come, whole messages come out, table included. A message's size is known from its table and checked before any of
its segments is kept, so that a peer can make this side hold one message of the allowed size and no more.
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from qnpc.errors import Code
from qnpc.rpc.errors import RemoteProtocolError

MAX_SEGMENTS = 512
"""As in the C++ implementation."""


class Deframer:
    """Cuts a stream into messages of at most `limit` bytes, tables included. `limit` may be changed between calls."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._needed = 8  # bytes that must be here before there is anything to decide
        self._sized = False  # whether that is the size of the whole message

    def receive(self, data: bytes) -> Generator[bytes, None, None]:
        """The messages that `data` completes; those that are not asked for stay until the next time. Raises RemoteProtocolError; the
        stream is of no use then."""
        self._buffer += data
        return self._whole()

    def _whole(self) -> Generator[bytes, None, None]:
        position = 0
        try:
            while len(self._buffer) - position >= self._needed:
                if not self._sized:
                    self._size(position)
                    continue
                end = position + self._needed
                message = bytes(memoryview(self._buffer)[position:end])
                position, self._needed, self._sized = end, 8, False
                yield message
        finally:
            del self._buffer[:position]

    def ready(self) -> bool:
        """Whether a whole message is held. Raises as `receive`."""
        while not self._sized and len(self._buffer) >= self._needed:
            self._size(0)
        return len(self._buffer) >= self._needed

    @property
    def held(self) -> int:
        """Bytes of messages that are not whole yet, or were not asked for."""
        return len(self._buffer)

    def clear(self) -> None:
        """Let go of what is held; the stream is over."""
        self._buffer = bytearray()

    def _size(self, position: int) -> None:
        """Read as much of the segment table as is here; what is needed next follows from it."""
        count = int.from_bytes(self._buffer[position : position + 4], "little") + 1
        if count > MAX_SEGMENTS:
            raise RemoteProtocolError("the message has too many segments")
        table = (4 * count + 11) // 8 * 8
        if len(self._buffer) - position < table:
            self._needed = table
            return
        total = table + 8 * sum(struct.unpack_from(f"<{count}I", self._buffer, position + 4))
        if total > self.limit:
            raise RemoteProtocolError("the message is larger than allowed", Code.TOO_LARGE)
        self._needed, self._sized = total, True
