"""One step of one intent: sealed and stored, or sent, and what the answer means.

A lost answer is asked for again with the same id and ciphertext; a stale epoch is sealed again when the group has caught up. Only an
answer to this very intent ends it: what time mends is raised, and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from qnpc import _core
from qnpc.client import sealing, settle
from qnpc.client.candidates import Candidates
from qnpc.client.capabilities import Capabilities, Online, remote
from qnpc.client.connection import Connector
from qnpc.client.membership import is_outside, lapse
from qnpc.client.restored import group_info
from qnpc.client.sealing import Candidate
from qnpc.client.state import IntentRow, State, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.rpc import Disconnected
from qnpc.wire import (
    GROUP,
    SESSION,
    GroupCommitParams,
    GroupInfoResults,
    GroupSendParams,
    SessionCreateGroupParams,
)

_log = logging.getLogger("qnpc.client.sending")

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


class Sender:
    """For one intent of a group at a time."""

    def __init__(self, limits: Limits, state: State, connector: Connector) -> None:
        self._limits = limits
        self._state = state
        self._connector = connector
        self._tries: dict[bytes, int] = {}  # of intents that could not be sealed
        self._candidates = Candidates(limits)
        self._capabilities = Capabilities(limits)

    async def step(self, intent: IntentRow) -> Error | None:
        """Takes an intent one step further. Returns the Error that ended all tries to connect, if there is no hope.

        Raises Error of a kind in _AGAIN."""
        try:
            online = await self._connector.online()
        except Error as error:
            return error
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
        return None

    async def _reconnect(self, online: Online) -> None:
        online.peer.close()
        await self._connector.ended(online)

    async def _seal(self, online: Online, intent: IntentRow) -> None:
        """Nothing has left yet: what fails inside again and again is not tried for ever, or all behind it would wait."""
        tries = 1 + self._tries.pop(intent.id, 0)
        try:
            await self._seal_once(online, intent)
        except Exception as failure:
            if (
                isinstance(failure, TimeoutError)
                or getattr(failure, "kind", Code.INTERNAL) is not Code.INTERNAL
            ):
                raise
            if tries < self._limits.seal_tries:
                self._tries[intent.id] = tries
                raise
            _log.error("an intent of kind %s cannot be sealed: %s", intent.kind, type(failure).__name__)
            await self._fail(intent, Error(Code.INTERNAL))

    async def _seal_once(self, online: Online, intent: IntentRow) -> None:
        candidates: Sequence[Candidate] = ()
        if intent.kind == "add":
            names, suite = await self._state.run(lambda tx: sealing.absent(tx, intent))
            candidates = await self._candidates.fetch(online, intent.group, intent.id, names, suite)
        await self._state.run(lambda tx: sealing.seal(tx, intent, candidates))

    async def _send(self, online: Online, intent: IntentRow) -> None:
        """Sends what is sealed and notes the answer. Only an answer to this very intent may fail it."""
        if intent.kind == "text" and await self._state.run(
            lambda tx: tx.is_older(intent.id, self._limits.sealed_ttl)
        ):
            await self._catch_up(online)
            if await self._state.run(lambda tx: _out_of_date(tx, intent.id)):
                return
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                settled = await self._ask(online, intent)
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

    async def _catch_up(self, online: Online) -> None:
        try:
            await self._connector.caught_up(online)
        except Disconnected:
            raise
        except Error as error:  # it says nothing of the intent
            raise Error(Code.INTERNAL) from error

    async def _ask(self, online: Online, intent: IntentRow) -> _Noted:
        """Asks the node for it, by id; returns what is to be noted of the answer."""
        sealed, parts, epoch = intent.sealed or b"", intent.parts or b"", intent.epoch or 0
        if intent.kind == "create":
            create = SessionCreateGroupParams(sealed, parts, intent.id)
            made = await online.peer.call(online.session, SESSION.create_group, create)
            remote(made.group).release()
            return lambda tx: settle.created(tx, intent)
        async with self._capabilities.group(online, intent.group) as group:
            if intent.kind == "text":
                text = GroupSendParams(epoch, sealed, intent.id)
                sent = await online.peer.call(group, GROUP.send, text)
                return lambda tx: _settle(tx, intent, sent.seq, settle.text_accepted)
            group_info, welcomes = sealing.unpack(parts)
            commit = GroupCommitParams(epoch, sealed, group_info, welcomes, intent.id)
            done = await online.peer.call(group, GROUP.commit, commit)
            return lambda tx: _settle(tx, intent, done.seq, settle.commit_accepted)

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
                await self._until(lambda tx: is_outside(tx, intent.group))
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


def _settle(
    tx: Transaction, intent: IntentRow, seq: int, accepted: Callable[[Transaction, IntentRow, int], None]
) -> None:
    """With the row as it is now: our own entry may have told the outcome before the answer came."""
    row = tx.intent(intent.id)
    if row is not None:
        accepted(tx, row, seq)


def _out_of_date(tx: Transaction, intent: bytes) -> bool:
    """Of a text that lay sealed for long, when all that the node had is durable here. It may have gone out then: our own entry has told.
    If not, and the group has moved on since, the others may have forgotten its epoch, and it is sealed again."""
    row = tx.intent(intent)
    if row is None or row.state != "sealed":
        return True
    if is_outside(tx, row.group) or tx.mls_group(row.group).epoch == row.epoch:
        return False
    settle.reopened(tx, intent)
    return True


def _lapse_ahead(tx: Transaction, group: bytes, there: GroupInfoResults | None) -> None:
    if there is not None and not is_outside(tx, group) and there.epoch < tx.mls_group(group).epoch:
        lapse(tx, group, tx.now)


def _moved_on(tx: Transaction, intent: IntentRow) -> bool:
    return is_outside(tx, intent.group) or tx.mls_group(intent.group).epoch > (intent.epoch or 0)
