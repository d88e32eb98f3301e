"""The KeyPackages that a device has made: found again after a restart, and deleted when they have been replaced."""

from __future__ import annotations

import pytest

from qnpc._core import Unreadable, generate_last_resort, inspect_key_package
from tests.core.people import Person, message_id, world


def test_old_ones_are_found_and_deleted(suite: int) -> None:
    bob = Person("bob", suite)
    packages = [inspect_key_package(package) for package in bob.key_packages(3)]
    last = inspect_key_package(generate_last_resort(bob.store, bob.device, bob.certificate, suite))
    assert last.last_resort
    assert not any(package.last_resort for package in packages)
    bob.restart()
    stored = {package.reference: package for package in bob.store.key_packages()}
    assert set(stored) == {package.reference for package in [*packages, last]}
    for package in [*packages, last]:
        found = stored[package.reference]
        assert (found.suite, found.not_after, found.last_resort) == (
            suite,
            package.not_after,
            package.last_resort,
        )
    gone = [package.reference for package in packages]
    assert bob.store.delete_key_packages([*gone, b"none"]) == 3
    bob.restart()
    assert [package.reference for package in bob.store.key_packages()] == [last.reference]


def test_a_welcome_for_a_deleted_one_cannot_be_read(suite: int) -> None:
    here = world(suite, "alice")
    bob = Person("bob", suite)
    package = bob.key_packages()[0]
    bob.store.delete_key_packages([inspect_key_package(package).reference])
    pending = here.people[0].group.commit_add([package], message_id(1))
    tree = here.accept(here.people[0], pending)
    assert pending.welcome is not None
    with pytest.raises(Unreadable):
        bob.join(pending.welcome, tree)


def test_one_used_is_gone_and_the_last_resort_stays(suite: int) -> None:
    here = world(suite, "alice")
    bob = Person("bob", suite)
    last = generate_last_resort(bob.store, bob.device, bob.certificate, suite)
    once = bob.key_packages()[0]
    pending = here.people[0].group.commit_add([last], message_id(1))
    tree = here.accept(here.people[0], pending)
    assert pending.welcome is not None
    bob.join(pending.welcome, tree)
    kept = {package.reference for package in bob.store.key_packages()}
    assert kept == {inspect_key_package(package).reference for package in (last, once)}
