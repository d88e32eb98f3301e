"""The rows of a group: what they keep over a restart, and what a failure or a discard leaves out of them."""

from __future__ import annotations

import pytest

from qnpc._core import (
    SUITE_CLASSICAL,
    Application,
    Change,
    CoreError,
    Group,
    NotAuthentic,
    StateError,
)
from tests.core.people import GROUP, Person, message_id, world


def test_a_failed_read_leaves_no_delta(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    message = alice.says(b"hello")
    for cut in (len(message) // 2, len(message) - 1):
        with pytest.raises(CoreError):
            bob.group.process(message[:cut])
    changed = bytearray(message)
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        bob.group.process(bytes(changed))
    assert bob.save() == 0
    assert bob.reads(message).plaintext == b"hello"


def test_what_was_discarded_happens_again(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    message, commit = alice.says(b"hello"), alice.group.commit_update(message_id(1))
    for _ in range(2):
        read = bob.group.process(message)
        assert isinstance(read, Application)
        change = bob.group.process(commit.commit)
        assert isinstance(change, Change)
        bob.group.merge(change)
        assert bob.group.epoch == 2
        with pytest.raises(StateError):
            bob.group.merge(change)
        bob.store.discard()
        bob.opened = Group.load(bob.store, bob.device, GROUP)
        assert bob.group.epoch == 1


def test_a_pending_commit_outlives_a_restart_and_is_cleared_on_a_refusal(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice = here.people[0]
    alice.group.commit_update(message_id(1))
    alice.restart()
    waits = [alice.group.pending]
    with pytest.raises(StateError):
        alice.group.encrypt(b"not now", message_id(2))
    alice.group.clear_pending()
    alice.restart()
    waits.append(alice.group.pending)
    assert waits == [True, False]
    here.accept(alice, alice.group.commit_update(message_id(3)))


def test_rows_are_not_loaded_over_changes_and_a_deleted_group_is_gone() -> None:
    alice = Person("alice", SUITE_CLASSICAL)
    alice.create()
    alice.group.commit_update(message_id(1))
    with pytest.raises(StateError):
        alice.store.load([])
    alice.save()
    alice.group.delete()
    with pytest.raises(StateError):
        _ = alice.group.epoch
    alice.opened = None
    alice.save()
    assert alice.disk == {}
    assert Group.load(alice.store, alice.device, GROUP) is None
