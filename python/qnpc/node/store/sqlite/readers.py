"""Connections that only read, for threads that read while the writer writes.

Each read is one statement, so it sees one committed state; in WAL nobody waits for the writer. No read is
left open: an open one would keep the log of the file from being folded back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qnpc.errors import Code, Error
from qnpc.node.store.sqlite.database import Database, unavailable


class Readers:
    """A few connections, opened when they are first needed."""

    _MOST = 4

    def __init__(self, connect: Callable[[], Database]) -> None:
        self._connect = connect
        self._idle: list[Database] = []
        self._room = threading.BoundedSemaphore(self._MOST)
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def use(self) -> Iterator[Database]:
        """Lends a connection; waits while all are lent. E024 when the database fails or is closed."""
        with self._room, unavailable():
            with self._lock:
                if self._closed:
                    raise Error(Code.STORE_UNAVAILABLE)
                db = self._idle.pop() if self._idle else None
            if db is None:
                db = self._connect()
            try:
                yield db
            finally:
                self._give_back(db)

    def close(self) -> None:
        """Those that are lent close when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    def _give_back(self, db: Database) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(db)
                return
        db.close()
