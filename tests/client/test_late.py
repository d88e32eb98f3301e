"""What comes so late that others have forgotten, or the node has: it is read all the same, or seen to be missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from qnpc import _core
from qnpc.client import Client, Message
from qnpc.limits import DEFAULT
from qnpc.node import upkeep as node_upkeep
from qnpc.ports import Ports
from tests.client.test_adversity import Ahead, invitations
from tests.client.test_forgetting import look, past_epochs
from tests.client.test_group_life import WITHIN, agree, befriend, joined
from tests.support.world import World, world

DAYS = 8
LIMITS = replace(DEFAULT, key_packages_target=4)


@pytest.fixture
async def later(tmp_path: Path) -> AsyncIterator[tuple[World, Ahead]]:
    clock = Ahead()
    ports = Ports(clock=clock)
    try:
        async with world(tmp_path, ports, LIMITS) as there:
            yield there, clock
    finally:
        ports.close()


async def shown(client: Client, count: int) -> list[Message]:
    """The next so many rows that are no changes of members."""
    found: list[Message] = []
    async with asyncio.timeout(WITHIN):
        async for message in client.messages("test", from_start=True):
            if message.kind != "members":
                found.append(message)
            if len(found) == count:
                break
    return found


async def pass_days(there: World, clock: Ahead) -> None:
    """What the node keeps for so long, and no longer, is gone."""
    clock.ahead += DAYS * 86400.0
    services = there.node._services
    assert services is not None
    await node_upkeep.once(services.writer, clock, there.limits)


async def test_a_text_sealed_before_others_forgot_its_epoch_is_read(later: tuple[World, Ahead]) -> None:
    """Sealed offline; meanwhile the group moved on, and a week later nobody has the keys of that epoch."""
    there, clock = later
    groups = await befriend(there, "alice", "bob", suite=_core.SUITE_CLASSICAL)
    await agree(there, "alice", "bob")
    await there.stop_node()
    sent = await groups["alice"].send("written long ago")
    await there.close("alice")
    await there.start_node()
    bob = there.clients["bob"]
    await (await groups["bob"].update()).accepted(WITHIN)
    await look(bob)
    clock.ahead += DAYS * 86400.0
    await look(bob)
    assert await past_epochs(bob, bytes.fromhex(groups["bob"].id)) == 0
    alice = await there.open("alice")
    assert (await alice.outcome(bytes.fromhex(sent.id.removeprefix("m_")), WITHIN)).error is None
    (got,) = await shown(bob, 1)
    assert (got.kind, got.text) == ("text", "written long ago")


@pytest.mark.parametrize("joins", ["before", "after"])
@pytest.mark.parametrize("early", [["early"], []], ids=["heard of something", "heard of nothing"])
async def test_what_expired_before_one_joined_is_a_gap(
    later: tuple[World, Ahead], early: list[str], joins: str
) -> None:
    there, clock = later
    alice, bob = await there.people("alice", "bob")
    friends = await alice.create_group("friends", _core.SUITE_CLASSICAL)
    await (await friends.invite("bob")).accepted(WITHIN)
    await invitations(bob, 1)
    for text in early:
        await (await friends.send(text)).accepted(WITHIN)
    await there.close("bob")
    bob = await there.open("bob")
    await bob.caught_up(WITHIN)
    await there.close("bob")
    for n in range(3):
        await (await friends.send(f"lost {n}")).accepted(WITHIN)
    await pass_days(there, clock)
    if joins == "after":
        await (await friends.send("late")).accepted(WITHIN)
    bob = await there.open("bob")
    await bob.caught_up(WITHIN)
    await joined(bob)
    if joins == "before":
        await (await friends.send("late")).accepted(WITHIN)
    rows = await shown(bob, len(early) + 2)
    assert [(row.kind, row.text) for row in rows] == [
        *(("text", text) for text in early),
        ("gap", None),
        ("text", "late"),
    ]
    counted = early or joins == "before"
    assert rows[-2].event.get("expired") == (3 if counted else None)
