"""Registering, binding devices, and the tokens that stand for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store import contract as c
from tests.store.backends import (
    DAY,
    INVITE,
    NOW,
    Backend,
    Scene,
    actor,
    name,
    new_device,
    new_token,
    registration,
)


def refused(scene: Scene, item: c.Item) -> Code:
    with pytest.raises(Error) as caught:
        scene.do(item)
    return caught.value.kind


def test_a_registration_makes_account_device_inbox_and_token(scene: Scene) -> None:
    (alice,) = scene.register("alice")
    assert scene.store.account("alice") == c.Account(
        "alice", b"record", name("identity alice", 32), b"sealed"
    )
    assert scene.store.device(alice.device) == c.StoredDevice(
        alice.device, "alice", b"certificate alice", False
    )
    assert scene.store.devices("alice") == [scene.store.device(alice.device)]
    assert scene.store.token(alice.token) == c.StoredToken(
        alice.token, name("hash alice", 32), alice.device, NOW + DAY
    )
    assert scene.store.heads(alice.device) == [c.StoredHead(alice.device, 0, 0, 1, False)]


def test_what_is_not_there_is_none(scene: Scene) -> None:
    nobody = actor("nobody")
    assert scene.store.account("nobody") is None
    assert scene.store.device(nobody.device) is None
    assert scene.store.devices("nobody") == []
    assert scene.store.token(nobody.token) is None
    assert scene.store.invite(nobody.token) is None
    assert scene.store.heads(nobody.device) == []
    assert scene.store.head(nobody.device, nobody.device) is None


@pytest.mark.parametrize(
    "invite",
    [
        replace(INVITE, id=name("unknown", 16)),
        replace(INVITE, hash=name("wrong secret", 32)),
        c.CreateInvite(name("spent", 16), name("s", 32), 0, None),
        c.CreateInvite(name("expired", 16), name("s", 32), 5, NOW),
    ],
    ids=["unknown", "wrong secret", "spent", "expired"],
)
def test_no_account_without_a_valid_invite(scene: Scene, invite: c.CreateInvite) -> None:
    scene.do(INVITE)
    if invite.uses is not None:
        scene.do(invite)
    assert refused(scene, registration("alice", invite=invite)) is Code.AUTH_REQUIRED
    assert scene.store.account("alice") is None


def test_an_invite_is_spent_only_by_those_who_get_in(scene: Scene) -> None:
    twice = c.CreateInvite(name("twice", 16), name("twice secret", 32), 2, NOW + 1)
    scene.do(twice)
    scene.do(registration("alice", invite=twice))
    assert refused(scene, registration("alice", "other", invite=twice)) is Code.USERNAME_TAKEN
    scene.do(twice)  # made again, as after a lost answer: gives no use back
    assert scene.store.invite(twice.id) == c.StoredInvite(twice.id, twice.hash, 1, NOW + 1)
    scene.do(registration("bob", invite=twice))
    assert refused(scene, registration("carol", invite=twice)) is Code.AUTH_REQUIRED


def test_the_invite_is_judged_before_the_name_and_the_name_before_the_keys(scene: Scene) -> None:
    scene.register("alice")
    again = registration("alice", "other")
    assert refused(scene, replace(again, invite_hash=name("wrong", 32))) is Code.AUTH_REQUIRED
    assert refused(scene, again) is Code.USERNAME_TAKEN
    fresh = registration("bob")
    assert refused(scene, replace(fresh, identity_key=name("identity alice", 32))) is Code.IDENTITY_MISMATCH
    assert refused(scene, replace(fresh, device=new_device("alice"))) is Code.IDENTITY_MISMATCH
    assert scene.store.account("bob") is None


def test_a_registration_whose_answer_was_lost_can_be_said_again(scene: Scene) -> None:
    once = c.CreateInvite(name("once", 16), name("once secret", 32), 1, None)
    scene.do(once)
    item = registration("alice", invite=once)
    scene.do(item)
    scene.do(item)
    assert len(scene.store.devices("alice")) == 1


def test_a_second_device_is_bound_to_its_account_only(scene: Scene) -> None:
    scene.register("alice", "bob")
    laptop = c.BindDevice("alice", name("identity alice", 32), new_device("laptop"), new_token("laptop"), NOW)
    scene.do(laptop)
    scene.do(replace(laptop, token=new_token("laptop again")))
    assert [device.device for device in scene.store.devices("alice")] == [
        actor("alice").device,
        actor("laptop").device,
    ]
    assert scene.store.token(name("token laptop again", 16)) is not None
    assert refused(scene, replace(laptop, username="nobody")) is Code.NOT_FOUND
    assert refused(scene, replace(laptop, identity_key=name("identity bob", 32))) is Code.IDENTITY_MISMATCH
    of_bob = replace(laptop, username="bob", identity_key=name("identity bob", 32))
    assert refused(scene, of_bob) is Code.IDENTITY_MISMATCH


def test_a_revoked_device_gets_no_token_and_may_do_nothing(scene: Scene, backend: Backend) -> None:
    (alice, bob) = scene.register("alice", "bob")
    group = scene.together("alice", "bob")
    said = scene.append("alice", group, "before", 1)
    scene.do(said)
    backend.revoke(alice.device)
    bind = c.BindDevice("alice", name("identity alice", 32), new_device("alice"), new_token("new"), NOW)
    assert refused(scene, bind) is Code.DEVICE_REVOKED
    assert refused(scene, c.IssueToken(alice.device, new_token("new"))) is Code.DEVICE_REVOKED
    assert refused(scene, said) is Code.DEVICE_REVOKED
    assert refused(scene, scene.commit("alice", group, 1)) is Code.DEVICE_REVOKED
    assert refused(scene, c.PutHybridKey(alice, b"key", b"signature", NOW)) is Code.DEVICE_REVOKED
    assert scene.store.devices("alice") == []
    assert scene.say("bob", group, "after", 1).recipients == (bob.device,)


def test_issued_tokens_are_for_registered_devices(scene: Scene) -> None:
    (alice,) = scene.register("alice")
    scene.do(c.IssueToken(alice.device, new_token("renewed")))
    found = scene.store.token(name("token renewed", 16))
    assert found is not None
    assert found.device == alice.device
    assert refused(scene, c.IssueToken(actor("nobody").device, new_token("x"))) is Code.NOT_FOUND


def test_a_token_ends_at_its_time_with_logout_and_for_other_devices(scene: Scene) -> None:
    (alice, bob) = scene.register("alice", "bob")
    put = c.PutHybridKey(alice, b"key", b"signature", NOW + DAY - 1)
    scene.do(put)
    assert refused(scene, replace(put, now=NOW + DAY)) is Code.SESSION_EXPIRED
    borrowed = c.Actor(alice.device, bob.token)
    assert refused(scene, replace(put, actor=borrowed)) is Code.SESSION_EXPIRED
    scene.do(c.Logout(borrowed))  # not its device's: stays
    assert scene.store.token(bob.token) is not None
    scene.do(c.Logout(alice))
    scene.do(c.Logout(alice))
    assert refused(scene, put) is Code.SESSION_EXPIRED
    assert refused(scene, replace(put, actor=actor("nobody"))) is Code.AUTH_REQUIRED


def test_reaping_takes_expired_tokens_and_invites_and_nothing_else(scene: Scene) -> None:
    (alice, bob) = scene.register("alice", "bob")
    scene.do(c.IssueToken(alice.device, new_token("long", NOW + 3 * DAY)))
    scene.do(c.CreateInvite(name("short", 16), b"hash", 1, NOW + 1))
    assert scene.do(c.ReapTokens(NOW)) == 0
    assert scene.do(c.ReapTokens(NOW + DAY)) == 3
    assert scene.store.token(alice.token) is None
    assert scene.store.token(bob.token) is None
    assert scene.store.token(name("token long", 16)) is not None
    scene.do(registration("carol"))  # the invite without an end


def test_the_invite_under_an_id_can_be_set_changed_and_taken_away(scene: Scene) -> None:
    """What a configured token lets in by: it must not outlive its configuration."""
    first = c.SetInvite(name("standing", 16), name("first token", 32))
    second = replace(first, hash=name("second token", 32))

    def by(item: c.SetInvite) -> c.CreateInvite:
        return c.CreateInvite(item.id, item.hash or b"", None, None)

    scene.do(first)
    for username in ("alice", "bob", "carol"):  # as often as they like
        scene.do(registration(username, invite=by(first)))
    scene.do(first)  # as at the next start
    scene.do(registration("dave", invite=by(first)))
    scene.do(second)
    assert refused(scene, registration("erin", invite=by(first))) is Code.AUTH_REQUIRED
    scene.do(registration("erin", invite=by(second)))
    assert scene.store.invite(first.id) == c.StoredInvite(first.id, name("second token", 32), None, None)
    for _ in range(2):
        scene.do(replace(first, hash=None))
    assert scene.store.invite(first.id) is None
    assert refused(scene, registration("frank", invite=by(second))) is Code.AUTH_REQUIRED


def test_a_set_invite_has_no_limit_whatever_stood_there_and_leaves_others_alone(scene: Scene) -> None:
    scene.do(INVITE)
    spent = c.CreateInvite(name("standing", 16), name("spent", 32), 0, NOW - 1)
    scene.do(spent)
    scene.do(c.SetInvite(spent.id, spent.hash))
    assert scene.store.invite(spent.id) == c.StoredInvite(spent.id, spent.hash, None, None)
    assert scene.do(c.ReapTokens(NOW + DAY)) == 0
    scene.do(c.SetInvite(spent.id, None))
    scene.do(registration("alice"))  # by the other invite
