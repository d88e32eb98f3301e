"""Intents on their way out: durable before anything is encrypted for them, sealed and stored before they are sent.

Each group has its own order: one intent at a time, oldest first, but nothing between the sealing of a commit and its end. Every intent
ends as accepted, or as failed with a code. What becomes of one when its time has come is `sending`'s.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from qnpc.client.connection import Connector
from qnpc.client.sending import Sender
from qnpc.client.state import IntentRow, State, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.ports import Ports

_log = logging.getLogger("qnpc.client.outbox")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an intent ended: with `seq` if it is an entry of the log, or with `error`."""

    id: bytes
    seq: int | None
    error: Error | None


class Outbox:
    """Runs while a client is open; `kick` says that a group has something to send."""

    def __init__(self, ports: Ports, limits: Limits, state: State, connector: Connector) -> None:
        self._ports = ports
        self._limits = limits
        self._state = state
        self._sender = Sender(limits, state, connector)
        self._workers: dict[bytes, asyncio.Task[None]] = {}
        self._kicked: dict[bytes, asyncio.Event] = {}
        self._closed = False
        self._halted: asyncio.Future[Error] = asyncio.get_running_loop().create_future()

    def kick(self, group: bytes) -> None:
        if self._closed:
            return
        self._kicked.setdefault(group, asyncio.Event()).set()
        if group in self._workers:
            return
        worker = asyncio.get_running_loop().create_task(self._work(group))
        self._workers[group] = worker
        worker.add_done_callback(lambda _: self._ended(group))

    async def kick_all(self) -> None:
        for group in await self._state.run(lambda tx: tx.groups_with_intents()):
            self.kick(group)

    def _ended(self, group: bytes) -> None:
        del self._workers[group]
        if self._kicked.pop(group).is_set():
            self.kick(group)

    async def drained(self) -> None:
        """Returns when nothing waits, or when no try to connect will help."""
        while self._workers:
            await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def close(self) -> None:
        self._closed = True
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def outcome(self, intent: bytes) -> Outcome:
        """Waits for the end of an intent. Raises Error(NOT_FOUND) for an unknown one, and the Error that ended all
        tries to connect."""
        while True:
            ended = self._state.outcome(intent)
            row = await self._state.run(lambda tx: tx.intent(intent))
            if row is None:
                raise Error(Code.NOT_FOUND)
            if row.state in ("accepted", "failed"):
                return Outcome(intent, row.seq, _error_of(row))
            if self._halted.done():
                raise self._halted.result()
            waiting = asyncio.ensure_future(ended.wait())
            either: set[asyncio.Future[Any]] = {waiting, self._halted}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()

    def _halt(self, error: Error) -> None:
        if not self._halted.done():
            self._halted.set_result(error)

    # -- the work of one group

    async def _work(self, group: bytes) -> None:
        failures, crowded = 0, False
        kicked = self._kicked[group]
        while True:
            kicked.clear()
            intent: IntentRow | None = None
            try:
                intent = await self._next(group, crowded)
                if intent is None:
                    return
                hopeless = await self._sender.step(intent)
                if hopeless is not None:  # what waits stays here
                    self._halt(hopeless)
                    return
                failures = 0
                crowded = crowded and intent.kind != "text" and intent.state == "waiting"
            except (
                Exception
            ) as failure:  # only what time mends comes out of a step; all else is a bug, and stops no group
                error = failure if isinstance(failure, Error) else Error(Code.INTERNAL)
                level = logging.DEBUG if error is failure else logging.ERROR
                _log.log(level, "an intent waits: %s, %s", error.code, type(failure).__name__)
                failures += 1
                crowded = intent is not None and intent.kind == "text" and error.kind is Code.QUEUE_FULL
                await self._pause(group, error, failures, crowded=crowded)

    async def _next(self, group: bytes, crowded: bool) -> IntentRow | None:
        """In their order; but a text that there is no room for is passed by commits, for one of them may make room."""

        def find(tx: Transaction) -> IntentRow | None:
            return (tx.next_commit(group) if crowded else None) or tx.next_intent(group)

        return await self._state.run(find)

    async def _pause(self, group: bytes, error: Error, failures: int, *, crowded: bool) -> None:
        """As long as the node says, within reason; when it is room that is lacking, at most until there is a commit to try."""
        longest = min(self._limits.reconnect_max, self._limits.reconnect_min * 2 ** min(failures, 16))
        asked = min(error.retry_after or 0, self._limits.retry_after)
        pause = asked or longest * self._ports.random.uniform(0.5, 1.0)
        sleeping = asyncio.ensure_future(self._ports.clock.sleep(pause))
        try:
            while not sleeping.done():
                if crowded and await self._has_commit(group):
                    return
                kick = asyncio.ensure_future(self._kicked[group].wait())
                try:
                    await asyncio.wait({sleeping, kick}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    kick.cancel()
                self._kicked[group].clear()
        finally:
            sleeping.cancel()

    async def _has_commit(self, group: bytes) -> bool:
        try:
            return await self._state.run(lambda tx: tx.next_commit(group)) is not None
        except Error:  # the database's: it is asked again after the pause
            return False


def _error_of(row: IntentRow) -> Error | None:
    if row.state != "failed":
        return None
    kind = next((code for code in Code if code.number == row.code), Code.INTERNAL)
    return Error(kind, row.reason)
