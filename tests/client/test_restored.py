"""A node whose directory was put back from a copy: people see it, nothing new is lost, and a group that split says so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qnpc.client import Client
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.node.admin import declare_restored
from qnpc.ports import Ports
from tests.client.test_adversity import invitations, state_of
from tests.client.test_group_life import WITHIN, agree, befriend, joined, texts
from tests.support.world import World, world


async def back_up(there: World) -> None:
    await there.stop_node()
    shutil.copytree(there.node.settings.data_dir, there.path / "copy")
    await there.start_node()


async def put_back(there: World) -> None:
    """The node stands still after it."""
    await there.stop_node()
    shutil.rmtree(there.node.settings.data_dir)
    shutil.copytree(there.path / "copy", there.node.settings.data_dir)


async def gaps(client: Client) -> list[str]:
    rows = await client.read(lambda tx: tx.last_history(tx.groups()[0].id, 100))
    return [row.body for row in rows if row.kind == "gap"]


async def refusal(client: Client) -> Code:
    """What a send to `friends` ends with."""
    try:
        await (await (await client.group("friends")).send("as if nothing had happened")).accepted(WITHIN)
    except Error as error:
        return error.kind
    raise AssertionError


@pytest.mark.parametrize("declared", [False, True])
async def test_what_is_said_after_a_restore_arrives_after_a_gap(there: World, declared: bool) -> None:
    groups = await befriend(there, "alice", "bob")
    await agree(there, "alice", "bob")
    await back_up(there)
    for n in range(3):
        await (await groups["alice"].send(f"before {n}")).accepted(WITHIN)
    bob = there.clients["bob"]
    assert len(await texts(bob, 3)) == 3
    await put_back(there)
    if declared:
        await declare_restored(there.node.settings.data_dir, there.ports)
    await there.start_node()
    for client in there.clients.values():
        await client.online(WITHIN)
    for n in range(2):
        await (await groups["alice"].send(f"after {n}")).accepted(WITHIN)
    assert await texts(bob, 3) == [("alice", "before 2"), ("alice", "after 0"), ("alice", "after 1")]
    for client in there.clients.values():
        assert await gaps(client) == ['{"restored": true}']
    await (await (await there.clients["alice"].create_group("other")).invite("bob")).accepted(WITHIN)
    await invitations(bob, 1)
    await bob.join("other")


@pytest.mark.parametrize("declared", [False, True])
async def test_a_group_that_lost_a_commit_has_lapsed(there: World, declared: bool) -> None:
    groups = await befriend(there, "alice", "bob")
    await agree(there, "alice", "bob")
    await back_up(there)
    await (await groups["alice"].update()).accepted(WITHIN)
    await agree(there, "alice", "bob")
    await put_back(there)
    if declared:
        await declare_restored(there.node.settings.data_dir, there.ports)
    await there.start_node()
    for client in there.clients.values():
        await state_of(client, "lapsed")
        assert await gaps(client) == ['{"lapsed": true}']
    with pytest.raises(Error) as caught:
        await groups["bob"].send("does anybody hear me")
    assert caught.value.kind is Code.GROUP_LAPSED


async def test_a_profile_from_a_backup_is_found_out_whatever_became_of_the_node(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    await agree(there, "alice", "bob")
    bob = await there.back_up("bob")
    for n in range(3):
        await (await (await bob.group("friends")).send(f"{n}")).accepted(WITHIN)
    await bob.caught_up(WITHIN)
    await (await groups["alice"].send("answer")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "answer")]
    await there.put_back("bob")
    await there.stop_node()
    await declare_restored(there.node.settings.data_dir, there.ports)
    await there.start_node()
    bob = await there.open("bob")
    await bob.online(WITHIN)
    await state_of(bob, "lapsed")
    assert await refusal(bob) is Code.GROUP_LAPSED


async def test_one_whose_group_the_node_forgot_is_told(there: World) -> None:
    alice, bob = await there.people("alice", "bob")
    await back_up(there)
    group = await alice.create_group("friends")
    await (await group.invite("bob")).accepted(WITHIN)
    await joined(bob)
    await agree(there, "alice", "bob")
    await put_back(there)
    await there.start_node()
    for client in there.clients.values():
        await state_of(client, "lapsed")


async def test_a_node_that_went_back_and_was_written_to_is_found_out(tmp_path: Path, ports: Ports) -> None:
    """The others have said so much since that the count alone tells nothing: the epoch does."""
    async with world(tmp_path, ports) as there:
        groups = await befriend(there, "alice", "bob", "carol")
        await agree(there, "alice", "bob", "carol")
        await there.close("carol")
        await back_up(there)
        await (await groups["alice"].update()).accepted(WITHIN)
        await agree(there, "alice", "bob")
        await there.close("alice")
        await there.close("bob")
        await put_back(there)
        await there.start_node()
        carol = await there.open("carol")
        for n in range(3):
            await (await (await carol.group("friends")).send(f"{n}")).accepted(WITHIN)
        # For so long she waits for a commit that never comes.
        there.limits = replace(DEFAULT, call_timeout=2.0)
        alice = await there.open("alice")
        await alice.online(WITHIN)
        assert await refusal(alice) is Code.GROUP_LAPSED
        await state_of(alice, "lapsed")
