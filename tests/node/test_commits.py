"""Commits: one per epoch, by the rules, answered alike however often they are posted."""

from __future__ import annotations

import asyncio

from qnpc import wire
from qnpc._core import SUITE_CLASSICAL, Group, Tracker, generate_key_packages
from qnpc.errors import Code, Error
from tests.node.chats import Member, create, join, joined, people
from tests.node.rig import Person, Rig, Sink, refused, remote


async def log(person: Person, channel: bytes) -> list[bytes]:
    return [entry.payload for entry in (await person.fetch(channel)).entries]


async def test_of_two_commits_one_wins_and_the_other_is_told_to_rebase(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    (bobs,) = await joined(hers, bob)
    posts = []
    for member in (hers, bobs):
        id_ = member.new_id()
        posts.append((member, member.post(member.group.commit_update(id_), id_)))
    outcomes = await asyncio.gather(*(member.commit(post) for member, post in posts), return_exceptions=True)
    losers = [one for one in outcomes if isinstance(one, Error)]
    assert [one.kind for one in losers] == [Code.EPOCH_STALE]
    winner, loser = (hers, bobs) if not isinstance(outcomes[0], Error) else (bobs, hers)
    winner.group.merge_pending()
    entry = (await loser.person.fetch(hers.id)).entries[-1]
    loser.group.clear_pending()
    loser.read(entry)
    await loser.update()
    assert loser.group.epoch == 3


async def test_a_commit_that_is_posted_again_gets_its_first_answer(node: Rig) -> None:
    """Also much later, by who is no member any more; and nobody is invited twice."""
    alice, bob, carol = await people(node, "alice", "bob", "carol")
    hers = await create(alice)
    id_ = hers.new_id()
    post = hers.post(await hers.adding(bob, id_=id_), id_, bob)
    seq = await hers.commit(post)
    assert await hers.commit(post) == seq
    hers.group.merge_pending()
    welcome = (await bob.fetch(bob.key)).entries[-1].payload
    bobs = await join(bob, hers.id, welcome, 1)
    update = bobs.new_id()
    updating = bobs.post(bobs.group.commit_update(update), update)
    second = await bobs.commit(updating)
    bobs.group.merge_pending()
    hers.read((await alice.fetch(hers.id)).entries[-1])
    await hers.remove(bob)
    await hers.add(carol)
    assert await hers.commit(post) == seq
    assert await bobs.commit(updating) == second
    assert len(await log(bob, bob.key)) == 1


async def test_a_commit_is_told_to_members_even_if_its_first_answer_was_lost(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    (_,) = await joined(hers, bob)
    sink = Sink()
    await bob.subscribe(sink)
    id_ = hers.new_id()
    post = hers.post(hers.group.commit_update(id_), id_)
    call = alice.visit.peer.start_call(hers.cap, wire.GROUP.commit, post)
    await alice.visit.call(alice.visit.node, wire.NODE.info, wire.Empty())
    call.cancel()
    await sink.has_upto(hers.id, 2)
    assert await hers.commit(post) == 2


async def test_a_commit_by_who_is_not_in_is_refused(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    (bobs,) = await joined(hers, bob)
    await hers.remove(bob)
    id_ = bobs.new_id()
    post = bobs.post(bobs.group.commit_update(id_), id_)
    with refused(Code.NOT_A_MEMBER):
        await bobs.commit(post)
    id_ = hers.new_id()
    stolen = hers.post(hers.group.commit_update(id_), id_)
    with refused(Code.NOT_A_MEMBER):
        await bobs.commit(stolen)
    assert await hers.commit(stolen) == 3


async def test_a_commit_that_breaks_the_rules_changes_nothing(node: Rig) -> None:
    """Posted by another than its committer, with a GroupInfo or Welcomes that do not fit; and the group goes on."""
    alice, bob, carol = await people(node, "alice", "bob", "carol")
    hers = await create(alice)
    (bobs,) = await joined(hers, bob)
    id_ = hers.new_id()
    pending = await hers.adding(carol, id_=id_)
    post = hers.post(pending, id_, carol)
    old = (await alice.visit.call(hers.cap, wire.GROUP.info, wire.Empty())).group_info
    other = wire.Welcome(bob.key, b"")
    changed = bytearray(pending.commit)
    changed[len(changed) // 2] ^= 1
    for bad in (
        hers.post(pending, id_, carol, group_info=old),
        hers.post(pending, id_, carol, group_info=b""),
        hers.post(pending, id_, carol, message=bytes(changed)),
        hers.post(pending, id_),
        hers.post(pending, id_, carol, carol),
        hers.post(pending, id_, welcomes=(*post.welcomes, other)),
    ):
        with refused(Code.COMMIT_INVALID):
            await hers.commit(bad)
    with refused(Code.COMMIT_INVALID):
        await bob.visit.call(bobs.cap, wire.GROUP.commit, post)
    for bad in (
        hers.post(pending, hers.new_id(), carol),
        hers.post(pending, id_, carol, epoch=0),
        hers.post(pending, id_, carol, epoch=2**64 - 1),
        hers.post(pending, id_, carol, message=b"garbage"),
        hers.post(pending, id_, carol, message=a_message(hers)),
        hers.post(pending, b"", carol),
    ):
        with refused(Code.BAD_REQUEST):
            await hers.commit(bad)
    members = await alice.visit.call(hers.cap, wire.GROUP.members, wire.Empty())
    assert [one.device for one in members.members] == [alice.key, bob.key]
    assert await log(carol, carol.key) == []
    assert await hers.commit(post) == 2


def a_message(member: Member) -> bytes:
    """An application message where a commit should be. A pending commit forbids encrypting, so it is one from elsewhere."""
    group = Group.create(
        member.person.mls, member.person.device, member.person.certificate, b"e" * 16, SUITE_CLASSICAL
    )
    return group.encrypt(b"hi", bytes(16))


async def test_only_registered_devices_are_added_as_who_they_are(node: Rig) -> None:
    alice = (await people(node, "alice"))[0]
    hers = await create(alice)
    stranger = Person(node, "bob", node.visit())
    id_ = hers.new_id()
    packages = generate_key_packages(stranger.mls, stranger.device, stranger.certificate, SUITE_CLASSICAL, 1)
    pending = hers.group.commit_add(packages, id_)
    with refused(Code.NOT_FOUND):
        await hers.commit(hers.post(pending, id_, stranger))
    hers.group.clear_pending()
    await stranger.register(await node.invite())
    masked = stranger.identity.certify("zoe", stranger.key, 1)
    packages = generate_key_packages(stranger.mls, stranger.device, masked, SUITE_CLASSICAL, 1)
    pending = hers.group.commit_add(packages, id_)
    with refused(Code.COMMIT_INVALID):
        await hers.commit(hers.post(pending, id_, stranger))


async def test_a_group_goes_on_after_the_node_forgot_its_state(node: Rig) -> None:
    """What the node keeps at hand is a cache."""
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    await joined(hers, bob)
    node.services.trackers.take(hers.id)
    await hers.update()
    await hers.update()
    node.services.trackers.take(hers.id)
    await hers.remove(bob)
    assert hers.group.epoch == 4


async def test_a_group_goes_on_where_the_node_fell_behind(node: Rig) -> None:
    """As when another node of the same store took the commits in between."""
    (alice,) = await people(node, "alice")
    hers = await create(alice)
    info = await alice.visit.call(hers.cap, wire.GROUP.info, wire.Empty())
    await hers.update()
    node.services.trackers.keep(hers.id, Tracker.from_group_info(info.group_info, info.tree))
    await hers.update()
    assert hers.group.epoch == 2


async def test_the_tree_of_a_welcome_stays_while_the_group_moves_on(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    await hers.add(bob)
    tree = hers.group.tree()
    await hers.update()
    cap = remote((await bob.ask(wire.SESSION.group, wire.SessionGroupParams(hers.id))).group)
    assert (await bob.visit.call(cap, wire.GROUP.tree, wire.GroupTreeParams(1))).tree == tree
    for epoch in (7, 2**63, 2**64 - 1):
        with refused(Code.NOT_FOUND):
            await bob.visit.call(cap, wire.GROUP.tree, wire.GroupTreeParams(epoch))
