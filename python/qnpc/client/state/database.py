"""The profile's database: SQLCipher, one connection, one thread.

Durable means synchronous=FULL: NORMAL could roll ratchet state back after a send, which would use a key twice. What is deleted is
overwritten (secure_delete) and leaves the log when it is truncated at close.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from qnpc import sqlfiles
from qnpc.errors import Code, Error

STATE = "state.db"
_PACKAGE = "qnpc.client.state"
_SQL = sqlfiles.statements(_PACKAGE, "sql")
_MIGRATIONS = sqlfiles.migrations(_PACKAGE, "sql/migrations")

DatabaseError: type[Exception] = sqlcipher.Error


class Database:
    """Runs named statements. Every method blocks and raises DatabaseError."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Opens or makes it, up to date. Raises Error(VAULT_DAMAGED, UNSUPPORTED_VERSION)."""
        self._connection: Any = sqlcipher.connect(str(path), isolation_level=None)
        try:
            self._connection.execute("PRAGMA cipher_log_level = NONE")  # it would print on stderr
            self._connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
            self._connection.execute("SELECT count(*) FROM sqlite_master")
            path.chmod(0o600)
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "fullfsync = ON",
                "secure_delete = ON",
                "foreign_keys = ON",
                "temp_store = MEMORY",
                "cipher_memory_security = ON",
            ):
                self._connection.execute(f"PRAGMA {pragma}").fetchall()
            self._migrate()
        except DatabaseError as error:
            self._connection.close()
            raise Error(Code.VAULT_DAMAGED, "the profile's database cannot be opened with its key") from error
        except BaseException:
            self._connection.close()
            raise

    def _migrate(self) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            (version,) = execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise Error(Code.UNSUPPORTED_VERSION, "this profile was made by a newer version of qnpc")
            for number, script in _MIGRATIONS[version:]:
                for statement in _split(script):
                    execute(statement)
                execute(f"PRAGMA user_version = {number}")
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise

    def begin(self) -> None:
        self.rollback()  # nothing is left of one that could not be rolled back when it failed
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def run(self, name: str, *parameters: object) -> int:
        """Changes rows; how many."""
        return int(self._connection.execute(_SQL[name], parameters).rowcount)

    def run_many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        self._connection.executemany(_SQL[name], rows)

    def row(self, name: str, *parameters: object) -> tuple[Any, ...] | None:
        found = self._connection.execute(_SQL[name], parameters).fetchone()
        return None if found is None else tuple(found)

    def rows(self, name: str, *parameters: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._connection.execute(_SQL[name], parameters)]

    def close(self) -> None:
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._connection.close()


def _split(script: str) -> list[str]:
    """The statements of a migration: `executescript` would commit the transaction that they run in."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlcipher.complete_statement(current):
            statements.append(current)
            current = ""
    if current.strip():
        statements.append(current)
    return statements
