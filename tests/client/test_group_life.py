"""A group's life over a real node: who reads what, in which epoch everybody ends, what happens when two want to change it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from qnpc import _core
from qnpc.client import Client, Group, Message
from qnpc.client.intents import find_group
from qnpc.client.state import Transaction
from qnpc.errors import Code, Error
from tests.support.world import World

WITHIN = 60.0


async def befriend(there: World, *names: str, suite: int = _core.SUITE_HYBRID) -> dict[str, Group]:
    """The first is the admin of `friends`, the others have joined it."""
    people = await there.people(*names)
    group = await people[0].create_group("friends", suite)
    await (await group.invite(*names[1:])).accepted(WITHIN)
    return {names[0]: group} | {client.username: await joined(client) for client in people[1:]}


async def joined(client: Client) -> Group:
    await client.caught_up(WITHIN)
    async with asyncio.timeout(WITHIN):
        while True:
            change = client.state.change
            if await client.invitations():
                break
            await change.wait()
    return await client.join("friends")


async def texts(client: Client, count: int) -> list[tuple[str, str | None]]:
    """The next `count` texts that the client was sent."""
    found: list[tuple[str, str | None]] = []
    async with asyncio.timeout(WITHIN):
        async for message in client.messages("test", from_start=True):
            if message.kind == "text":
                found.append((message.sender, message.text))
            if len(found) == count:
                break
    return found


async def agree(there: World, *names: str) -> None:
    """All of them have sent what waited, and end in one epoch with one authenticator."""
    for name in names:
        await there.clients[name].flush(WITHIN)

    async def state(name: str) -> tuple[int, bytes]:
        def read(tx: Transaction) -> tuple[int, bytes]:
            group = tx.mls_group(find_group(tx, "friends").id)
            return group.epoch, group.epoch_authenticator()

        return await there.clients[name].read(read)

    async with asyncio.timeout(WITHIN):
        while True:
            changes = [asyncio.ensure_future(there.clients[name].state.change.wait()) for name in names]
            states = [await state(name) for name in names]
            if len(set(states)) == 1:
                for change in changes:
                    change.cancel()
                return
            await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
            for change in changes:
                change.cancel()


@pytest.mark.parametrize("suite", _core.SUITES)
async def test_all_read_what_each_says_in_one_order(there: World, suite: int) -> None:
    groups = await befriend(there, "alice", "bob", "carol", suite=suite)
    readers = {name: asyncio.ensure_future(texts(there.clients[name], 4)) for name in groups}
    sent = [await group.send(f"{name} {n}") for name, group in groups.items() for n in range(2)]
    for one in sent:
        await one.accepted(WITHIN)
    heard = {name: await reader for name, reader in readers.items()}
    said = [(name, f"{name} {n}") for name in groups for n in range(2)]
    for name, got in heard.items():
        assert sorted(got) == sorted(pair for pair in said if pair[0] != name)
    common = [[pair for pair in got if pair[0] == "carol"] for name, got in heard.items() if name != "carol"]
    assert common[0] == common[1] == [("carol", "carol 0"), ("carol", "carol 1")]
    assert (await groups["bob"].members())[0].name == "alice"
    await agree(there, *groups)


async def test_commits_that_race_are_all_carried_out(there: World) -> None:
    groups = await befriend(there, "alice", "bob", "carol")
    await there.register("dave")
    sent = await asyncio.gather(
        groups["bob"].update(),
        groups["carol"].update(),
        groups["alice"].invite("dave"),
        groups["bob"].update(),
    )
    for one in sent:
        await one.accepted(WITHIN)
    dave = await joined(await there.open("dave"))
    assert sorted(member.name for member in await dave.members()) == ["alice", "bob", "carol", "dave"]
    await agree(there, "alice", "bob", "carol", "dave")


async def test_messages_go_on_while_epochs_change(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    reader = asyncio.ensure_future(texts(there.clients["bob"], 20))
    updates = [await groups["bob"].update() for _ in range(5)]
    sent = [await groups["alice"].send(f"{n}") for n in range(20)]
    for one in [*sent, *updates]:
        await one.accepted(WITHIN)
    assert await reader == [("alice", f"{n}") for n in range(20)]


async def test_a_removed_member_gets_nothing_more(there: World) -> None:
    groups = await befriend(there, "alice", "bob", "carol")
    await (await groups["alice"].remove("carol")).accepted(WITHIN)
    sent = await groups["alice"].send("without carol")
    await sent.accepted(WITHIN)
    assert await texts(there.clients["bob"], 1) == [("alice", "without carol")]
    refusals: list[Code] = []
    async with asyncio.timeout(WITHIN):
        while not refusals:
            try:
                await (await groups["carol"].send("still here?")).accepted(WITHIN)
            except Error as error:
                refusals.append(error.kind)
    assert refusals == [Code.NOT_A_MEMBER]
    with pytest.raises(Error) as caught:
        await groups["carol"].send("and now?")
    assert caught.value.kind is Code.NOT_A_MEMBER
    history = await there.clients["carol"].read(
        lambda tx: tx.last_history(bytes.fromhex(groups["carol"].id), 50)
    )
    assert "without carol" not in [row.body for row in history]


async def test_one_who_was_removed_may_be_invited_again(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await (await groups["alice"].send("not for bob")).accepted(WITHIN)
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    again = await joined(there.clients["bob"])
    await (await groups["alice"].send("welcome back")).accepted(WITHIN)
    assert await texts(there.clients["bob"], 1) == [("alice", "welcome back")]
    await (await again.send("thanks")).accepted(WITHIN)
    assert await texts(there.clients["alice"], 1) == [("bob", "thanks")]


async def test_what_was_said_before_the_invitation_was_opened_is_there_after(there: World) -> None:
    alice, bob = await there.people("alice", "bob")
    group = await alice.create_group("friends")
    await (await group.invite("bob")).accepted(WITHIN)
    for n in range(3):
        await (await group.send(f"early {n}")).accepted(WITHIN)
    await joined(bob)
    assert await texts(bob, 3) == [("alice", f"early {n}") for n in range(3)]


async def test_a_reply_to_a_redelivered_message_is_sent_once(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    reader = there.clients["bob"].messages("bot", from_start=True)
    await (await groups["alice"].send("!ping")).accepted(WITHIN)
    message = await _first_text(reader)
    await (await message.reply("pong")).accepted(WITHIN)
    again = await _first_text(
        there.clients["bob"].messages("bot", from_start=True)
    )  # the handler died before it asked for more
    assert again.id == message.id
    await (await again.reply("pong")).accepted(WITHIN)
    await (await groups["bob"].send("the end")).accepted(WITHIN)
    assert await texts(there.clients["alice"], 2) == [("bob", "pong"), ("bob", "the end")]


async def _first_text(messages: AsyncIterator[Message]) -> Message:
    async with asyncio.timeout(WITHIN):
        async for message in messages:
            if message.kind == "text":
                return message
    raise AssertionError


async def test_a_damaged_ciphertext_from_a_member_is_shown_as_unreadable_and_passed(there: World) -> None:
    from qnpc.client.capabilities import remote
    from qnpc.wire import GROUP, SESSION, GroupSendParams, SessionGroupParams

    groups = await befriend(there, "alice", "bob", "carol")
    alice = there.clients["alice"]
    await agree(there, "alice", "bob", "carol")
    group_id, message_id = bytes.fromhex(groups["alice"].id), b"m" * 16
    epoch, sealed = await alice.read(
        lambda tx: (tx.mls_group(group_id).epoch, tx.mls_group(group_id).encrypt(b"not content", message_id))
    )
    online = await alice.online()
    session = await online.peer.call(online.session, SESSION.group, SessionGroupParams(group_id))
    group = remote(session.group)
    await online.peer.call(group, GROUP.send, GroupSendParams(epoch, sealed, message_id))
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    damaged = damaged.replace(message_id, b"n" * 16)
    await online.peer.call(group, GROUP.send, GroupSendParams(epoch, damaged, b"n" * 16))
    await (await groups["carol"].send("and on we go")).accepted(WITHIN)
    assert await texts(there.clients["bob"], 1) == [("carol", "and on we go")]
    rows = await there.clients["bob"].read(lambda tx: tx.last_history(group_id, 50))
    assert [row.kind for row in rows if row.kind in ("unreadable", "text")] == [
        "unreadable",
        "unreadable",
        "text",
    ]


async def test_what_was_said_while_one_was_out_is_not_told_as_missing(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    bob = there.clients["bob"]
    await (await groups["alice"].send("before")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "before")]
    await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await (await groups["alice"].send("not for bob")).accepted(WITHIN)
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    await joined(bob)
    await (await groups["alice"].send("welcome back")).accepted(WITHIN)
    assert await texts(bob, 2) == [("alice", "before"), ("alice", "welcome back")]
    rows = await bob.read(lambda tx: tx.last_history(bytes.fromhex(groups["bob"].id), 100))
    assert [row.missing for row in rows if row.kind == "text"] == [0, 0]
