"""Begun logins are bounded: whoever opens many keeps nobody else from logging in."""

from __future__ import annotations

import pytest

from qnpc.errors import Code, Error
from qnpc.node.pending import Pending


def test_one_address_cannot_take_all_the_room() -> None:
    pending = Pending(total=10, per_address=2, ttl=300.0)
    pending.hold("a", 0.0)
    pending.hold("a", 100.0)
    with pytest.raises(Error) as refused:
        pending.hold("a", 200.0)
    assert refused.value.kind is Code.TOO_MANY_LOGINS
    assert refused.value.retry_after == 100
    pending.hold("b", 200.0)


def test_many_addresses_keep_nobody_out() -> None:
    """Whoever has many of them has the oldest of its own freed."""
    pending = Pending(total=4, per_address=2, ttl=300.0)
    held = [pending.hold(address, 0.0) for address in "abbc"]
    for slot in held:
        slot.held = "state"
    pending.hold("d", 0.0)
    assert [slot.held is None for slot in held] == [False, True, False, False], (
        "the oldest where there are most"
    )
    pending.hold("e", 0.0)
    assert [slot.held is None for slot in held] == [True, True, False, False], "or of all"
    assert len(pending) == 4


def test_room_comes_back_by_use_by_giving_back_and_by_time() -> None:
    pending = Pending(total=1, per_address=1, ttl=300.0)
    slot = pending.hold("a", 0.0)
    slot.held = "state"
    assert slot.take(299.0) == "state"
    slot = pending.hold("a", 299.0)
    slot.free()
    slot.free()
    slot = pending.hold("a", 299.0)
    slot.held = "state"
    assert len(pending) == 1
    pending.hold("b", 599.0)
    assert slot.held is None, "what it held must be gone with it"


def test_a_slot_is_good_once_and_not_for_ever() -> None:
    pending = Pending(total=9, per_address=9, ttl=300.0)
    used, late = pending.hold("a", 0.0), pending.hold("a", 0.0)
    used.held = late.held = "state"
    used.take(1.0)
    for slot, now in ((used, 1.0), (late, 300.0)):
        with pytest.raises(Error) as refused:
            slot.take(now)
        assert refused.value.kind is Code.SESSION_EXPIRED
