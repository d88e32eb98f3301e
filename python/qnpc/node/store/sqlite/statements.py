"""SQL stands in files where it can be read whole; this module finds it by name.

A file of statements names each one by a line `-- name: NAME`. A script is a file whose statements run one
after the other. Nothing here puts SQL together from pieces: values are parameters."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

_FOLDER = files("qnpc.node.store") / "sql" / "sqlite"
_FAMILIES = ("database", "accounts", "keys", "delivery", "groups")
_NAME = "-- name: "


@cache
def statements() -> Mapping[str, str]:
    """All named statements."""
    found: dict[str, str] = {}
    for family in _FAMILIES:
        for name, text in _named((_FOLDER / f"{family}.sql").read_text("utf-8")):
            if name in found:
                raise ValueError(f"two statements are named {name}")
            found[name] = text
    return MappingProxyType(found)


def script(name: str) -> list[str]:
    """The statements of one script, in order."""
    return split((_FOLDER / f"{name}.sql").read_text("utf-8"))


def migrations() -> list[tuple[int, Traversable]]:
    """Number and file of each migration, in order."""
    found = [
        (int(file.name[:4]), file)
        for file in (_FOLDER / "migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda numbered: numbered[0])


def split(text: str) -> list[str]:
    """Cuts a script after each complete statement. `executescript` would commit the transaction that a
    migration runs in."""
    parts: list[str] = []
    pending = ""
    for line in text.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            parts.append(pending)
            pending = ""
    return parts


def _named(text: str) -> Iterator[tuple[str, str]]:
    name, lines = "", list[str]()
    for line in [*text.splitlines(), _NAME]:
        if line.startswith(_NAME):
            if name:
                yield name, "\n".join(lines)
            name, lines = line.removeprefix(_NAME).strip(), []
        else:
            lines.append(line)
