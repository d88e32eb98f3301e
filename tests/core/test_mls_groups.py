"""Three devices and a node, in both suites: they talk, renew their keys, come and go, and only as the rules allow."""

from __future__ import annotations

import threading

import pytest

from qnpc._core import (
    SUITE_CLASSICAL,
    SUITE_HYBRID,
    SUITES,
    Application,
    Refused,
    StateError,
    Unreadable,
)
from tests.core.people import GROUP, Person, message_id, world


def test_the_suites_are_the_two_of_the_registry() -> None:
    assert SUITES == (SUITE_CLASSICAL, SUITE_HYBRID) == (0x0001, 0x004F)


def test_three_devices_talk_renew_their_keys_and_part(suite: int) -> None:
    here = world(suite, "alice", "bob", "carol")
    alice, bob, carol = here.people
    assert (alice.group.epoch, alice.group.suite, alice.group.group_id) == (1, suite, GROUP)
    assert [(m.username, m.admin) for m in bob.group.members()] == [
        ("alice", True),
        ("bob", False),
        ("carol", False),
    ]

    message = alice.says("hi all ☃".encode(), 7)
    for person in (bob, carol):
        read = person.reads(message)
        assert (read.plaintext, read.message_id, read.epoch) == ("hi all ☃".encode(), message_id(7), 1)
        assert (read.sender.username, read.sender.device) == ("alice", alice.device.public_key)
        assert bytes(read.sender.certificate) == alice.certificate

    here.accept(bob, bob.group.commit_update(message_id(8)))
    assert carol.reads(bob.says(b"with fresh keys")).plaintext == b"with fresh keys"

    here.accept(alice, alice.group.commit_remove([carol.device.public_key], message_id(9)))
    assert not carol.group.active
    secret = alice.says(b"without carol")
    assert bob.reads(secret).plaintext == b"without carol"
    with pytest.raises(Unreadable):
        carol.group.process(secret)
    with pytest.raises(StateError):
        carol.group.encrypt(b"still here", message_id(1))
    assert alice.group.export("label", b"context", 32) == bob.group.export("label", b"context", 32)


def test_who_is_not_an_admin_neither_adds_nor_removes_others(suite: int) -> None:
    here = world(suite, "alice", "bob", "carol")
    _, bob, carol = here.people
    with pytest.raises(Refused, match="only an admin"):
        bob.group.commit_remove([carol.device.public_key], message_id(1))
    with pytest.raises(Refused, match="only an admin"):
        bob.group.commit_add(Person("dave", suite).key_packages(), message_id(1))
    assert bob.save() == 0
    assert not bob.group.pending
    with pytest.raises(Refused, match="not a member"):
        bob.group.commit_remove([bytes(32)], message_id(1))


def test_anyone_removes_a_lost_device_of_their_own(suite: int) -> None:
    here = world(suite, "alice", "bob")
    bob = here.people[1]
    lost = Person("bob", suite, identity=bob.identity)
    here.add(lost)
    here.accept(bob, bob.group.commit_remove([lost.device.public_key], message_id(1)))
    assert not lost.group.active


def test_a_change_says_who_came_and_went(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    dave = Person("dave", suite)
    pending = alice.group.commit_add(dave.key_packages(), message_id(3))
    change = here.node.process(pending.commit, alice.device.public_key, pending.group_info)
    assert (change.epoch, change.message_id, change.removes_self) == (2, message_id(3), False)
    assert (change.committer.username, [m.username for m in change.added]) == ("alice", ["dave"])
    assert (change.added[0].leaf, change.removed) == (2, [])
    seen = bob.follows(pending.commit)
    assert [bytes(member.certificate) for member in seen.added] == [dave.certificate]


def test_a_group_works_for_two_threads_in_turn() -> None:
    here = world(SUITE_CLASSICAL, "alice", "bob")
    alice, bob = here.people
    sent: list[bytes] = []
    group = alice.group

    def send(first: int) -> None:
        sent.extend(group.encrypt(bytes([n]), message_id(n)) for n in range(first, first + 20))

    threads = [threading.Thread(target=send, args=(n,)) for n in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = [bob.group.process(message) for message in sent]
    spoken = {message.plaintext for message in read if isinstance(message, Application)}
    assert spoken == {bytes([n]) for n in (*range(20), *range(100, 120))}
