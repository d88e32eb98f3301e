"""Key packages and Welcomes: whose they are, and that they let in nobody else."""

from __future__ import annotations

import pytest

from qnpc._core import (
    SUITE_CLASSICAL,
    SUITE_HYBRID,
    Malformed,
    NotAuthentic,
    Refused,
    Unreadable,
    generate_key_packages,
    inspect_key_package,
    inspect_message,
)
from tests.core.people import GROUP, Person, message_id, world


def test_a_welcome_is_for_one_device_once(suite: int) -> None:
    here = world(suite, "alice")
    alice = here.people[0]
    dave, eve = Person("dave", suite), Person("eve", suite)
    old_tree = alice.group.tree()
    pending = alice.group.commit_add(dave.key_packages(), message_id(1))
    tree = here.accept(alice, pending)
    assert pending.welcome is not None
    assert inspect_message(pending.welcome).kind == "welcome"
    with pytest.raises(Unreadable):
        eve.join(pending.welcome, tree)
    with pytest.raises(NotAuthentic):
        dave.join(pending.welcome, old_tree)
    with pytest.raises(Malformed):
        dave.join(pending.welcome, b"not a tree")
    dave.join(pending.welcome, tree)
    with pytest.raises(Unreadable):
        dave.join(pending.welcome, tree)
    assert {scope for scope, _ in dave.disk} == {GROUP}


def test_key_packages_say_whose_they_are_and_hold_only_for_them(suite: int) -> None:
    bob, eve = Person("bob", suite), Person("eve", suite)
    packages = bob.key_packages(2)
    infos = [inspect_key_package(package) for package in packages]
    assert {info.suite for info in infos} == {suite}
    assert {bytes(info.certificate) for info in infos} == {bob.certificate}
    assert len({info.reference for info in infos}) == 2
    assert inspect_message(packages[0]).kind == "key_package"
    with pytest.raises(Malformed):
        generate_key_packages(eve.store, eve.device, bob.certificate, suite, 1)
    with pytest.raises(Malformed):
        generate_key_packages(bob.store, bob.device, bob.certificate, 0x0002, 1)
    changed = bytearray(packages[0])
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        inspect_key_package(bytes(changed))
    with pytest.raises(Malformed):
        inspect_key_package(b"noise")


def test_a_group_takes_no_key_package_of_the_other_suite() -> None:
    here = world(SUITE_CLASSICAL, "alice")
    with pytest.raises(Refused, match="another ciphersuite"):
        here.people[0].group.commit_add(Person("dave", SUITE_HYBRID).key_packages(), message_id(1))
