"""Intents on their way out: durable before anything is encrypted for them, sealed and stored before they are sent,
resolved by id.

Each group has its own order: one intent at a time, oldest first. A lost answer is asked for again with the same id
and ciphertext; a stale epoch is sealed again when the group has caught up. Every intent ends as accepted, or as
failed with a code.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from qnpc import _core
from qnpc.client import sealing, settle
from qnpc.client.capabilities import remote
from qnpc.client.connection import Connector, Online
from qnpc.client.inbound import OUTSIDE, lapse
from qnpc.client.restored import group_info
from qnpc.client.state import IntentRow, State, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.ports import Ports
from qnpc.rpc import Disconnected, Remote
from qnpc.wire import (
    GROUP,
    SESSION,
    GroupCommitParams,
    GroupInfoResults,
    GroupSendParams,
    SessionCreateGroupParams,
    SessionFetchHybridKeyParams,
    SessionFetchKeyPackagesParams,
    SessionGroupParams,
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
        self._again: set[bytes] = set()
        self._capabilities: tuple[Online, dict[bytes, Remote]] | None = None
        self._closed = False
        self._halted: asyncio.Future[Error] = asyncio.get_running_loop().create_future()

    def kick(self, group: bytes) -> None:
        if self._closed:
            return
        if group in self._workers:
            self._again.add(group)
            return
        worker = asyncio.get_running_loop().create_task(self._work(group))
        self._workers[group] = worker
        worker.add_done_callback(lambda _: self._ended(group))

    async def kick_all(self) -> None:
        for group in await self._state.run(lambda tx: tx.groups_with_intents()):
            self.kick(group)

    def _ended(self, group: bytes) -> None:
        del self._workers[group]
        if group in self._again:
            self._again.discard(group)
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
        failures = 0
        while True:
            try:
                if not await self._step(group):
                    return
                failures = 0
            except Error as error:  # only what time mends comes out of a step
                _log.debug("an intent waits: %s", error.code)
                failures += 1
                await self._pause(error, failures)

    async def _step(self, group: bytes) -> bool:
        """Takes the group's oldest intent one step further; False when there is none, or no hope to connect.

        Raises Error of a kind in _AGAIN."""
        intent = await self._state.run(lambda tx: tx.next_intent(group))
        if intent is None:
            return False
        try:
            online = await self._connector.online()
        except Error as error:  # no try will help: what waits stays in the outbox
            if not self._halted.done():
                self._halted.set_result(error)
            return False
        try:
            await (self._seal(online, intent) if intent.state == "waiting" else self._send(online, intent))
        except Disconnected:
            await online.peer.wait_closed()
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
        await online.peer.wait_closed()

    async def _seal(self, online: Online, intent: IntentRow) -> None:
        """Raises Error; what the core refuses has its reason in what was asked, for nothing has left yet."""
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                await _SEAL[intent.kind](self, online, intent)
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

    async def _pause(self, error: Error, failures: int) -> None:
        longest = min(self._limits.reconnect_max, self._limits.reconnect_min * 2**failures)
        jitter = self._ports.random.uniform(0.5, 1.0)
        await self._ports.clock.sleep(error.retry_after or longest * jitter)

    async def _rebase(self, online: Online, intent: IntentRow) -> None:
        """The group has moved on. What moved it is on its way here: wait for it, then seal again. If nothing comes, the node may
        have gone back instead: where it is behind us, the group has split."""
        await self._state.run(lambda tx: settle.reopened(tx, intent.id))
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                await self._until(lambda tx: _moved_on(tx, intent))
        except TimeoutError:
            async with asyncio.timeout(self._limits.call_timeout):
                there = await group_info(online.peer, online.session, intent.group)
            await self._state.run(lambda tx: _lapse_ahead(tx, intent.group, there))

    async def _until_told(self, intent: IntentRow) -> None:
        """We are not in the group any more, but this intent may have been accepted before that: everything up to our removal
        comes to us in the group's log, so we hear of both."""
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                await self._until(lambda tx: _is_outside(tx, intent.group))
        except TimeoutError:
            _log.warning("a removal was not told")

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
        candidates = [candidate for name in absent for candidate in await _candidates(online, name, suite)]
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
        group = await self._group(online, intent.group)
        params = GroupSendParams(intent.epoch or 0, intent.sealed or b"", intent.id)
        results = await online.peer.call(group, GROUP.send, params)
        return lambda tx: _settle(tx, intent, results.seq, settle.text_accepted)

    async def _send_commit(self, online: Online, intent: IntentRow) -> _Noted:
        group = await self._group(online, intent.group)
        group_info, welcomes = sealing.unpack(intent.parts or b"")
        params = GroupCommitParams(intent.epoch or 0, intent.sealed or b"", group_info, welcomes, intent.id)
        results = await online.peer.call(group, GROUP.commit, params)
        return lambda tx: _settle(tx, intent, results.seq, settle.commit_accepted)

    async def _send_create(self, online: Online, intent: IntentRow) -> _Noted:
        params = SessionCreateGroupParams(intent.sealed or b"", intent.parts or b"", intent.id)
        await online.peer.call(online.session, SESSION.create_group, params)
        return lambda tx: settle.created(tx, intent)

    async def _group(self, online: Online, group: bytes) -> Remote:
        """The group's capability, kept for as long as the session lasts."""
        if self._capabilities is None or self._capabilities[0] is not online:
            self._capabilities = (online, {})
        kept = self._capabilities[1]
        if group not in kept:
            results = await online.peer.call(online.session, SESSION.group, SessionGroupParams(group))
            kept[group] = remote(results.group)
        return kept[group]


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


async def _candidates(online: Online, username: str, suite: int) -> list[sealing.Candidate]:
    """The devices of an account, each with a KeyPackage and its hybrid key. Raises Error(NOT_FOUND, NO_KEY_PACKAGE)."""
    found = await online.peer.call(
        online.session, SESSION.fetch_key_packages, SessionFetchKeyPackagesParams(username, suite)
    )
    candidates = []
    for package in found.packages:
        hybrid = await online.peer.call(
            online.session, SESSION.fetch_hybrid_key, SessionFetchHybridKeyParams(package.device)
        )
        candidates.append(
            sealing.Candidate(username, package.device, package.key_package, hybrid.key, hybrid.signature)
        )
    return candidates


def _error_of(row: IntentRow) -> Error | None:
    if row.state != "failed":
        return None
    kind = next((code for code in Code if code.number == row.code), Code.INTERNAL)
    return Error(kind, row.reason)
