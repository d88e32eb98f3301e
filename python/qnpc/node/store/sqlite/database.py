"""One connection to the file, which knows the named statements.

sqlite3 and sqlcipher3 have the same interface; where they differ is here and nowhere else: how a key is
given, and whose errors are raised. Transactions are explicit: nothing begins or ends one unasked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlcipher3 import dbapi2 as sqlcipher

from qnpc.errors import Code, Error
from qnpc.node.store.sqlite.statements import STATEMENTS, settings

Row = tuple[Any, ...]

FAILURES: tuple[type[Exception], ...] = (sqlite3.Error, sqlcipher.Error)
CONFLICTS: tuple[type[Exception], ...] = (sqlite3.IntegrityError, sqlcipher.IntegrityError)

_RAW_KEY = 32
_QUIET = "PRAGMA cipher_log_level = NONE"  # it would print on stderr
_BUSY = 5.0  # seconds that another process may hold the file


class Database:
    """A connection. Each call takes a statement's name, and its parameters by theirs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def connect(cls, path: Path, key: bytes | str | None) -> Database:
        """Opens the file without reading it yet. `key`: see `SqliteStore.open`."""
        module: Any = sqlite3
        first: list[str] = []
        if key is not None:
            module = sqlcipher
            first = [
                _QUIET,
                _key_pragma(key),
            ]  # SQLCipher takes the key before all else, and not as a parameter
        connection = module.connect(
            path, timeout=_BUSY, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        for pragma in first:
            connection.execute(pragma)
        return cls(cast("sqlite3.Connection", connection))

    def one(self, statement: str, /, **parameters: object) -> Row | None:
        """The first row."""
        cursor = self._connection.execute(STATEMENTS[statement], parameters)
        row: Row | None = cursor.fetchone()
        cursor.close()  # else the statement stays open and holds a reader's snapshot
        return row

    def all(self, statement: str, /, **parameters: object) -> list[Row]:
        return self._connection.execute(STATEMENTS[statement], parameters).fetchall()

    def each(self, statement: str, /, **parameters: object) -> Generator[Row, None, None]:
        """Rows as they are asked for. Close the iterator."""
        cursor = self._connection.execute(STATEMENTS[statement], parameters)
        try:
            yield from cursor
        finally:
            cursor.close()

    def run(self, statement: str, /, **parameters: object) -> int:
        """How many rows it changed, or -1 where that means nothing."""
        return self._connection.execute(STATEMENTS[statement], parameters).rowcount

    def insert(self, statement: str, /, **parameters: object) -> int:
        """The new row's id."""
        return self._connection.execute(STATEMENTS[statement], parameters).lastrowid or 0

    def set_up(self, name: str) -> None:
        """Applies one of the settings."""
        self.execute_all(settings(name))

    def execute_all(self, parts: list[str]) -> None:
        for part in parts:
            self._connection.execute(part).fetchall()

    def rollback(self) -> None:
        """Ends the transaction, if the failure has not ended it already."""
        if self._connection.in_transaction:
            self.run("rollback")

    def close(self) -> None:
        self._connection.close()


@contextmanager
def unavailable(sentence: str | None = None) -> Iterator[None]:
    """Turns what the database raises into E024. The cause stays attached for the log, and never reaches a
    peer."""
    try:
        yield
    except FAILURES as error:
        raise Error(Code.STORE_UNAVAILABLE, sentence) from error


def _key_pragma(key: bytes | str) -> str:
    if isinstance(key, bytes) and len(key) == _RAW_KEY:
        return f"PRAGMA key = \"x'{key.hex()}'\""
    if isinstance(key, bytes) or not key or "\0" in key:
        raise Error(Code.USAGE, "the database key is neither 32 bytes nor a passphrase")
    passphrase = key.replace("'", "''")
    return f"PRAGMA key = '{passphrase}'"
