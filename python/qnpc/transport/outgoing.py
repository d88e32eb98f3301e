"""What is sent but does not fit into the stream yet: pieces in, pieces out, joined."""

from __future__ import annotations

from collections import deque


class Outgoing:
    """A queue of bytes. Large pieces are cut without copying what stays."""

    def __init__(self) -> None:
        self._pieces: deque[memoryview | bytes] = deque()
        self.size = 0

    def append(self, data: bytes) -> None:
        self._pieces.append(data)
        self.size += len(data)

    def take(self, room: int) -> bytes:
        """At most `room` bytes from the front, in one piece."""
        taken: list[memoryview | bytes] = []
        while self._pieces and room > 0:
            piece = self._pieces[0]
            if len(piece) <= room:
                taken.append(self._pieces.popleft())
            else:
                view = memoryview(piece)
                taken.append(view[:room])
                self._pieces[0] = view[room:]
            room -= len(taken[-1])
        joined = b"".join(taken)
        self.size -= len(joined)
        return joined

    def clear(self) -> None:
        self._pieces.clear()
        self.size = 0
