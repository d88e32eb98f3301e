"""The state's one thread: every read and write of a profile runs here, one transaction after the other.

MLS delta, history, cursor and outbox of one transaction commit together or not at all. After a failure the MLS objects are dropped and
loaded again from what is durable, so memory never runs ahead of the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from qnpc import _core
from qnpc.client.state.database import STATE, Database, DatabaseError
from qnpc.client.state.transaction import MlsRows, Transaction
from qnpc.errors import Code, Error
from qnpc.ports import Lane, Ports

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Keys:
    """This device's key objects; the secrets stay inside them."""

    device: _core.Device
    hybrid: _core.HybridKey
    certificate: bytes


class State:
    """`await state.run(fn)` calls `fn(transaction)` in the state's thread."""

    def __init__(self, ports: Ports, lane: Lane, keys: Keys, database: Database) -> None:
        self._ports = ports
        self._lane = lane
        self._keys = keys
        self._database = database
        self._mls = MlsRows(database, keys.device)
        self._changed = asyncio.Event()
        self._awaited: WeakValueDictionary[bytes, asyncio.Event] = WeakValueDictionary()

    @classmethod
    async def open(cls, ports: Ports, profile: Path, keys: Keys, database_key: bytes) -> State:
        """Raises what `Database` raises."""
        lane = ports.jobs.lane("state")
        try:
            database = await lane.run(Database, profile / STATE, database_key)
        except BaseException:
            lane.close()
            raise
        return cls(ports, lane, keys, database)

    async def run(self, function: Callable[[Transaction], T]) -> T:
        """One transaction. Raises what `function` raises, and Error(STORE_UNAVAILABLE) when the database fails: whether
        it stands is unknown only if the commit itself failed; otherwise nothing of it stays.

        A cancelled caller does not undo it: what has begun is carried through, and whoever waits for it is woken."""
        committing: list[Transaction] = []
        work: Callable[[], T] = partial(self._transact, function, committing)
        done = asyncio.ensure_future(self._lane.run(work))
        done.add_done_callback(lambda done: self._tell(done, committing))
        return await asyncio.shield(done)

    def _tell(self, done: asyncio.Future[Any], committing: list[Transaction]) -> None:
        """Also when the commit failed: it may stand, so whoever waits had better look."""
        if not done.cancelled():
            done.exception()  # the caller may be gone
        for transaction in committing:
            if transaction.touched:
                self._changed.set()
                self._changed = asyncio.Event()
            for intent in transaction.settled:
                event = self._awaited.pop(intent, None)
                if event is not None:
                    event.set()

    def _transact(self, function: Callable[[Transaction], T], committing: list[Transaction]) -> T:
        """In the lane. `committing` gets the transaction at the moment from which on it may stand."""
        now = int(self._ports.clock.now() * 1000)
        transaction = Transaction(self._database, self._mls, self._keys.device, self._keys.certificate, now)
        hooks = self._ports.store_hooks
        try:
            self._database.begin()
            result = function(transaction)
            self._mls.write()
            hooks.before_commit()
            committing.append(transaction)
            self._database.commit()
            hooks.after_commit()
        except BaseException as error:
            self._mls = MlsRows(self._database, self._keys.device)  # first: rolling back may fail too
            failed: BaseException = error
            try:
                self._database.rollback()
            except DatabaseError as also:
                failed = also
            if isinstance(failed, DatabaseError):
                raise Error(Code.STORE_UNAVAILABLE, f"the profile's database fails: {failed}") from failed
            raise
        return result

    @property
    def change(self) -> asyncio.Event:
        """Set at the next change of history, epochs or invitations. Take it before looking, wait on it after: none is missed."""
        return self._changed

    def outcome(self, intent: bytes) -> asyncio.Event:
        """Set when the end of that intent becomes durable, whoever learns of it. Take it before looking, as `change`."""
        return self._awaited.setdefault(intent, asyncio.Event())

    async def close(self) -> None:
        await self._lane.run(self._database.close)
        self._lane.close()
