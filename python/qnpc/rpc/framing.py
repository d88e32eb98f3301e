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


_BLOCK = 4096
_PIECE = 1024
"""Bytes: smaller pieces are put together, in blocks that do not grow. So what is held costs little more than its size, however it
comes: one buffer would be moved while it grows, and thousands of single bytes would be as many objects.
"""


class Deframer:
    """Cuts a stream into messages of at most `limit` bytes, tables included. `limit` may be changed between calls."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._pieces: list[bytes | bytearray] = []
        self._taken = 0  # bytes of the first piece
        self._held = 0
        self._needed = 8  # bytes that must be here before there is anything to decide
        self._sized = False  # whether that is the size of the whole message

    def receive(self, data: bytes) -> Generator[bytes, None, None]:
        """The messages that `data` completes; those that are not asked for stay until the next time. Raises RemoteProtocolError; the
        stream is of no use then."""
        self._keep(data)
        return self._whole()

    def _keep(self, data: bytes) -> None:
        self._held += len(data)
        pieces = self._pieces
        if not data:
            return
        if len(data) >= _PIECE or not pieces:
            pieces.append(data)
            return
        last = pieces[-1]
        if not isinstance(last, bytearray) or len(last) + len(data) > _BLOCK:
            last = bytearray()
            pieces.append(last)
        last += data

    def _whole(self) -> Generator[bytes, None, None]:
        try:
            while self.ready():
                start, end = self._taken, self._taken + self._needed
                message = self._together()[start:end]
                self._taken, self._needed, self._sized = end, 8, False
                self._held -= len(message)
                yield message
        finally:
            if self._taken:
                rest = self._together()[self._taken :]
                self._pieces, self._taken = [rest] if rest else [], 0

    def ready(self) -> bool:
        """Whether a whole message is held. Raises as `receive`."""
        while not self._sized and self._held >= self._needed:
            self._needed, self._sized = self._size(self._together(), self._taken)
        return self._held >= self._needed

    def waiting(self) -> int:
        """Bytes of messages that are whole and were not asked for. Raises as `receive`."""
        if not self.ready():
            return 0
        data, position = self._together(), self._taken
        while len(data) - position >= 8:
            size, sized = self._size(data, position)
            if not sized or len(data) - position < size:
                break
            position += size
        return position - self._taken

    @property
    def held(self) -> int:
        """Bytes of messages that are not whole yet, or were not asked for."""
        return self._held

    def clear(self) -> None:
        """Let go of what is held; the stream is over."""
        self._pieces, self._taken, self._held = [], 0, 0

    def _together(self) -> bytes:
        """All pieces as one."""
        if len(self._pieces) > 1 or isinstance(self._pieces[0], bytearray):
            self._pieces = [b"".join(self._pieces)]
        return bytes(self._pieces[0])

    def _size(self, data: bytes, position: int) -> tuple[int, bool]:
        """Of the message that begins there and of which 8 bytes are here; or, with False, how much of it must be here to tell."""
        count = int.from_bytes(data[position : position + 4], "little") + 1
        if count > MAX_SEGMENTS:
            raise RemoteProtocolError("the message has too many segments")
        table = (4 * count + 11) // 8 * 8
        if len(data) - position < table:
            return table, False
        total = table + 8 * sum(struct.unpack_from(f"<{count}I", data, position + 4))
        if total > self.limit:
            raise RemoteProtocolError("the message is larger than allowed", Code.TOO_LARGE)
        return total, True
