"""Intents on their way out: durable before anything is encrypted for them, sealed and stored before they are sent,
resolved by id.

Each group has its own order: one intent at a time, oldest first. A lost answer is asked for again with the same id
and ciphertext; a stale epoch is sealed again when the group has caught up. Every intent ends as accepted, or as
failed with a code.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from qnpc import _core
from qnpc.client import sealing, settle
from qnpc.client.candidates import Candidates
from qnpc.client.capabilities import Capabilities, remote
from qnpc.client.connection import Connector, Online
from qnpc.client.inbound import OUTSIDE, lapse
from qnpc.client.restored import group_info
from qnpc.client.state import IntentRow, State, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.ports import Ports
from qnpc.rpc import Disconnected
from qnpc.wire import (
    GROUP,
    SESSION,
    GroupCommitParams,
    GroupInfoResults,
    GroupSendParams,
    SessionCreateGroupParams,
)

_log = logging.getLogger("qnpc.client.outbox")

# Refusals that time mends; E025 too, since the outcome is unknown then and a pending commit may be cleared only on an explicit refusal.
_AGAIN = {
    Code.RATE_LIMITED,
    Code.QUEUE_FULL,
    Code.SHUTTING_DOWN,
    Code.STORE_UNAVAILABLE,
    Code.TOO_MANY_CALLS,
    Code.INTERNAL,
}


# A session that has run out: the connector makes a new one by the device's key.
_RENEW = {Code.AUTH_REQUIRED, Code.SESSION_EXPIRED}

_Noted = Callable[[Transaction], None]


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
        self._connector = connector
        self._workers: dict[bytes, asyncio.Task[None]] = {}
        self._kicked: dict[bytes, asyncio.Event] = {}
        self._candidates = Candidates(limits)
        self._capabilities = Capabilities(limits)
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

    # -- the work of one group

    async def _work(self, group: bytes) -> None:
        failures, crowded = 0, False
        kicked = self._kicked[group]
        while True:
            kicked.clear()
            intent: IntentRow | None = None
            try:
                intent = await self._next(group, crowded)
                if intent is None or not await self._step(intent):
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
        """The oldest; but a text that there is no room for is passed by commits, for one of them may make room."""

        def find(tx: Transaction) -> IntentRow | None:
            return (tx.next_commit(group) if crowded else None) or tx.next_intent(group)

        return await self._state.run(find)

    async def _step(self, intent: IntentRow) -> bool:
        """Takes an intent one step further; False when there is no hope to connect.

        Raises Error of a kind in _AGAIN."""
        try:
            online = await self._connector.online()
        except Error as error:  # no try will help: what waits stays in the outbox
            if not self._halted.done():
                self._halted.set_result(error)
            return False
        try:
            await (self._seal(online, intent) if intent.state == "waiting" else self._send(online, intent))
        except Disconnected:
            await self._connector.ended(online)
        except TimeoutError:  # asked again by id, over a new connection
            _log.debug("an intent of kind %s is unanswered", intent.kind)
            await self._reconnect(online)
        except Error as error:
            if error.kind in _AGAIN:
                raise
            if error.kind in _RENEW:
                await self._reconnect(online)
            else:
                await self._fail(intent, error)
        return True

    async def _reconnect(self, online: Online) -> None:
        online.peer.close()
        await self._connector.ended(online)

    async def _seal(self, online: Online, intent: IntentRow) -> None:
        """Raises Error; what the core refuses has its reason in what was asked, for nothing has left yet."""
        try:
            await _SEAL[intent.kind](self, online, intent)
        except _core.Panicked as error:
            raise Error(Code.INTERNAL) from error
        except _core.StateError as error:
            _log.error("an intent of kind %s cannot be sealed: %s", intent.kind, error)
            raise Error(Code.NOT_ALLOWED, "the group's state does not allow this now") from error
        except _core.CoreError as error:
            kind = Code.KEY_PACKAGE_INVALID if intent.kind == "add" else Code.NOT_ALLOWED
            raise Error(kind, str(error)) from error

    async def _send(self, online: Online, intent: IntentRow) -> None:
        """Sends what is sealed and notes the answer. Only an answer to this very intent may fail it."""
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                settled = await _SEND[intent.kind](self, online, intent)
        except Error as error:
            if error.kind is Code.EPOCH_STALE:
                await self._rebase(online, intent)
                return
            if error.kind is Code.NOT_A_MEMBER:
                await self._until_told(intent)
            raise
        try:
            await self._state.run(settled)
        except _core.StateError as error:  # accepted all the same: asked again, and noted then
            raise Error(Code.INTERNAL) from error

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

    async def _rebase(self, online: Online, intent: IntentRow) -> None:
        """The group has moved on. What moved it is on its way here: wait for it, then seal again. If nothing comes, the node may
        have gone back instead: where it is behind us, the group has split."""
        await self._state.run(lambda tx: settle.reopened(tx, intent.id))
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                await self._until(lambda tx: _moved_on(tx, intent))
        except TimeoutError:
            try:
                async with asyncio.timeout(self._limits.call_timeout):
                    there = await group_info(online.peer, online.session, intent.group)
            except Disconnected:
                raise
            except Error as error:  # it says nothing of the intent
                raise Error(Code.INTERNAL) from error
            await self._state.run(lambda tx: _lapse_ahead(tx, intent.group, there))

    async def _until_told(self, intent: IntentRow) -> None:
        """We are not in the group any more, but this intent may have been accepted before that: everything up to our removal
        comes to us in the group's log, so we hear of both. If it does not come now, a new session begins with all that the node
        has for us; while there is none, nothing is known. Raises Error(INTERNAL) when no try to connect will help."""
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                await self._until(lambda tx: _is_outside(tx, intent.group))
            return
        except TimeoutError:
            _log.debug("a removal was not told yet")
        while True:
            try:
                await self._reconnect(await self._connector.online())
                online = await self._connector.online()
            except Error as error:
                raise Error(Code.INTERNAL) from error
            with contextlib.suppress(Error):
                await self._connector.caught_up(online)
                return

    async def _until(self, holds: Callable[[Transaction], bool]) -> None:
        while True:
            change = self._state.change
            if await self._state.run(holds):
                return
            await change.wait()

    async def _fail(self, intent: IntentRow, error: Error) -> None:
        await self._state.run(lambda tx: settle.failed(tx, intent.id, error))

    # -- sealing

    async def _seal_text(self, online: Online, intent: IntentRow) -> None:
        await self._state.run(lambda tx: sealing.seal_text(tx, intent))

    async def _seal_create(self, online: Online, intent: IntentRow) -> None:
        await self._state.run(lambda tx: sealing.seal_create(tx, intent))

    async def _seal_add(self, online: Online, intent: IntentRow) -> None:
        names = json.loads(intent.body)["users"]
        absent, suite = await self._state.run(lambda tx: _absent(tx, intent.group, names))
        candidates = await self._candidates.fetch(online, intent.group, intent.id, absent, suite)
        await self._seal_or_done(intent, lambda tx: sealing.seal_add(tx, intent, candidates))

    async def _seal_remove(self, online: Online, intent: IntentRow) -> None:
        await self._seal_or_done(intent, lambda tx: sealing.seal_remove(tx, intent))

    async def _seal_update(self, online: Online, intent: IntentRow) -> None:
        await self._seal_or_done(intent, lambda tx: sealing.seal_update(tx, intent))

    async def _seal_or_done(self, intent: IntentRow, seal: Callable[[Transaction], bool]) -> None:
        def step(tx: Transaction) -> None:
            if not seal(tx):
                tx.accept_intent(intent.id, None)

        await self._state.run(step)

    # -- sending: each returns what is to be noted

    async def _send_text(self, online: Online, intent: IntentRow) -> _Noted:
        params = GroupSendParams(intent.epoch or 0, intent.sealed or b"", intent.id)
        async with self._capabilities.group(online, intent.group) as group:
            results = await online.peer.call(group, GROUP.send, params)
        return lambda tx: _settle(tx, intent, results.seq, settle.text_accepted)

    async def _send_commit(self, online: Online, intent: IntentRow) -> _Noted:
        group_info, welcomes = sealing.unpack(intent.parts or b"")
        params = GroupCommitParams(intent.epoch or 0, intent.sealed or b"", group_info, welcomes, intent.id)
        async with self._capabilities.group(online, intent.group) as group:
            results = await online.peer.call(group, GROUP.commit, params)
        return lambda tx: _settle(tx, intent, results.seq, settle.commit_accepted)

    async def _send_create(self, online: Online, intent: IntentRow) -> _Noted:
        params = SessionCreateGroupParams(intent.sealed or b"", intent.parts or b"", intent.id)
        results = await online.peer.call(online.session, SESSION.create_group, params)
        remote(results.group).release()
        return lambda tx: settle.created(tx, intent)


_SEAL: dict[str, Callable[[Outbox, Online, IntentRow], Awaitable[None]]] = {
    "create": Outbox._seal_create,
    "text": Outbox._seal_text,
    "add": Outbox._seal_add,
    "remove": Outbox._seal_remove,
    "update": Outbox._seal_update,
}
_SEND: dict[str, Callable[[Outbox, Online, IntentRow], Awaitable[_Noted]]] = {
    "create": Outbox._send_create,
    "text": Outbox._send_text,
    "add": Outbox._send_commit,
    "remove": Outbox._send_commit,
    "update": Outbox._send_commit,
}


def _settle(
    tx: Transaction, intent: IntentRow, seq: int, accepted: Callable[[Transaction, IntentRow, int], None]
) -> None:
    """With the row as it is now: our own entry may have told the outcome before the answer came."""
    row = tx.intent(intent.id)
    if row is not None:
        accepted(tx, row, seq)


def _is_outside(tx: Transaction, group: bytes) -> bool:
    row = tx.group(group)
    return row is None or row.state in OUTSIDE


def _lapse_ahead(tx: Transaction, group: bytes, there: GroupInfoResults | None) -> None:
    if there is not None and not _is_outside(tx, group) and there.epoch < tx.mls_group(group).epoch:
        lapse(tx, group, tx.now)


def _moved_on(tx: Transaction, intent: IntentRow) -> bool:
    return _is_outside(tx, intent.group) or tx.mls_group(intent.group).epoch > (intent.epoch or 0)


def _absent(tx: Transaction, group: bytes, names: list[str]) -> tuple[list[str], int]:
    """(those not in the group yet, the group's suite)."""
    mls = sealing.require_active(tx, group)
    present = {member.username for member in mls.members()}
    return [name for name in names if name not in present], mls.suite


def _error_of(row: IntentRow) -> Error | None:
    if row.state != "failed":
        return None
    kind = next((code for code in Code if code.number == row.code), Code.INTERNAL)
    return Error(kind, row.reason)
