"""Cap'n Proto's untyped library behind the few typed names that the rest of this package uses.

It is the only module here that imports pycapnp: its `Any` ends at this door, and the names of its insides that we use (fields by
handle instead of by name, five times faster) are taken here, so that a release without them fails at import. Those who read a message
read each pointer field once: every read counts against its traversal limit.
"""

from __future__ import annotations

import struct
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeAlias

import capnp
from capnp.lib.capnp import _DynamicStructBuilder, _DynamicStructReader

Builder: TypeAlias = Any
"""A struct being built."""

Reader: TypeAlias = Any
"""A struct, or a pointer to anything, being read. It keeps the message's bytes alive."""

Struct: TypeAlias = Any
"""The schema of a struct."""

Field: TypeAlias = Any
"""A field of such a schema."""

Module: TypeAlias = Any
"""A loaded .capnp file."""

CORRUPT = (capnp.KjException, ValueError)
"""What reading hostile bytes raises; UnicodeDecodeError is a ValueError."""

read_field = _DynamicStructReader._get_by_field
which_member = _DynamicStructReader._which_str
get_field = _DynamicStructBuilder._get_by_field
set_field = _DynamicStructBuilder._set_by_field
init_field = _DynamicStructBuilder._init_by_field


def load_schema(package: str, *path: str) -> Module:
    """Load the .capnp file that `package` carries at `path`."""
    with as_file(files(package).joinpath(*path)) as file:
        return capnp.load(str(file))


def _load_rpc() -> Module:
    folder = Path(capnp.__file__).parent
    return capnp.load(str(folder / "rpc.capnp"), imports=[str(folder.parent)])


RPC = _load_rpc()
"""rpc.capnp as pycapnp carries it."""


def segments(message: bytes) -> list[tuple[int, int]]:
    """Where each segment of an unpacked message starts and ends, in bytes. Raises ValueError when the table does not fit."""
    if len(message) < 8 or len(message) % 8:
        raise ValueError("a message is whole words")
    count = int.from_bytes(message[:4], "little") + 1
    position = (4 * count + 11) // 8 * 8
    if position > len(message):
        raise ValueError("the segment table is longer than the message")
    if count == 1:
        bounds = [(8, 8 + 8 * int.from_bytes(message[4:8], "little"))]
    else:
        bounds = []
        for words in struct.unpack_from(f"<{count}I", message, 4):
            bounds.append((position, position + 8 * words))
            position += 8 * words
    if bounds[-1][1] != len(message):
        raise ValueError("the segments are not as long as the table says")
    return bounds


def open_root(message: bytes, *, traversal_words: int, nesting: int) -> Reader:
    """The root of an RPC message.

    What is read of it may be at most twice its own size (and `traversal_words`): pointers that all lead to the same bytes would
    otherwise make a small message large. Raises one of CORRUPT, now or when it is read.
    """
    parts = [message[start:end] for start, end in segments(message)]
    limit = min(traversal_words, len(message) // 4 + 64)
    return RPC.Message.from_segments(parts, traversal_limit_in_words=limit, nesting_limit=nesting)


def new_message() -> Builder:
    """The root of a new RPC message."""
    return RPC.Message.new_message()
