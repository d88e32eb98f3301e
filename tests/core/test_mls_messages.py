"""Messages of a group: which are taken and which refused, what they show to anybody, and that nothing prints what they say."""

from __future__ import annotations

import copy
import pickle

import pytest

from qnpc._core import (
    SUITE_CLASSICAL,
    CoreError,
    EpochStale,
    Group,
    Malformed,
    NotAuthentic,
    Unreadable,
    inspect_message,
)
from tests.core.people import GROUP, Person, message_id, world

CANARY = b"CANARY in a coal mine"


def test_replays_losers_and_noise_are_told_apart(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    message = alice.says(b"once")
    bob.reads(message)
    for _ in range(2):
        with pytest.raises(Unreadable):
            bob.group.process(message)
    with pytest.raises(Unreadable):
        alice.group.process(message)

    changed = bytearray(alice.says(b"twice"))
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        bob.group.process(bytes(changed))
    for noise in (b"", b"noise", GROUP):
        with pytest.raises(Malformed):
            bob.group.process(noise)

    loser = alice.group.commit_update(message_id(1))
    alice.restart()
    winner = bob.group.commit_update(message_id(2))
    here.node.merge(here.node.process(winner.commit, bob.device.public_key, winner.group_info))
    with pytest.raises(EpochStale):
        here.node.process(loser.commit, alice.device.public_key, loser.group_info)
    alice.follows(winner.commit)
    bob.group.merge_pending()
    with pytest.raises(EpochStale):
        bob.group.process(loser.commit)
    with pytest.raises(EpochStale):
        alice.group.process(winner.commit)


def test_what_a_message_shows(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice = here.people[0]
    spoken, commit = alice.says(b"hi", 5), alice.group.commit_update(message_id(6))
    info = inspect_message(spoken)
    assert (info.kind, info.private, info.group_id, info.epoch, info.authenticated_data) == (
        "application",
        True,
        GROUP,
        1,
        message_id(5),
    )
    info = inspect_message(commit.commit)
    assert (info.kind, info.private, info.epoch, info.authenticated_data) == (
        "commit",
        False,
        1,
        message_id(6),
    )
    info = inspect_message(commit.group_info)
    assert (info.kind, info.epoch, info.group_id) == ("group_info", 2, GROUP)
    with pytest.raises(Malformed):
        inspect_message(b"noise")


def test_ids_have_sixteen_bytes() -> None:
    alice = Person("alice", SUITE_CLASSICAL)
    with pytest.raises(Malformed):
        Group.create(alice.store, alice.device, alice.certificate, b"short", alice.suite)
    alice.create()
    with pytest.raises(Malformed):
        alice.group.encrypt(b"hi", b"short")
    with pytest.raises(Malformed):
        alice.group.commit_update(bytes(17))


def test_nothing_prints_what_was_said() -> None:
    here = world(SUITE_CLASSICAL, "alice", "bob")
    alice, bob = here.people
    read = bob.group.process(alice.says(CANARY))
    pending = alice.group.commit_update(message_id(1))
    change = bob.group.process(pending.commit)
    holders: list[object] = [read, change, pending, bob.store, bob.group, here.node, bob.group.members()[0]]
    for holder in holders:
        for text in (repr(holder), str(holder), f"{holder}"):
            assert "CANARY" not in text
            assert text.startswith("<qnpc._core.")
        with pytest.raises(TypeError):
            pickle.dumps(holder)
        with pytest.raises(TypeError):
            copy.copy(holder)
    with pytest.raises(CoreError) as caught:
        bob.group.process(alice.says(CANARY)[:-3])
    assert "CANARY" not in repr(caught.value)
