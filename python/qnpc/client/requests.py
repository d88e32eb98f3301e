"""Requests: what a command asks of an open client, as JSON, and the events it answers with.

One table says for each request what runs and how fresh the profile must be before: `caught_up` waits for the node,
`tried` waits for it and goes on without. The agent socket will carry the same objects between processes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from qnpc import _core
from qnpc.client import intents
from qnpc.client.client import Client
from qnpc.client.consumers import Consumer
from qnpc.client.events import Event, event, of_history, of_invitation, suite_name
from qnpc.client.handles import Group, Sent
from qnpc.client.state import GroupRow, HistoryRow, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.link import join_address

Request = dict[str, Any]
Handler = Callable[[Client, Request], AsyncIterator[Event]]


async def serve(client: Client, request: Request) -> AsyncIterator[Event]:
    """Raises Error; E001 for a request that is not in the table or lacks a field."""
    row = TABLE.get(str(request.get("do")))
    if row is None:
        raise Error(Code.BAD_REQUEST, "there is no such request")
    if row.fresh != "local":
        try:
            await client.caught_up()
        except Error as error:
            if row.fresh == "caught_up" or error.kind is not Code.UNREACHABLE:
                raise
    try:
        async for shown in row.handler(client, request):
            yield shown
    except KeyError as error:
        raise Error(Code.BAD_REQUEST, f"the request lacks {error.args[0]}") from error


async def _create_group(client: Client, request: Request) -> AsyncIterator[Event]:
    group = await client.create_group(request["name"], request.get("suite") or _core.SUITE_HYBRID)
    row = await client.read(lambda tx: tx.group(bytes.fromhex(group.id)))
    if row is not None and row.state == "creating":
        yield event("queued", id=group.id, group=group.name)
        return
    yield await _group_event(group)


async def _group_event(group: Group) -> Event:
    suite = suite_name(group.suite)
    try:
        epoch = await group.epoch()
    except Error:  # out of it for so long that nothing of its epochs is kept
        epoch = None
    return event("group", group=group.name, id=group.id, suite=suite, epoch=epoch)


async def _groups(client: Client, request: Request) -> AsyncIterator[Event]:
    for group in await client.groups():
        yield await _group_event(group)


async def _invite(client: Client, request: Request) -> AsyncIterator[Event]:
    group = await client.group(request["group"])
    async for shown in _settle(await group.invite(*request["users"]), request):
        yield shown
        if shown["kind"] == "queued":
            return
    trust = {member.name: member.trust for member in await group.members()}
    users = [{"name": user, "trust": trust.get(user, "tofu")} for user in _unique(request["users"], trust)]
    yield event("invited", group=group.name, users=users)


async def _remove(client: Client, request: Request) -> AsyncIterator[Event]:
    group = await client.group(request["group"])
    before = {member.name for member in await group.members()}
    async for shown in _settle(await group.remove(*request["users"]), request):
        yield shown
        if shown["kind"] == "queued":
            return
    after = {member.name for member in await group.members()}
    yield event("removed", group=group.name, users=sorted(before - after))


async def _invitations(client: Client, request: Request) -> AsyncIterator[Event]:
    for row in await client.invitations():
        yield of_invitation(row)


async def _join(client: Client, request: Request) -> AsyncIterator[Event]:
    group = await client.join(request["group"])
    members = sorted({member.name for member in await group.members()})
    yield event("joined", group=group.name, id=group.id, members=members)


async def _decline(client: Client, request: Request) -> AsyncIterator[Event]:
    row = await client.decline(request["group"])
    yield event("declined", group=row.name, id=row.group.hex(), **{"from": row.inviter})


async def _members(client: Client, request: Request) -> AsyncIterator[Event]:
    group = await client.group(request["group"])
    for member in await group.members():
        yield event(
            "member",
            group=group.name,
            name=member.name,
            device=member.device.hex()[:16],
            admin=member.admin,
            self=member.device == client.account.device,
            trust=member.trust,
        )


async def _whoami(client: Client, request: Request) -> AsyncIterator[Event]:
    account = client.account
    yield event(
        "whoami",
        username=account.username,
        node=join_address(account.node.host, account.node.port),
        device=account.device.hex(),
        identity=account.identity_key.hex(),
        pin=account.node.pin.hex(),
    )


async def _login(client: Client, request: Request) -> AsyncIterator[Event]:
    """A live session: the device's key renews a token that has expired, without a password."""
    online = await client.online()
    account = client.account
    yield event(
        "session",
        username=account.username,
        node=join_address(account.node.host, account.node.port),
        device=account.device.hex(),
        tls_group=online.tls_group,
        renewed=online.renewed,
    )


async def _send(client: Client, request: Request) -> AsyncIterator[Event]:
    sent = await client.send_text(request["group"], request["text"])
    async for shown in _settle(sent, request, accepted=True):
        yield shown


async def _settle(sent: Sent, request: Request, *, accepted: bool = False) -> AsyncIterator[Event]:
    """`accepted`, if that is wanted, or `queued` when the time is out."""
    try:
        seq = await sent.accepted(float(request.get("timeout") or DEFAULT.send_timeout))
    except TimeoutError:
        yield event("queued", id=sent.id, group=sent.group)
        return
    if accepted:
        yield event("accepted", id=sent.id, group=sent.group, seq=seq)


async def _history(client: Client, request: Request) -> AsyncIterator[Event]:
    limit = int(request.get("limit") or 50)

    def read(tx: Transaction) -> list[Event]:
        group = intents.find_group(tx, request["group"])
        return [of_history(tx, group, row) for row in tx.last_history(group.id, limit)]

    for shown in await client.read(read):
        yield shown


async def _recv(client: Client, request: Request) -> AsyncIterator[Event]:
    """What was not shown yet. The caller shows an event before it asks for the next, which is what advances the
    cursor."""
    group: GroupRow = await client.read(lambda tx: intents.find_group(tx, request["group"]))
    reader = Consumer(client.state, f"shown/{group.id.hex()}", group.id)
    late: Error | None = None
    if not request.get("follow"):
        try:
            await client.caught_up()
        except Error as error:
            late = error  # what is here is shown all the same
    while True:
        change = client.state.change
        row = await reader.next()
        if row is not None:
            yield await client.read(_shown(group, row))
            continue
        now = await client.read(lambda tx: tx.group(group.id))
        if now is None or now.state == "removed":
            raise Error(Code.NOT_A_MEMBER, f"you are not in {group.name} any more")
        if now.state == "lapsed":
            raise Error(Code.GROUP_LAPSED)
        if late is not None:
            raise late
        if not request.get("follow"):
            return
        await change.wait()


def _shown(group: GroupRow, row: HistoryRow) -> Callable[[Transaction], Event]:
    return lambda tx: of_history(tx, tx.group(group.id) or group, row)


def _unique(users: list[str], known: dict[str, str]) -> list[str]:
    return [user for user in dict.fromkeys(user.lower() for user in users) if user in known] or users


@dataclass(frozen=True, slots=True)
class _Row:
    handler: Handler
    fresh: str  # "local", "tried" or "caught_up"


TABLE: dict[str, _Row] = {
    "create_group": _Row(_create_group, "local"),
    "groups": _Row(_groups, "tried"),
    "invite": _Row(_invite, "tried"),
    "remove": _Row(_remove, "tried"),
    "invitations": _Row(_invitations, "caught_up"),
    "join": _Row(_join, "caught_up"),
    "decline": _Row(_decline, "tried"),
    "members": _Row(_members, "tried"),
    "login": _Row(_login, "local"),
    "whoami": _Row(_whoami, "local"),
    "send": _Row(_send, "local"),
    "history": _Row(_history, "tried"),
    "recv": _Row(_recv, "local"),
}
