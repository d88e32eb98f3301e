"""The node beside a group: what it must not believe."""

from __future__ import annotations

import pytest

from qnpc._core import (
    CoreError,
    NotAuthentic,
    Refused,
    Tracker,
)
from tests.core.people import GROUP, message_id, world


def test_the_node_believes_no_other_group_info_and_no_other_sender(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    old = bob.group.group_info()
    pending = bob.group.commit_update(message_id(1))
    with pytest.raises(Refused, match="does not match"):
        here.node.process(pending.commit, bob.device.public_key, old)
    with pytest.raises(Refused, match="another device"):
        here.node.process(pending.commit, alice.device.public_key, pending.group_info)
    changed = bytearray(pending.group_info)
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        here.node.process(pending.commit, bob.device.public_key, bytes(changed))
    with pytest.raises(Refused, match="public messages"):
        here.node.process(alice.says(b"hi"), alice.device.public_key, old)
    here.accept(bob, pending)
    again = Tracker.from_group_info(pending.group_info, here.node.tree())
    assert (again.epoch, again.group_id, again.suite) == (2, GROUP, suite)
    with pytest.raises(CoreError):
        Tracker.from_group_info(old, here.node.tree())
