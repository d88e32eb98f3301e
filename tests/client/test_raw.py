"""Entries of groups that a device does not follow: bounded, none at another's cost, and what is not kept is seen to be missing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from qnpc import _core
from qnpc.client import Client
from qnpc.limits import DEFAULT, Limits
from qnpc.ports import Ports
from tests.client.test_adversity import invitations, state_of
from tests.client.test_group_life import WITHIN, agree, befriend, texts
from tests.support.world import World, world

LONG = "x" * 2000
SMALL: Limits = replace(DEFAULT, key_packages_target=4)


async def strand(there: World, name: str) -> None:
    """Lets `friends` lapse at that member."""
    client = there.clients[name]
    row = await client.read(lambda tx: tx.group_named("friends"))
    assert row is not None
    await client.state.run(lambda tx: tx.set_group_state(row.id, "lapsed"))
    await state_of(client, "lapsed")


async def gaps(client: Client, group: str) -> list[dict[str, object]]:
    rows = await client.read(lambda tx: tx.last_history(bytes.fromhex(group), 100))
    return [json.loads(row.body) for row in rows if row.kind == "gap"]


async def until(client: Client, last: str) -> list[str | None]:
    """The texts that the client was sent, up to that one."""
    told: list[str | None] = []
    async with asyncio.timeout(WITHIN):
        async for message in client.messages("test", from_start=True):
            if message.kind == "text":
                told.append(message.text)
            if message.text == last:
                break
    return told


async def test_a_lapsed_group_takes_no_room_from_an_invitation(tmp_path: Path, ports: Ports) -> None:
    async with world(tmp_path, ports, replace(SMALL, raw_bytes=30_000)) as there:
        groups = await befriend(there, "alice", "bob", suite=_core.SUITE_CLASSICAL)
        await agree(there, "alice", "bob")
        alice, bob = there.clients["alice"], there.clients["bob"]
        await strand(there, "bob")
        for _ in range(15):
            await (await groups["alice"].send(LONG)).accepted(WITHIN)
        other = await alice.create_group("other", _core.SUITE_CLASSICAL)
        await (await other.invite("bob")).accepted(WITHIN)
        await invitations(bob, 1)
        for n in range(5):
            await (await other.send(f"{n}{LONG}")).accepted(WITHIN)
        await bob.join("other")
        await (await other.send("you are here")).accepted(WITHIN)
        told = await until(bob, "you are here")
        assert told == [*(f"{n}{LONG}" for n in range(5)), "you are here"]
        assert await gaps(bob, other.id) == []


async def test_what_was_not_kept_of_one_group_is_a_gap_when_it_is_joined(
    tmp_path: Path, ports: Ports
) -> None:
    async with world(tmp_path, ports, replace(SMALL, raw_bytes_per_group=12_000)) as there:
        alice, bob = await there.people("alice", "bob")
        friends = await alice.create_group("friends", _core.SUITE_CLASSICAL)
        await (await friends.invite("bob")).accepted(WITHIN)
        await invitations(bob, 1)
        for n in range(10):
            await (await friends.send(f"{n}{LONG}")).accepted(WITHIN)
        await bob.join("friends")
        await (await friends.send("you are here")).accepted(WITHIN)
        told = await until(bob, "you are here")
        assert 1 < len(told) < 11, "the newest, as far as there is room"
        assert told == [*(f"{n}{LONG}" for n in range(11 - len(told), 10)), "you are here"]
        assert await gaps(bob, friends.id) == [{"dropped": True}]


async def test_one_who_lapsed_and_is_invited_again_misses_nothing_of_what_is_theirs(
    tmp_path: Path, ports: Ports
) -> None:
    async with world(tmp_path, ports, replace(SMALL, raw_bytes_per_group=12_000)) as there:
        groups = await befriend(there, "alice", "bob", suite=_core.SUITE_CLASSICAL)
        await agree(there, "alice", "bob")
        bob = there.clients["bob"]
        await strand(there, "bob")
        for _ in range(10):
            await (await groups["alice"].send(LONG)).accepted(WITHIN)
        await (await groups["alice"].remove("bob")).accepted(WITHIN)
        await (await groups["alice"].invite("bob")).accepted(WITHIN)
        await invitations(bob, 1)
        await (await groups["alice"].send("welcome back")).accepted(WITHIN)
        await bob.join("friends")
        assert await texts(bob, 1) == [("alice", "welcome back")]
        assert await gaps(bob, groups["bob"].id) == []
