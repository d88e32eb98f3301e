"""Cap'n Proto's untyped library behind the few typed names that the rest of this package uses.

It is the only module here that imports pycapnp: its `Any` ends at this door. `Builder`, `Reader` and `Struct` are its objects, and the
modules that handle them (messages.py, codec.py) read each pointer field once, since every read counts against the traversal limit.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeAlias

import capnp

Builder: TypeAlias = Any
"""A struct being built; fields are set by attribute."""

Reader: TypeAlias = Any
"""A struct being read. It stays valid as long as it lives: it holds the message's bytes."""

Struct: TypeAlias = Any
"""The schema of a struct."""

Module: TypeAlias = Any
"""A loaded .capnp file."""

CORRUPT = (capnp.KjException, ValueError)
"""What reading hostile bytes raises; UnicodeDecodeError is a ValueError."""


def load_schema(package: str, *path: str) -> Module:
    """Load the .capnp file that `package` carries at `path`."""
    with as_file(files(package).joinpath(*path)) as file:
        return capnp.load(str(file))


def _load_rpc() -> Module:
    folder = Path(capnp.__file__).parent
    return capnp.load(str(folder / "rpc.capnp"), imports=[str(folder.parent)])


RPC = _load_rpc()
"""rpc.capnp as pycapnp carries it."""
