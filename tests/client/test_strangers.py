"""What somebody with an account, and nothing else, can do to a client: cost it little, and stop nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from qnpc import _core
from qnpc.client import Client
from qnpc.client.capabilities import remote
from qnpc.client.state import Transaction
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Ports
from qnpc.wire import (
    GROUP,
    SESSION,
    DeviceKeyPackage,
    GroupCommitParams,
    GroupSendParams,
    SessionCreateGroupParams,
    SessionFetchKeyPackagesParams,
    Welcome,
)
from tests.client.test_adversity import invitations, party, slip, state_of
from tests.client.test_group_life import WITHIN, befriend, joined, texts
from tests.support.world import World, world

SUITE = _core.SUITE_CLASSICAL


async def key_package(stranger: Client, victim: str) -> DeviceKeyPackage:
    online = await stranger.online(WITHIN)
    params = SessionFetchKeyPackagesParams(victim, SUITE)
    return (await online.peer.call(online.session, SESSION.fetch_key_packages, params)).packages[0]


async def drag_in(stranger: Client, victim: DeviceKeyPackage) -> None:
    """Adds a device to a new group whose Welcome does not open, and says something there. One KeyPackage does for any
    number of groups."""
    group_id = stranger.account.keys.device.public_key[:8] + (await stranger.read(_fresh))

    def make(tx: Transaction) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        group = tx.create_mls_group(group_id, SUITE)
        group_info, tree = group.group_info(), group.tree()
        pending = group.commit_add([victim.key_package], b"c" * 16)
        commit, after = pending.commit, pending.group_info
        group.merge_pending()
        return group_info, tree, commit, after, group.encrypt(b"x", b"m" * 16)

    group_info, tree, commit, after, message = await stranger.state.run(make)
    online = await stranger.online(WITHIN)
    create = SessionCreateGroupParams(group_info, tree, group_id)
    group = remote((await online.peer.call(online.session, SESSION.create_group, create)).group)
    welcome = Welcome(victim.device, b"junk")
    await online.peer.call(group, GROUP.commit, GroupCommitParams(0, commit, after, (welcome,), b"c" * 16))
    await online.peer.call(group, GROUP.send, GroupSendParams(1, message, b"m" * 16))
    group.release()


def _fresh(tx: Transaction) -> bytes:
    """Eight bytes that this profile has not given yet."""
    count = int.from_bytes(tx.meta("dragged") or b"", "big") + 1
    tx.set_meta("dragged", count.to_bytes(8, "big"))
    return count.to_bytes(8, "big")


async def test_groups_that_a_stranger_adds_one_to_stop_nothing(tmp_path: Path, ports: Ports) -> None:
    async with world(tmp_path, ports, replace(DEFAULT, unknown_channels=3)) as there:
        groups = await befriend(there, "alice", "bob")
        alice = there.clients["alice"]
        (mallory,) = await there.people("mallory")
        package = await key_package(mallory, "bob")
        for _ in range(6):
            await drag_in(mallory, package)
        await (await groups["alice"].send("do you hear me")).accepted(WITHIN)
        assert await texts(there.clients["bob"], 1) == [("alice", "do you hear me")]
        await there.close("bob")
        bob = await there.open("bob")
        await bob.caught_up(WITHIN)
        other = await alice.create_group("other")
        await (await other.invite("bob")).accepted(WITHIN)
        await invitations(bob, 1)
        await (await other.send("before you came")).accepted(WITHIN)
        await bob.join("other")
        assert await texts(bob, 2) == [("alice", "do you hear me"), ("alice", "before you came")]


async def test_a_flood_of_invitations_pushes_out_nobody_elses(tmp_path: Path, ports: Ports) -> None:
    limits = replace(DEFAULT, invitations=12, invitations_per_device=5)
    async with world(tmp_path, ports, limits) as there:
        alice, bob, mallory, trudy, oscar = await there.people("alice", "bob", "mallory", "trudy", "oscar")
        await (await (await alice.create_group("early")).invite("bob")).accepted(WITHIN)
        for n, stranger in enumerate([mallory, trudy, oscar]):
            for m in range(8):
                entry = bytes([n, m]) * 8
                await slip(stranger, "bob", party(group=entry, name=f"spam {m} of {n}"), entry)
        await (await (await alice.create_group("friends")).invite("bob")).accepted(WITHIN)
        await bob.caught_up(WITHIN)
        await invitations(bob, 12)
        held = [row.name for row in await bob.invitations()]
        assert "early" in held
        assert len(held) == limits.invitations
        await joined(bob)
        await bob.join("early")


async def test_an_invitation_can_be_declined(there: World) -> None:
    alice, bob, mallory = await there.people("alice", "bob", "mallory")
    await slip(mallory, "bob", party(), b"1" * 16)
    await (await (await alice.create_group("friends")).invite("bob")).accepted(WITHIN)
    await invitations(bob, 2)
    await bob.decline("party")
    assert [row.name for row in await bob.invitations()] == ["friends"]
    with pytest.raises(Error) as caught:
        await bob.decline("party")
    assert caught.value.kind is Code.NOT_FOUND


async def test_a_name_that_looks_like_an_id_is_nobodys(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    bob, (mallory,) = there.clients["bob"], await there.people("mallory")
    for name in (groups["bob"].id, groups["bob"].id.upper()):
        with pytest.raises(Error) as caught:
            await mallory.create_group(name)
        assert caught.value.kind is Code.BAD_REQUEST
    await slip(mallory, "bob", party(name=groups["bob"].id), b"1" * 16)
    await slip(mallory, "bob", party(name="after"), b"2" * 16)
    await invitations(bob, 1)
    assert [row.name for row in await bob.invitations()] == ["after"]
    # a profile from before that rule may hold such a name
    await bob.state.run(lambda tx: tx.put_group(b"e" * 16, groups["bob"].id, SUITE, "active"))
    assert (await bob.group(groups["bob"].id)).name == "friends"
    assert (await bob.group(groups["bob"].id.upper())).name == "friends"


async def test_a_handle_stays_with_its_group_when_another_takes_the_name(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    alice, bob, handle = there.clients["alice"], there.clients["bob"], groups["bob"]
    (mallory,) = await there.people("mallory")
    await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await state_of(bob, "removed")
    await alice.state.run(
        lambda tx: tx.put_group(bytes.fromhex(handle.id), "renamed", handle.suite, "active")
    )
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    await invitations(bob, 1)
    await bob.join("renamed")
    false = await mallory.create_group("friends")
    await (await false.invite("bob")).accepted(WITHIN)
    await invitations(bob, 1)
    await bob.join("friends")
    await (await handle.send("to the group that I mean")).accepted(WITHIN)
    assert await texts(alice, 1) == [("bob", "to the group that I mean")]
    assert [member.name for member in await handle.members()] == ["alice", "bob"]


async def test_one_who_did_not_open_the_first_invitation_opens_the_second_and_stays(there: World) -> None:
    """Removed in between: what was said then was never theirs, so nothing is missing, and the next session goes on."""
    alice, bob = await there.people("alice", "bob")
    friends = await alice.create_group("friends", SUITE)
    await (await friends.invite("bob")).accepted(WITHIN)
    await invitations(bob, 1)
    await (await friends.send("first")).accepted(WITHIN)
    await (await friends.remove("bob")).accepted(WITHIN)
    for n in range(3):
        await (await friends.send(f"{n}")).accepted(WITHIN)
    await there.close("bob")
    bob = await there.open("bob")
    await bob.caught_up(WITHIN)
    await (await friends.invite("bob")).accepted(WITHIN)
    await bob.caught_up(WITHIN)
    async with asyncio.timeout(WITHIN):
        while True:
            change = bob.state.change
            if (await bob.invitations())[0].epoch == 3:
                break
            await change.wait()
    await bob.join("friends")
    await there.close("bob")
    bob = await there.open("bob")
    await (await friends.send("welcome")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "welcome")]
    rows = await bob.read(lambda tx: tx.last_history(bytes.fromhex(friends.id), 100))
    assert [row.kind for row in rows if row.kind in ("gap", "unreadable")] == []
