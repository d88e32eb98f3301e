"""Devices that join by themselves, over the binding: what the outbox keeps, and what is taken over from it."""

from __future__ import annotations

import pytest

from qnpc._core import Change, Group, Refused, StateError
from tests.core.people import Person, World, message_id, world


def _let_in(here: World, joiner: Person) -> Change:
    """What the joiner, the node and the members do; the joiner starts again in between, with what its outbox kept."""
    info, tree = here.people[0].group.group_info(), here.people[0].group.tree()
    joiner.restart()
    pending = Group.external_commit(
        joiner.store, joiner.device, joiner.certificate, info, tree, message_id(7), removed=[bytes(32)]
    )
    kept = pending.rows()
    assert joiner.save() == 0
    change = here.node.process(pending.commit, joiner.device.public_key, pending.group_info, barred=[])
    assert (change.external, change.epoch, change.message_id) == (True, pending.epoch, message_id(7))
    here.node.merge(change)
    for person in here.people:
        if person is not joiner:
            seen = person.group.process(pending.commit, barred=[])
            assert isinstance(seen, Change)
            assert seen.external
            person.group.merge(seen)
            person.restart()
    joiner.restart()
    joiner.opened = Group.adopt(joiner.store, joiner.device, kept)
    joiner.restart()
    assert [m.device for m in joiner.group.members()] == [m.device for m in pending.members()]
    with pytest.raises(StateError):
        Group.adopt(joiner.store, joiner.device, kept)
    assert joiner.save() == 0
    return change


def test_a_new_device_joins_and_is_heard(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    laptop = Person("bob", suite, identity=bob.identity)
    change = _let_in(here, laptop)
    assert [member.device for member in change.added] == [laptop.device.public_key]
    assert change.removed == []
    assert alice.reads(laptop.says(b"new here")).plaintext == b"new here"
    assert laptop.reads(bob.says(b"welcome")).plaintext == b"welcome"


def test_a_device_that_fell_behind_rejoins(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    change = _let_in(here, bob)
    devices = [bob.device.public_key]
    assert [member.device for member in change.added] == devices
    assert [member.device for member in change.removed] == devices
    assert alice.reads(bob.says(b"back")).plaintext == b"back"


def test_who_names_nobody_lets_nobody_in(suite: int) -> None:
    """A node or a client that keeps no history of removals takes no external commit at all."""
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    info, tree = alice.group.group_info(), alice.group.tree()
    pending = Group.external_commit(bob.store, bob.device, bob.certificate, info, tree, message_id(1))
    key = bob.device.public_key
    for barred in (None, [key]):
        with pytest.raises(Refused):
            here.node.process(pending.commit, key, pending.group_info, barred=barred)
        with pytest.raises(Refused):
            alice.group.process(pending.commit, barred=barred)
