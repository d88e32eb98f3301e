"""Groups: one order for all, commits that keep the rules, and nothing for who is not in."""

from __future__ import annotations

import pytest

from qnpc import wire
from qnpc._core import SUITE_CLASSICAL, SUITE_HYBRID, Group
from qnpc.errors import Code
from qnpc.limits import DEFAULT
from tests.node.chats import create, joined, people
from tests.node.rig import Rig, Sink, refused

# -- creating -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", [SUITE_CLASSICAL, SUITE_HYBRID])
async def test_a_created_group_is_its_creators(node: Rig, suite: int) -> None:
    (alice,) = await people(node, "alice", suite=suite)
    friends = await create(alice, suite)
    groups = (await alice.ask(wire.SESSION.groups, wire.Empty())).groups
    assert groups == (wire.GroupSummary(friends.id, suite, 0),)
    members = await alice.visit.call(friends.cap, wire.GROUP.members, wire.Empty())
    assert members.members == (wire.DeviceRecord(alice.key, alice.certificate),)
    info = await alice.visit.call(friends.cap, wire.GROUP.info, wire.Empty())
    assert (info.epoch, info.tree) == (0, friends.group.tree())
    assert await friends.say(b"to myself") == 1


async def test_creating_again_with_the_same_id_is_answered_as_the_first_time(node: Rig) -> None:
    alice, mallory = await people(node, "alice", "mallory")
    group = Group.create(alice.mls, alice.device, alice.certificate, bytes(16), SUITE_CLASSICAL)
    params = wire.SessionCreateGroupParams(group.group_info(), group.tree(), b"i" * 16)
    for _ in range(2):
        await alice.ask(wire.SESSION.create_group, params)
    other = wire.SessionCreateGroupParams(params.group_info, params.tree, b"j" * 16)
    with refused(Code.GROUP_EXISTS):
        await alice.ask(wire.SESSION.create_group, other)
    same = Group.create(mallory.mls, mallory.device, mallory.certificate, bytes(16), SUITE_CLASSICAL)
    params = wire.SessionCreateGroupParams(same.group_info(), same.tree(), b"k" * 16)
    with refused(Code.GROUP_EXISTS):
        await mallory.ask(wire.SESSION.create_group, params)


async def test_what_is_no_group_of_ones_own_is_refused(node: Rig) -> None:
    alice, mallory = await people(node, "alice", "mallory")
    group = Group.create(alice.mls, alice.device, alice.certificate, bytes(16), SUITE_CLASSICAL)
    claimed = mallory.identity.certify("alice", mallory.key, 1)
    masked = Group.create(mallory.mls, mallory.device, claimed, bytes(16), SUITE_CLASSICAL)
    info, tree = group.group_info(), group.tree()
    for said, trees, id_, code in (
        (info, tree, bytes(16), Code.COMMIT_INVALID),  # alice's
        (masked.group_info(), masked.tree(), bytes(16), Code.COMMIT_INVALID),  # calls itself alice's
        (masked.group_info(), tree, bytes(16), Code.COMMIT_INVALID),
        (b"", b"", bytes(16), Code.COMMIT_INVALID),
        (b"\xff" * 300, tree, bytes(16), Code.COMMIT_INVALID),
        (info, tree, b"", Code.BAD_REQUEST),
        (info, bytes(DEFAULT.tree_of_one + 1), bytes(16), Code.TOO_LARGE),
    ):
        with refused(code):
            await mallory.ask(wire.SESSION.create_group, wire.SessionCreateGroupParams(said, trees, id_))
    assert (await mallory.ask(wire.SESSION.groups, wire.Empty())).groups == ()


# -- members ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", [SUITE_CLASSICAL, SUITE_HYBRID])
async def test_members_read_each_other_in_one_order(node: Rig, suite: int) -> None:
    alice, bob, carol = await people(node, "alice", "bob", "carol", suite=suite)
    sinks = {one.name: Sink() for one in (alice, bob, carol)}
    for one in (alice, bob, carol):
        await one.subscribe(sinks[one.name])
    hers = await create(alice, suite)
    bobs, carols = await joined(hers, bob, carol)
    assert await hers.say(b"one") == 2
    assert await bobs.say(b"two") == 3
    assert await carols.say(b"three") == 4
    for one in (alice, bob, carol):
        await sinks[one.name].has_upto(hers.id, 4)
    assert sinks["alice"].seqs(hers.id) == [1, 2, 3, 4], "who sends gets their own back, in its place"
    assert sinks["bob"].seqs(hers.id) == sinks["carol"].seqs(hers.id) == [2, 3, 4]
    read = [
        bobs.read(one) for one in sinks["bob"].entries if one.channel == hers.id and one.sender != bob.key
    ]
    assert read == [b"one", b"three"]
    summary = (await carol.ask(wire.SESSION.groups, wire.Empty())).groups
    assert summary == (wire.GroupSummary(hers.id, suite, 1),)


async def test_an_added_device_gets_its_invitation_and_then_the_groups_entries(node: Rig) -> None:
    """Also when it has listened since before: the new channel begins by itself."""
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    await hers.say(b"before bob")
    sink = Sink()
    await bob.subscribe(sink)
    await hers.add(bob)
    await hers.say(b"hello bob")
    await sink.has_upto(hers.id, 3)
    assert sink.seqs(bob.key) == [1]
    assert sink.seqs(hers.id) == [3], "nothing from before, nor the commit that added it"
    await bob.acked(hers.id, 3)


async def test_a_removed_device_gets_its_removal_and_nothing_later(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    (bobs,) = await joined(hers, bob)
    watching, back = Sink(), Sink()
    await bob.subscribe(watching)
    removal = await hers.remove(bob)
    later = await hers.say(b"without bob")
    await watching.has_upto(hers.id, removal)
    await alice.enqueue(bob, b"are you there?")
    await watching.has_upto(bob.key, 2)
    assert watching.seqs(hers.id) == [removal]

    await bob.subscribe(back, wire.Cursor(hers.id, node.services.store.incarnation, 0))
    await back.has_upto(hers.id, removal)
    await alice.enqueue(bob, b"and now?")
    await back.has_upto(bob.key, 3)
    assert max(back.seqs(hers.id)) == removal < later
    page = await bob.fetch(hers.id)
    assert max(entry.seq for entry in page.entries) == removal == page.head.seq

    with refused(Code.NOT_A_MEMBER):
        await bobs.say(b"let me in")
    with refused(Code.NOT_A_MEMBER):
        await bob.visit.call(bobs.cap, wire.GROUP.info, wire.Empty())
    with refused(Code.NOT_A_MEMBER):
        await bob.visit.call(bobs.cap, wire.GROUP.members, wire.Empty())
    with refused(Code.NOT_A_MEMBER):
        await bob.visit.call(bobs.cap, wire.GROUP.tree, wire.GroupTreeParams(1))


async def test_a_device_that_comes_back_into_a_group_gets_what_is_after_its_return(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    sink = Sink()
    await bob.subscribe(sink)
    await hers.add(bob)
    first = await hers.say(b"one")
    removal = await hers.remove(bob)
    await hers.say(b"without bob")
    await hers.add(bob)
    last = await hers.say(b"two")
    await sink.has_upto(hers.id, last)
    assert sink.seqs(hers.id) == [first, removal, last]


async def test_who_is_not_in_gets_nothing(node: Rig) -> None:
    alice, mallory = await people(node, "alice", "mallory")
    hers = await create(alice)
    await hers.say(b"secret")
    with refused(Code.NOT_A_MEMBER):
        await mallory.ask(wire.SESSION.group, wire.SessionGroupParams(hers.id))
    with refused(Code.NOT_A_MEMBER):
        await mallory.ask(wire.SESSION.group, wire.SessionGroupParams(bytes(16)))
    with refused(Code.BAD_REQUEST):
        await mallory.ask(wire.SESSION.group, wire.SessionGroupParams(b"x"))
    with refused(Code.NOT_A_MEMBER):
        await mallory.fetch(hers.id)


# -- sending ------------------------------------------------------------------------------------------------------------------------


async def test_a_message_is_what_it_is_posted_as(node: Rig) -> None:
    (alice,) = await people(node, "alice")
    hers, other = await create(alice), await create(alice)
    id_ = hers.new_id()
    good, foreign = hers.group.encrypt(b"hi", id_), other.group.encrypt(b"hi", id_)
    commit = other.group.commit_update(id_).commit
    for message, said, epoch in (
        (good, hers.new_id(), 0),  # another id
        (good, id_, 1),  # another epoch
        (good, id_, 2**64 - 1),
        (foreign, id_, 0),  # another group's
        (commit, id_, 0),  # no application message
        (b"", id_, 0),
        (b"\x00\x01\x00\x02garbage", id_, 0),
        (good, b"", 0),
    ):
        with refused(Code.BAD_REQUEST):
            await hers.send(message, said, epoch)
    with refused(Code.TOO_LARGE):
        await hers.send(bytes(8 * 1024 * 1024 + 1), id_)
    assert await hers.send(good, id_) == 1


async def test_a_message_of_a_group_that_changed_is_stale_but_its_retry_is_not(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    kept, id_ = hers.group.encrypt(b"kept", b"1" * 16), b"1" * 16
    lost = hers.group.encrypt(b"lost", b"2" * 16)
    seq = await hers.send(kept, id_)
    await hers.add(bob)
    with refused(Code.EPOCH_STALE):
        await hers.send(lost, b"2" * 16, epoch=0)
    assert await hers.send(kept, id_, epoch=0) == seq
