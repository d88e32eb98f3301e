"""The SQL of this backend: named statements, migrations, and the settings of a connection.

Settings and migrations are scripts: files whose statements run one after the other.
"""

from __future__ import annotations

import sqlite3
from importlib.resources import files

from qnpc import sqlfiles

_PACKAGE = "qnpc.node.store"
_FOLDER = "sql/sqlite"

STATEMENTS = sqlfiles.statements(_PACKAGE, _FOLDER)
MIGRATIONS = sqlfiles.migrations(_PACKAGE, f"{_FOLDER}/migrations")


def settings(name: str) -> list[str]:
    """`create` for an empty file, `writer` and `reader` for connections."""
    return split(files(_PACKAGE).joinpath(_FOLDER, "settings", f"{name}.sql").read_text("utf-8"))


def split(script: str) -> list[str]:
    """Cuts a script after each statement. `executescript` would commit the transaction that a migration runs in."""
    parts: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            parts.append(pending)
            pending = ""
    if pending.strip():
        parts.append(pending)
    return parts
