"""The logs: order, retries, quotas, cursors, collection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store import contract as c
from tests.store.backends import DAY, NOW, PLENTY, Backend, Scene, actor, later, name


def refused(scene: Scene, item: c.Item) -> Code:
    with pytest.raises(Error) as caught:
        scene.do(item)
    return caught.value.kind


def test_an_inbox_takes_from_anyone_and_counts_without_gaps(scene: Scene) -> None:
    (alice, bob) = scene.register("alice", "bob")
    for n in range(1, 6):
        assert scene.say("alice", bob.device, f"note {n}") == c.Appended(n, True, (bob.device,))
    assert scene.store.entries(bob.device, 1, 3, 10, PLENTY) == [
        c.StoredEntry(bob.device, n, name(f"note {n}", 16), alice.device, NOW, f"note {n}".encode())
        for n in (2, 3)
    ]
    assert scene.head("bob", bob.device) == c.StoredHead(bob.device, 5, 0, 1, False)
    assert refused(scene, scene.append("alice", name("nobody", 32), "x")) is Code.NOT_FOUND


def test_refusals_leave_no_gap_and_spoil_nothing(scene: Scene) -> None:
    """A batch with bad items in its midst: the good ones stand, in order, and see each other."""
    (alice, bob, eve) = scene.register("alice", "bob", "eve")
    group = scene.together("alice", "bob")
    good = [scene.append("alice", group, f"m{n}", 1) for n in range(3)]
    results = scene.store.commit(
        [
            good[0],
            scene.append("eve", group, "not mine", 1),
            scene.append("alice", group, "stale", 0),
            good[1],
            good[0],
            replace(good[1], id=b"short"),
            scene.commit("eve", group, 1),
            c.PutHybridKey(eve, b"key", b"signature", NOW),
            replace(good[1], actor=c.Actor(alice.device, eve.token), id=name("no token", 16)),
            good[2],
        ]
    )
    everyone = (alice.device, bob.device)
    codes = [result.kind if isinstance(result, Error) else result for result in results]
    assert codes == [
        c.Appended(2, True, everyone),
        Code.NOT_A_MEMBER,
        Code.EPOCH_STALE,
        c.Appended(3, True, everyone),
        c.Appended(2, False, everyone),
        Code.BAD_REQUEST,
        Code.NOT_A_MEMBER,
        None,
        Code.SESSION_EXPIRED,
        c.Appended(4, True, everyone),
    ]
    assert scene.texts(group) == [(1, b"commit"), (2, b"m0"), (3, b"m1"), (4, b"m2")]
    assert scene.store.commit([]) == []


def test_a_group_that_is_not_there_looks_like_one_that_is_not_mine(scene: Scene) -> None:
    scene.register("alice")
    assert refused(scene, scene.append("alice", name("no group", 16), "x", 0)) is Code.NOT_A_MEMBER


def test_a_retry_gets_its_first_answer_whatever_happened_since(scene: Scene) -> None:
    (alice, bob, _) = scene.register("alice", "bob", "carol")
    group = scene.together("alice", "bob")
    said = scene.append("bob", group, "hello", 1)
    assert scene.do(said).seq == 2
    for epoch in range(1, 5):
        scene.do(scene.commit("alice", group, epoch))
    assert scene.do(said) == c.Appended(2, False, (alice.device, bob.device))  # the epoch moved
    scene.do(scene.commit("alice", group, 5, remove=["bob"]))
    assert scene.do(said).seq == 2  # its membership ended
    assert scene.do(replace(said, depth=0, bytes_limit=0)).seq == 2  # the queue is full
    assert scene.do(replace(said, payload=b"encrypted again", epoch=9)).seq == 2
    for device in (alice, bob):
        scene.do(c.Ack(device.device, group, 100))
    assert scene.do(c.Collect(0, 1000)) > 0
    assert scene.texts(group) == []
    assert scene.do(said) == c.Appended(2, False, (alice.device, bob.device))  # the entry is gone
    assert scene.do(scene.append("alice", group, "hello", 6)).fresh  # another sender's id is another


def test_epochs_that_are_accepted(scene: Scene) -> None:
    """Up to two before the current one, as long as nobody came or went."""
    scene.register("alice", "bob")
    group = scene.create("alice")

    def accepted() -> list[int]:
        ok = []
        for epoch in range(12):
            scene.made += 1
            result = scene.store.commit([scene.append("alice", group, f"probe {scene.made}", epoch)])[0]
            if isinstance(result, c.Appended):
                ok.append(epoch)
            else:
                assert isinstance(result, Error)
                assert result.kind is Code.EPOCH_STALE
        return ok

    assert accepted() == [0]
    scene.do(scene.commit("alice", group, 0))
    assert accepted() == [0, 1]
    for epoch in (1, 2):
        scene.do(scene.commit("alice", group, epoch))
    assert accepted() == [1, 2, 3]
    scene.do(scene.commit("alice", group, 3, add=["bob"]))
    assert accepted() == [4]
    scene.do(scene.commit("alice", group, 4))
    assert accepted() == [4, 5]
    scene.do(scene.commit("alice", group, 5, remove=["bob"]))
    assert accepted() == [6]
    assert refused(scene, scene.append("alice", group, "none", None)) is Code.EPOCH_STALE
    assert refused(scene, scene.append("alice", group, "huge", 1 << 64)) is Code.EPOCH_STALE


def test_a_full_queue_refuses_until_the_slowest_has_read(scene: Scene) -> None:
    (alice, bob) = scene.register("alice", "bob")
    group = scene.together("alice", "bob")
    scene.do(c.Ack(alice.device, group, 1))
    for n in range(4):
        scene.do(replace(scene.append("alice", group, f"m{n}", 1), depth=4))
    scene.do(c.Ack(alice.device, group, 5))
    over = replace(scene.append("alice", group, "over", 1), depth=4)
    assert refused(scene, over) is Code.QUEUE_FULL
    assert refused(scene, over) is Code.QUEUE_FULL
    scene.do(c.Ack(bob.device, group, 2))
    assert scene.do(over).seq == 6
    assert refused(scene, replace(over, id=name("over again", 16))) is Code.QUEUE_FULL


def test_who_has_left_fills_no_queue(scene: Scene) -> None:
    (alice, _) = scene.register("alice", "bob")
    group = scene.together("alice", "bob")
    for n in range(3):
        scene.say("alice", group, f"m{n}", 1)
    scene.do(c.Ack(alice.device, group, 4))
    over = replace(scene.append("alice", group, "over", 2), depth=2)
    scene.do(scene.commit("alice", group, 1, remove=["bob"]))
    scene.do(c.Ack(alice.device, group, 5))
    assert scene.do(over).seq == 6
    assert len(scene.texts(group)) == 6  # bob can still have what was his


def test_bytes_are_counted_while_somebody_needs_them(scene: Scene) -> None:
    (_, bob) = scene.register("alice", "bob")

    def note(what: str, size: int) -> c.Append:
        return replace(scene.append("alice", bob.device, what), payload=bytes(size), bytes_limit=100)

    scene.do(note("a", 60))
    scene.do(note("b", 40))
    assert refused(scene, note("c", 1)) is Code.QUEUE_FULL
    assert refused(scene, note("c", 101)) is Code.QUEUE_FULL
    scene.do(c.Ack(bob.device, bob.device, 1))
    scene.do(note("c", 60))
    assert refused(scene, note("d", 1)) is Code.QUEUE_FULL
    assert scene.do(c.Collect(0, 10)) == 1  # changes nothing: it was acknowledged
    assert refused(scene, note("d", 1)) is Code.QUEUE_FULL
    assert scene.do(c.Collect(NOW + 1, 1)) == 1  # too old, though never read
    scene.do(note("d", 40))
    assert refused(scene, note("e", 1)) is Code.QUEUE_FULL
    assert [size for _, size in ((s, len(p)) for s, p in scene.texts(bob.device))] == [60, 40]


def test_acks_go_forward_only_and_never_past_the_head(scene: Scene) -> None:
    (_, bob) = scene.register("alice", "bob")
    for n in range(5):
        scene.say("alice", bob.device, f"m{n}")
    seen = []
    for seq in (3, 1, 0, 4, 1 << 64, 2):
        scene.do(c.Ack(bob.device, bob.device, seq))
        seen.append(scene.head("bob", bob.device).acked)
    assert seen == [3, 3, 3, 4, 5, 5]
    scene.do(c.Ack(bob.device, actor("alice").device, 1))  # not a member: nothing
    scene.do(c.Ack(name("nobody", 32), bob.device, 1))


def test_reading_stops_at_its_limits_but_not_before_the_first(scene: Scene) -> None:
    (_, bob) = scene.register("alice", "bob")
    for n in range(6):
        scene.do(replace(scene.append("alice", bob.device, f"m{n}"), payload=bytes(100)))

    def seqs(after: int, upto: int, limit: int, size: int) -> list[int]:
        return [entry.seq for entry in scene.store.entries(bob.device, after, upto, limit, size)]

    assert seqs(0, 100, 100, 300) == [1, 2, 3]
    assert seqs(0, 100, 100, 299) == [1, 2]
    assert seqs(2, 100, 100, 1) == [3]
    assert seqs(2, 100, 2, PLENTY) == [3, 4]
    assert seqs(2, 5, 100, PLENTY) == [3, 4, 5]
    assert seqs(6, 100, 100, PLENTY) == []
    assert seqs(0, 100, 0, PLENTY) == []
    assert seqs(0, (1 << 64) - 1, (1 << 32) - 1, PLENTY) == [1, 2, 3, 4, 5, 6]
    assert seqs((1 << 64) - 1, (1 << 64) - 1, 10, PLENTY) == []
    assert scene.store.entries(name("nothing", 16), 0, 10, 10, PLENTY) == []


def test_channels_do_not_run_into_each_other(scene: Scene) -> None:
    people = [f"p{n}" for n in range(4)]
    actors = scene.register(*people)
    for n in range(20):
        scene.say("p0", actors[n % 4].device, f"m{n}")
    for index, who in enumerate(actors):
        assert scene.texts(who.device) == [(n // 4 + 1, b"m%d" % n) for n in range(index, 20, 4)]


def test_collection_takes_what_all_have_and_what_is_too_old(scene: Scene, backend: Backend) -> None:
    (alice, bob) = scene.register("alice", "bob")
    group = scene.together("alice", "bob")
    for n in range(2, 8):
        scene.do(later(scene.append("alice", group, f"m{n}", 1), n))
    scene.do(c.Ack(alice.device, group, 7))
    assert scene.do(c.Collect(0, 100)) == 1  # bob came with it, and has read nothing since
    assert scene.do(c.Collect(0, 100)) == 0
    scene.do(c.Ack(bob.device, group, 3))
    assert scene.do(c.Collect(0, 1)) == 1  # no more than it may
    assert scene.do(c.Collect(0, 100)) == 1
    assert [seq for seq, _ in scene.texts(group)] == [4, 5, 6, 7]
    # 4, 5, the Welcome in bob's inbox and the tree of epoch 0
    assert scene.do(c.Collect(NOW + 6, 100)) == 4
    assert [seq for seq, _ in scene.texts(group)] == [6, 7]
    head = scene.head("bob", group)
    # The gap is there to be seen, and nobody waits for what is in it.
    assert (head.seq, head.acked, head.first) == (7, 3, 6)
    assert head in scene.store.heads(bob.device)
    assert scene.say("alice", group, "next", 1).seq == 8
    backend.revoke(bob.device)
    scene.do(c.Ack(alice.device, group, 8))
    assert scene.do(c.Collect(0, 100)) == 3  # nobody waits for a revoked device
    assert scene.do(c.Collect(0, 100)) == 0
    assert scene.say("alice", group, "last", 1).seq == 9


def test_collection_leaves_the_current_tree_and_young_ones(scene: Scene) -> None:
    scene.register("alice")
    group = scene.create("alice")
    for epoch in range(3):
        scene.do(replace(scene.commit("alice", group, epoch), now=NOW + (epoch + 1) * 10))
    scene.do(c.Collect(NOW + 20, 100))
    assert [scene.store.tree(group, epoch) for epoch in range(5)] == [None, None, b"tree 2", b"tree 3", None]
    scene.do(c.Collect(NOW + 40 * DAY, 100))
    assert [scene.store.tree(group, epoch) for epoch in range(4)] == [None, None, None, b"tree 3"]


def test_what_was_collected_gives_its_space_back(scene: Scene, backend: Backend) -> None:
    (_, bob) = scene.register("alice", "bob")
    scene.store.commit(
        [replace(scene.append("alice", bob.device, f"m{n}"), payload=bytes(4000)) for n in range(500)]
    )
    scene.store.close()
    full = backend.path.stat().st_size
    again = Scene(backend.open())
    again.do(c.Ack(bob.device, bob.device, 500))
    while again.do(c.Collect(0, 100)):
        pass
    for _ in range(4):
        again.do(c.Collect(0, 100))
    again.store.close()
    assert backend.path.stat().st_size < full / 2
    assert backend.count("sent") == 500
