"""The store over SQLite, or SQLCipher when it has a key. One file, one writer, readers beside it."""

from qnpc.node.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
