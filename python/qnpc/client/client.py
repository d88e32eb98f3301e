"""An open profile: the connection to its node, what comes in, what goes out. The SDK's `Client`.

Reads come from the profile's own database; `caught_up` says when that holds everything the node had. What is sent is
durable here before any method returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from qnpc import _core, names
from qnpc.client import events, intents, joining, sealing
from qnpc.client import profile as profiles
from qnpc.client.account import Account, group_name_fits
from qnpc.client.capabilities import Online, remote
from qnpc.client.connection import Connector
from qnpc.client.consumers import Consumer
from qnpc.client.events import Event
from qnpc.client.handles import Contact, Group, Message, Sent
from qnpc.client.outbox import Outbox, Outcome
from qnpc.client.profile import Profile
from qnpc.client.state import GroupRow, HistoryRow, InvitationRow, State, Transaction
from qnpc.client.sync import Sync
from qnpc.client.upkeep import keep_reachable
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits
from qnpc.ports import Ports
from qnpc.wire import GROUP, SESSION, GroupTreeParams, SessionGroupParams

_log = logging.getLogger("qnpc.client")

T = TypeVar("T")


class Client:
    """Made by `open_client`. All methods may be called concurrently."""

    def __init__(self, profile: Profile, ports: Ports, limits: Limits) -> None:
        self._profile = profile
        self._ports = ports
        self._limits = limits
        self._state = profile.state
        self._sync = Sync(profile.account, profile.state, limits)
        self._connector = Connector(
            ports, limits, profile.account, profile.state, self._sync, self._on_online
        )
        self._outbox = Outbox(ports, limits, profile.state, self._connector)

    # -- what it is

    @property
    def username(self) -> str:
        return self._profile.account.username

    @property
    def account(self) -> Account:
        return self._profile.account

    @property
    def state(self) -> State:
        return self._state

    # -- lifetime

    async def start(self) -> None:
        """Connects in the background, and sends what waits."""
        self._connector.start()
        await self._outbox.kick_all()

    async def flush(self, seconds: float) -> None:
        """Lets what waits go out, for at most so long; what is left goes out with the next process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._outbox.drained()

    async def close(self) -> None:
        await self._outbox.close()
        await self._connector.close()
        await self._profile.close()

    async def _on_online(self, online: Online) -> None:
        """What a session is used for beside what somebody asks for, for as long as it lasts."""
        while True:
            try:
                if not self._profile.registered:
                    await self._profile.confirm()  # the session proves that the node knows this device
                await keep_reachable(self._limits, self._profile.account, self._state, online)
            except Exception as error:  # what an hour or the next session may mend
                _log.warning(
                    "upkeep failed: %s", error.code if isinstance(error, Error) else type(error).__name__
                )
            await self._ports.clock.sleep(self._limits.upkeep_interval)

    async def online(self, timeout: float | None = None) -> Online:
        """Raises the Error that ended all tries, or after `timeout` seconds Error(UNREACHABLE)."""
        return await self._connector.online_within(
            self._limits.connect_timeout if timeout is None else timeout
        )

    async def caught_up(self, timeout: float | None = None) -> None:
        """Returns when everything the node had at the start of this session is durable here. Raises as `online`."""
        await self._connector.caught_up(await self.online(timeout))

    async def read(self, function: Callable[[Transaction], T]) -> T:
        """Runs a read in the state's transaction."""
        return await self._state.run(function)

    # -- groups

    async def create_group(self, name: str, suite: int = _core.SUITE_HYBRID) -> Group:
        """Durable here when it returns; it reaches the node before anything else of it. Raises Error(GROUP_EXISTS,
        BAD_REQUEST, SUITE_NOT_ALLOWED)."""
        name = _group_name(name, self._limits)
        if suite not in _core.SUITES:
            raise Error(Code.SUITE_NOT_ALLOWED)
        intent, group = self._ports.random.bytes(16), self._ports.random.bytes(16)
        await self._state.run(lambda tx: intents.add_create(tx, intent, group, name, suite))
        self._outbox.kick(group)
        with contextlib.suppress(TimeoutError):  # then it goes out later
            outcome = await self.outcome(intent, self._limits.call_timeout)
            if outcome.error is not None:
                raise outcome.error
        return Group(name, group.hex(), suite, self)

    async def group(self, name: str) -> Group:
        """By name or id. Raises Error(NOT_FOUND)."""
        return self._handle(await self._state.run(lambda tx: intents.find_group(tx, name)))

    async def groups(self) -> list[Group]:
        rows = await self._state.run(lambda tx: tx.groups())
        return [self._handle(row) for row in rows if row.state != "removed"]

    def _handle(self, row: GroupRow) -> Group:
        return Group(row.name, row.id.hex(), row.suite, self)

    async def invitations(self) -> list[InvitationRow]:
        return await self._state.run(lambda tx: tx.invitations())

    async def join(self, name: str) -> Group:
        """Opens an invitation, by the group's name or id. Raises Error(NOT_FOUND, BAD_REQUEST, COMMIT_INVALID,
        UNREACHABLE)."""
        invitations = await self._state.run(lambda tx: joining.find_invitations(tx, name))
        refusals: list[Error] = []
        for invitation in invitations:  # several only if somebody else claims to invite to the same group
            try:
                return await self._join(invitation)
            except Error as error:
                if error.kind not in (Code.BAD_REQUEST, Code.COMMIT_INVALID, Code.NOT_FOUND):
                    raise
                refusals.append(error)
        raise refusals[-1]

    async def decline(self, name: str) -> InvitationRow:
        """Forgets an invitation, by the group's name or id. Raises Error(NOT_FOUND, BAD_REQUEST)."""
        return await self._state.run(lambda tx: joining.decline(tx, name))

    async def _join(self, invitation: InvitationRow) -> Group:
        online = await self.online()
        asked = SessionGroupParams(invitation.group)
        group = remote((await online.peer.call(online.session, SESSION.group, asked)).group)
        try:
            tree = (await online.peer.call(group, GROUP.tree, GroupTreeParams(invitation.epoch))).tree
        finally:
            group.release()
        update = self._ports.random.bytes(16)
        await self._state.run(lambda tx: joining.join(tx, self._limits, invitation, tree, update))
        self._outbox.kick(invitation.group)
        return await self.group(invitation.group.hex())

    async def update(self, name: str) -> Sent:
        """Renews our key material in the group. Raises Error(NOT_FOUND, NOT_A_MEMBER)."""
        intent = self._ports.random.bytes(16)

        def step(tx: Transaction) -> GroupRow:
            group = intents.find_group(tx, name)
            if group.state != "active":
                raise Error(Code.NOT_A_MEMBER)
            intents.add_update(tx, intent, group.id)
            return group

        return self._sent(intent, await self._state.run(step))

    async def members(self, name: str) -> list[Contact]:
        def read(tx: Transaction) -> list[Contact]:
            group = tx.mls_group(intents.find_group(tx, name).id)
            known = {member.username: tx.contact(member.username) for member in group.members()}
            return [
                Contact(
                    member.username,
                    member.device,
                    member.identity_key,
                    member.admin,
                    contact.trust if (contact := known[member.username]) else "tofu",
                )
                for member in group.members()
            ]

        return await self._state.run(read)

    async def change_members(self, name: str, users: list[str], *, add: bool) -> Sent:
        users = list(dict.fromkeys(names.username(user, self._limits) for user in users))
        if not users:
            raise Error(Code.USAGE, "nobody is named")
        intent = self._ports.random.bytes(16)
        change = intents.add_members if add else intents.remove_members

        def step(tx: Transaction) -> GroupRow:
            group = intents.find_group(tx, name)
            change(tx, intent, group, users, self.username)
            return group

        return self._sent(intent, await self._state.run(step))

    # -- messages

    async def send_text(self, group: str, text: str, *, id: bytes | None = None) -> Sent:  # noqa: A002
        if not text:
            raise Error(Code.BAD_REQUEST, "the message is empty")
        if len(text.encode("utf-8", "surrogatepass")) > self._limits.text:
            raise Error(Code.TOO_LARGE, f"a message has at most {self._limits.text} bytes")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Error(Code.BAD_REQUEST, "the message is not valid text") from error
        intent = id or self._ports.random.bytes(16)

        def step(tx: Transaction) -> GroupRow:
            row = intents.find_group(tx, group)
            if tx.intent(intent) is None:
                intents.add_text(tx, intent, row, text, self.username)
                sealing.seal_unless_others_wait(tx, intent)
            return row

        return self._sent(intent, await self._state.run(step))

    def _sent(self, intent: bytes, group: GroupRow) -> Sent:
        self._outbox.kick(group.id)
        return Sent(events.message_id(intent), group.name, self, intent)

    async def outcome(self, intent: bytes, timeout: float | None = None) -> Outcome:
        """Raises TimeoutError, and the Error that ended all tries to connect."""
        async with asyncio.timeout(timeout):
            return await self._outbox.outcome(intent)

    async def messages(
        self, consumer: str, group: str | None = None, *, from_start: bool = False
    ) -> AsyncIterator[Message]:
        """What others send, each acknowledged by asking for the next; never ends. One that was handed out and never
        acknowledged comes again.

        A new consumer begins at the end of history, with `from_start` at its start."""
        row = None if group is None else await self._state.run(lambda tx: intents.find_group(tx, group))
        reader = Consumer(
            self._state, f"sdk/{consumer}", None if row is None else row.id, from_now=not from_start
        )
        while True:
            yield await self._message(await reader.wait(), consumer)

    async def _message(self, row: HistoryRow, consumer: str) -> Message:
        def read(tx: Transaction) -> tuple[GroupRow | None, Event | None]:
            group = tx.group(row.group)
            return group, None if group is None else events.of_history(tx, group, row)

        group, shown = await self._state.run(read)
        if group is None or shown is None:
            raise Error(Code.NOT_FOUND)
        at = datetime.fromisoformat(shown["at"])
        return Message(
            shown["id"],
            self._handle(group),
            row.sender,
            row.kind,
            shown.get("text"),
            at,
            shown["trust"],
            shown,
            consumer,
        )

    async def request(self, request: dict[str, Any]) -> AsyncIterator[Event]:
        """One JSON request, a stream of JSON events. Raises Error. See `requests.py`."""
        from qnpc.client.requests import serve  # it is above this module

        async for shown in serve(self, request):
            yield shown


def _group_name(name: str, limits: Limits) -> str:
    """A group's name here: visible, one line, at most `limits.group_name` characters. Raises Error(BAD_REQUEST)."""
    name = name.strip()
    if not group_name_fits(name, limits):
        raise Error(Code.BAD_REQUEST, f"a group's name has 1 to {limits.group_name} visible characters")
    return name


@asynccontextmanager
async def open_client(
    path: Path,
    *,
    trust: str = "tofu",
    password: bytes | None = None,
    ports: Ports | None = None,
    limits: Limits = DEFAULT,
) -> AsyncIterator[Client]:
    """Opens a profile and connects in the background.

    Raises Error(NO_PROFILE, PASSPHRASE_WRONG, VAULT_DAMAGED, PROFILE_BUSY, USAGE)."""
    if trust != "tofu":
        raise Error(
            Code.USAGE, 'trust is "tofu": a contact\'s first key is believed, a changed one stops sending'
        )
    own = Ports() if ports is None else None
    used = ports or own
    assert used is not None  # noqa: S101 - one of the two
    try:
        client = Client(await profiles.load(path, used, password), used, limits)
        try:
            await client.start()
            yield client
            await client.flush(limits.close_flush)
        finally:
            await client.close()
    finally:
        if own is not None:
            own.close()
