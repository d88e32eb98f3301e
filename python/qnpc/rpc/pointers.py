"""The words of a message, walked by hand: what pycapnp cannot do for capability pointers.

A capability pointer is the word `3 | index << 32`, an index into the payload's table (Cap'n Proto encoding, "Capabilities"). When
building, the field is left null and its word patched afterwards; when reading, the words are followed from the root, through far and
double-far pointers where a message has several segments. Every step is checked against the bounds of its segment; what does not fit
raises ValueError and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from qnpc.rpc.schema import segments

_WORD = struct.Struct("<Q")

STRUCT, LIST, FAR, OTHER = range(4)


@dataclass(frozen=True, slots=True)
class View:
    """One struct in a message: its data section and its pointer section, as byte positions in the whole message."""

    message: bytes
    bounds: list[tuple[int, int]]
    segment: int
    data: int
    data_bytes: int
    pointers: int
    pointer_count: int

    def pointer(self, index: int) -> int:
        """Where pointer `index` stands. Raises ValueError when an older peer's struct has no such pointer."""
        if index >= self.pointer_count:
            raise ValueError("the struct has no such pointer")
        return self.pointers + 8 * index

    def struct(self, index: int) -> View | None:
        """The struct that pointer `index` leads to; None for a null or missing pointer."""
        if index >= self.pointer_count:
            return None
        return _struct(self.message, self.bounds, self.segment, self.pointers + 8 * index)

    def capability(self, index: int) -> int | None:
        """The index into the payload's table that pointer `index` holds; None for a null or missing pointer."""
        if index >= self.pointer_count:
            return None
        word, _, _ = _resolve(self.message, self.bounds, self.segment, self.pointers + 8 * index)
        if word == 0:
            return None
        if word & 0xFFFFFFFF != OTHER:
            raise ValueError("not a capability pointer")
        return word >> 32


def root(message: bytes) -> View:
    """The root struct of a message. Raises ValueError, also when it is null."""
    bounds = segments(message)
    if bounds[0][1] - bounds[0][0] < 8:
        raise ValueError("the message has no root")
    view = _struct(message, bounds, 0, bounds[0][0])
    if view is None:
        raise ValueError("the message has no root")
    return view


def descend(message: bytes, *path: int) -> View | None:
    """The struct found by following pointer indexes from the root."""
    view: View | None = root(message)
    for index in path:
        if view is None:
            return None
        view = view.struct(index)
    return view


def patch_capability(message: bytearray, position: int, index: int) -> None:
    """Make the word at byte `position` a capability pointer to entry `index` of the table."""
    _WORD.pack_into(message, position, OTHER | index << 32)


def _struct(message: bytes, bounds: list[tuple[int, int]], segment: int, position: int) -> View | None:
    word, segment, start = _resolve(message, bounds, segment, position)
    if word == 0:
        return None
    if word & 3 != STRUCT:
        raise ValueError("not a struct pointer")
    data_bytes = 8 * (word >> 32 & 0xFFFF)
    pointer_count = word >> 48
    first, end = bounds[segment]
    if start < first or start + data_bytes + 8 * pointer_count > end:
        raise ValueError("a struct lies outside of its segment")
    return View(message, bounds, segment, start, data_bytes, start + data_bytes, pointer_count)


def _resolve(
    message: bytes, bounds: list[tuple[int, int]], segment: int, position: int
) -> tuple[int, int, int]:
    """The pointer at `position` with far pointers followed: its word, the segment and the byte where its target starts."""
    word = int(_WORD.unpack_from(message, position)[0])
    if word & 3 != FAR:
        return word, segment, _target(word, position)
    segment, position = _landing(bounds, word, 2 if word & 4 else 1)
    pad = int(_WORD.unpack_from(message, position)[0])
    if not word & 4:
        if pad & 3 == FAR:
            raise ValueError("a far pointer leads to a far pointer")
        return pad, segment, _target(pad, position)
    if pad & 7 != FAR:
        raise ValueError("a double-far pointer does not lead to a far pointer")
    tag = int(_WORD.unpack_from(message, position + 8)[0])
    if tag & 3 == FAR:
        raise ValueError("a far pointer's tag is a far pointer")
    segment, start = _landing(bounds, pad, 0)
    return tag, segment, start


def _landing(bounds: list[tuple[int, int]], word: int, words: int) -> tuple[int, int]:
    """The segment and byte that a far pointer names, with room for so many words."""
    segment = word >> 32
    if segment >= len(bounds):
        raise ValueError("a far pointer names no segment")
    first, end = bounds[segment]
    position = first + 8 * (word >> 3 & 0x1FFFFFFF)
    if position + 8 * words > end:
        raise ValueError("a far pointer leads outside of its segment")
    return segment, position


def _target(word: int, position: int) -> int:
    """Where a near pointer at `position` leads: a signed count of words from its end."""
    offset = (word & 0xFFFFFFFF) >> 2
    if offset & 0x20000000:
        offset -= 0x40000000
    return position + 8 + 8 * offset
