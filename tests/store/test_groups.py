"""Groups: who is in the log from where to where, and the one commit that wins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store import contract as c
from tests.store.backends import NOW, Backend, Scene, actor, name


def refused(scene: Scene, item: c.Item) -> Code:
    with pytest.raises(Error) as caught:
        scene.do(item)
    return caught.value.kind


def test_a_group_is_made_once(scene: Scene) -> None:
    (alice, _) = scene.register("alice", "bob")
    group = name("group", 16)
    item = c.CreateGroup(alice, group, name("id", 16), 0x4F, 0, b"info", b"tree", NOW)
    scene.do(item)
    scene.do(item)
    assert scene.store.group(group) == c.StoredGroup(group, 0x4F, 0, b"info", b"tree")
    assert scene.store.groups(alice.device) == [scene.store.group(group)]
    assert scene.store.head(alice.device, group) == c.StoredHead(group, 0, 0, 1, True)
    assert refused(scene, replace(item, id=name("other", 16))) is Code.GROUP_EXISTS
    assert refused(scene, replace(item, actor=actor("bob"))) is Code.GROUP_EXISTS
    assert refused(scene, replace(item, group=alice.device)) is Code.BAD_REQUEST
    assert refused(scene, replace(item, group=name("huge", 16), epoch=1 << 63)) is Code.BAD_REQUEST
    assert scene.store.group(name("huge", 16)) is None


def test_a_commit_changes_everything_in_one(scene: Scene) -> None:
    (alice, bob, carol) = scene.register("alice", "bob", "carol")
    group = scene.create("alice")
    item = scene.commit("alice", group, 0, add=["bob", "carol"])
    done = scene.do(item)
    welcomes = [c.StoredEntry(who.device, 1, item.id, alice.device, NOW, b"welcome") for who in (bob, carol)]
    assert done == c.Committed(1, True, (alice.device,), welcomes)
    assert scene.store.group(group) == c.StoredGroup(group, 0x4F, 1, b"info 1", b"tree 1")
    assert scene.store.tree(group, 0) == b"tree 0"
    assert scene.store.tree(group, 1 << 64) is None
    assert [device.device for device in scene.store.members(group)] == [
        alice.device,
        bob.device,
        carol.device,
    ]
    assert [device.username for device in scene.store.members(group)] == ["alice", "bob", "carol"]
    assert scene.store.is_member(carol.device, group)
    assert scene.store.entries(bob.device, 0, 10, 10, 1000) == [welcomes[0]]
    assert scene.say("bob", group, "hi", 1).recipients == (alice.device, bob.device, carol.device)
    again = scene.do(item)
    assert again == c.Committed(1, False, (alice.device,), welcomes)
    assert not scene.store.is_member(bob.device, bob.device)  # an inbox is no group


def test_spans_include_both_commits(scene: Scene) -> None:
    """The removed device receives its removal and nothing later; the added one everything after its adding."""
    (alice, bob, carol) = scene.register("alice", "bob", "carol")
    group = scene.together("alice", "bob")
    scene.say("alice", group, "with bob", 1)
    swap = scene.commit("alice", group, 1, add=["carol"], remove=["bob"])
    done = scene.do(swap)
    assert (done.seq, done.recipients) == (3, (alice.device, bob.device))
    assert scene.do(swap) == replace(done, fresh=False)
    assert scene.say("carol", group, "with carol", 2).recipients == (alice.device, carol.device)
    assert scene.head("alice", group) == c.StoredHead(group, 4, 0, 1, True)
    assert scene.head("bob", group) == c.StoredHead(group, 3, 1, 2, True)
    assert scene.head("carol", group) == c.StoredHead(group, 4, 3, 4, True)
    assert refused(scene, scene.append("bob", group, "ghost", 2)) is Code.NOT_A_MEMBER
    assert refused(scene, scene.commit("bob", group, 2)) is Code.NOT_A_MEMBER
    assert not scene.store.is_member(bob.device, group)
    assert scene.store.groups(bob.device) == []

    assert [head.channel for head in scene.store.heads(bob.device)] == [bob.device, group]
    scene.do(c.Ack(bob.device, group, 4))  # not past what is his
    assert scene.head("bob", group).acked == 3
    assert [head.channel for head in scene.store.heads(bob.device)] == [bob.device]
    assert scene.head("bob", group).seq == 3


def test_what_a_former_member_has_not_read_is_kept_for_it(scene: Scene) -> None:
    (alice, bob) = scene.register("alice", "bob")
    group = scene.together("alice", "bob")
    scene.do(scene.commit("alice", group, 1, remove=["bob"]))
    scene.say("alice", group, "alone", 2)
    scene.do(c.Ack(alice.device, group, 3))
    scene.do(c.Collect(0, 100))
    assert [seq for seq, _ in scene.texts(group)] == [2, 3]
    scene.do(c.Ack(bob.device, group, 2))
    scene.do(c.Collect(0, 100))
    assert scene.texts(group) == []


def test_a_device_that_returns_begins_after_its_return(scene: Scene) -> None:
    (alice, bob) = scene.register("alice", "bob")
    group = scene.together("alice", "bob")
    scene.do(scene.commit("alice", group, 1, remove=["bob"]))
    scene.say("alice", group, "meanwhile", 2)
    scene.do(scene.commit("alice", group, 2, add=["bob"]))
    scene.say("alice", group, "welcome back", 3)
    assert scene.head("bob", group) == c.StoredHead(group, 5, 4, 5, True)
    assert [head.channel for head in scene.store.heads(bob.device)] == [bob.device, group]
    again = scene.do(scene.commit("alice", group, 3, add=["bob"], remove=["bob"]))  # a new leaf in one step
    assert again.recipients == (alice.device, bob.device)
    assert scene.head("bob", group).first == again.seq + 1
    assert scene.store.is_member(bob.device, group)


def test_of_many_commits_in_one_epoch_one_wins(scene: Scene) -> None:
    people = [f"p{n}" for n in range(8)]
    scene.register(*people)
    group = scene.together("p0", *people[1:])
    results = scene.store.commit([scene.commit(who, group, 1) for who in people])
    assert [isinstance(result, c.Committed) for result in results] == [True] + [False] * 7
    assert {result.kind for result in results if isinstance(result, Error)} == {Code.EPOCH_STALE}
    stored = scene.store.group(group)
    assert stored is not None
    assert stored.epoch == 2


def test_what_a_commit_may_not_do(scene: Scene, backend: Backend) -> None:
    (_, bob, carol, dave) = scene.register("alice", "bob", "carol", "dave")
    group = scene.together("alice", "bob")
    backend.revoke(dave.device)
    ok = scene.commit("alice", group, 1, add=["carol"])
    before = (scene.store.group(group), scene.texts(group), scene.store.members(group))
    for code, item in [
        (Code.EPOCH_STALE, replace(ok, epoch=0)),
        (Code.EPOCH_STALE, replace(ok, epoch=2)),
        (Code.EPOCH_STALE, replace(ok, epoch=1 << 64)),
        (Code.NOT_A_MEMBER, replace(ok, actor=carol)),
        (Code.NOT_A_MEMBER, replace(ok, group=name("elsewhere", 16))),
        (Code.NOT_A_MEMBER, replace(ok, group=actor("alice").device)),
        (Code.BAD_REQUEST, replace(ok, id=b"")),
        (Code.NOT_FOUND, scene.commit("alice", group, 1, add=["nobody"])),
        (Code.DEVICE_REVOKED, scene.commit("alice", group, 1, add=["dave"])),
        (Code.TOO_LARGE, replace(ok, members_limit=2)),
        (Code.COMMIT_INVALID, replace(ok, welcomes=[])),
        (Code.COMMIT_INVALID, replace(ok, welcomes=[*ok.welcomes, (bob.device, b"welcome")])),
        (Code.COMMIT_INVALID, replace(ok, added=[], removed=[])),
        (Code.COMMIT_INVALID, scene.commit("alice", group, 1, add=["carol", "carol"])),
        (Code.COMMIT_INVALID, scene.commit("alice", group, 1, add=["bob"])),
        (Code.COMMIT_INVALID, scene.commit("alice", group, 1, remove=["carol"])),
        (Code.COMMIT_INVALID, scene.commit("alice", group, 1, remove=["bob", "bob"])),
    ]:
        assert refused(scene, item) is code, item
        assert (scene.store.group(group), scene.texts(group), scene.store.members(group)) == before
        assert scene.texts(carol.device) == []
    assert scene.do(replace(ok, members_limit=3)).fresh


def test_a_full_group_changes_a_member_for_another(scene: Scene) -> None:
    scene.register("alice", "bob", "carol")
    group = scene.together("alice", "bob")
    swap = replace(scene.commit("alice", group, 1, add=["carol"], remove=["bob"]), members_limit=2)
    assert scene.do(swap).fresh


def test_a_batch_sees_the_membership_that_it_changes(scene: Scene) -> None:
    (alice, bob, carol) = scene.register("alice", "bob", "carol")
    group = scene.together("alice", "bob")
    before, commit, after, ghost = scene.store.commit(
        [
            scene.append("alice", group, "before", 1),
            scene.commit("alice", group, 1, add=["carol"], remove=["bob"]),
            scene.append("carol", group, "after", 2),
            scene.append("bob", group, "ghost", 2),
        ]
    )
    assert isinstance(before, c.Appended)
    assert before.recipients == (alice.device, bob.device)
    assert isinstance(commit, c.Committed)
    assert isinstance(after, c.Appended)
    assert after.recipients == (alice.device, carol.device)
    assert isinstance(ghost, Error)


def test_a_retried_commit_is_answered_after_its_sender_was_removed(scene: Scene) -> None:
    (alice, bob, carol) = scene.register("alice", "bob", "carol")
    group = scene.together("alice", "bob")
    item = scene.commit("bob", group, 1, add=["carol"])
    first = scene.do(item)
    scene.do(scene.commit("alice", group, 2, remove=["bob"]))
    scene.do(c.Ack(carol.device, carol.device, 1))
    scene.do(c.Collect(0, 100))
    assert scene.do(item) == c.Committed(first.seq, False, (alice.device, bob.device), [])
    assert not scene.store.is_member(bob.device, group)
