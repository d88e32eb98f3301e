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
from typing import TypeVar

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

        A cancelled caller does not undo it: what has begun is carried through."""
        work: Callable[[], tuple[T, bool]] = partial(self._transact, function)
        result, touched = await asyncio.shield(self._lane.run(work))
        if touched:
            self._changed.set()
            self._changed = asyncio.Event()
        return result

    def _transact(self, function: Callable[[Transaction], T]) -> tuple[T, bool]:
        now = int(self._ports.clock.now() * 1000)
        transaction = Transaction(self._database, self._mls, self._keys.device, self._keys.certificate, now)
        hooks = self._ports.store_hooks
        try:
            self._database.begin()
            result = function(transaction)
            self._mls.write()
            hooks.before_commit()
            self._database.commit()
            hooks.after_commit()
        except BaseException as error:
            self._database.rollback()
            self._mls = MlsRows(self._database, self._keys.device)
            if isinstance(error, DatabaseError):
                raise Error(Code.STORE_UNAVAILABLE, f"the profile's database fails: {error}") from error
            raise
        return result, transaction.touched

    @property
    def change(self) -> asyncio.Event:
        """Set at the next change of history. Take it before looking, wait on it after: no change is missed between."""
        return self._changed

    async def close(self) -> None:
        await self._lane.run(self._database.close)
        self._lane.close()
