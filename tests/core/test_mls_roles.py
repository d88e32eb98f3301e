"""Who may what in a group, over the binding: roles, leave requests, revocations, and what a commit says of them."""

from __future__ import annotations

import pytest

from qnpc._core import (
    Certificate,
    Change,
    Identity,
    Malformed,
    NotAuthentic,
    PendingCommit,
    Refused,
    Revocation,
    inspect_message,
)
from tests.core.people import Person, World, message_id, world


def _seen(here: World, author: Person, pending: PendingCommit) -> Change:
    return here.node.process(pending.commit, author.device.public_key, pending.group_info)


def test_an_admin_promotes_and_demotes(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    accounts = [alice.identity.public_key, bob.identity.public_key]
    pending = alice.group.commit_roles([accounts[1]], [], message_id(1))
    change = _seen(here, alice, pending)
    assert (change.promoted, change.demoted) == ([accounts[1]], [])
    here.accept(alice, pending)
    assert [member.admin for member in bob.group.members()] == [True, True]
    here.accept(bob, bob.group.commit_roles([], [accounts[0]], message_id(2)))
    for promote, demote in (([], [accounts[1]]), ([bytes(32)], [])):
        with pytest.raises(Refused):
            bob.group.commit_roles(promote, demote, message_id(3))
    with pytest.raises(Malformed):
        bob.group.commit_roles([b"short"], [], message_id(3))
    with pytest.raises(Refused):
        alice.group.commit_roles([accounts[0]], [], message_id(3))


def test_who_asks_to_leave_is_removed_by_anybody(suite: int) -> None:
    here = world(suite, "alice", "bob", "carol")
    _, bob, carol = here.people
    with pytest.raises(Refused, match="commits once"):
        bob.group.leave_request()
    here.accept(bob, bob.group.commit_update(message_id(1)))
    request = bob.group.leave_request()
    assert here.node.leaver(request).username == "bob"
    assert carol.group.leaver(request).device == bob.device.public_key
    with pytest.raises(Refused, match="admin"):
        carol.group.commit_remove([bob.device.public_key], message_id(2))
    pending = carol.group.commit_remove([], message_id(2), leave_requests=[request])
    clear = inspect_message(pending.commit)
    assert clear.message_id == message_id(2)
    assert request in clear.authenticated_data
    change = _seen(here, carol, pending)
    assert [member.username for member in change.left] == ["bob"]
    assert (change.revoked, change.message_id) == ([], message_id(2))
    here.accept(carol, pending)
    assert not bob.group.active

    # Added again, bob is not removed by what he asked then.
    here.people.remove(bob)
    here.add(bob)
    for refuser in (here.node, carol.group):
        with pytest.raises(Refused, match="leave request"):
            refuser.leaver(request)
    with pytest.raises(Refused, match="leave request"):
        carol.group.commit_remove([], message_id(3), leave_requests=[request])
    with pytest.raises(Malformed):
        carol.group.commit_remove([], message_id(3), leave_requests=[request[:-1]])
    with pytest.raises(NotAuthentic):
        carol.group.leaver(bytes([request[0], request[1] ^ 1]) + request[2:])


def test_a_revoked_device_is_removed_by_anybody(suite: int) -> None:
    here = world(suite, "alice", "bob", "carol")
    _, bob, carol = here.people
    device = bob.device.public_key
    by_stranger = Identity.generate().revoke(device, 1)
    with pytest.raises(Refused, match="revocation"):
        carol.group.commit_remove([], message_id(1), revocations=[by_stranger])
    pending = carol.group.commit_remove([], message_id(1), revocations=[bob.identity.revoke(device, 1)])
    change = _seen(here, carol, pending)
    assert [member.device for member in change.revoked] == [device]
    here.accept(carol, pending)
    assert not bob.group.active


def test_a_revocation_is_of_one_device_by_one_account() -> None:
    alice = Person("alice", 1)
    data = alice.identity.revoke(alice.device.public_key, 1_700_000_000_123)
    revocation = Revocation.parse(data)
    assert bytes(revocation) == data
    assert revocation == Revocation.parse(data)
    assert len({revocation, Revocation.parse(data)}) == 1
    assert (revocation.identity_key, revocation.device) == (
        alice.identity.public_key,
        alice.device.public_key,
    )
    assert revocation.revoked == 1_700_000_000_123
    assert revocation.covers(Certificate.parse(alice.certificate))
    assert not revocation.covers(Certificate.parse(Person("alice", 1).certificate))
    with pytest.raises(NotAuthentic):
        Revocation.parse(data[:-1] + bytes([data[-1] ^ 1]))
    for malformed in (data[:-1], data + b"\0", b"", alice.certificate):
        with pytest.raises(Malformed):
            Revocation.parse(malformed)
    with pytest.raises(Malformed):
        alice.identity.revoke(b"short", 1)
