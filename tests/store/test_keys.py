"""KeyPackages are handed out once; a hybrid key is the newest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store import contract as c
from tests.store.backends import DAY, NOW, Backend, Scene, actor, name, new_device, new_token


def packages(
    who: str, *names: str, not_after: int = NOW + DAY, suite: int = 0x4F, limit: int = 256
) -> c.PutKeyPackages:
    return c.PutKeyPackages(
        actor(who), suite, [(name(n, 32), n.encode(), not_after) for n in names], limit, NOW
    )


def take(who: str, username: str, suite: int = 0x4F, now: int = NOW) -> c.TakeKeyPackages:
    return c.TakeKeyPackages(actor(who), username, suite, now)


def test_each_package_is_taken_once_and_the_oldest_first(scene: Scene) -> None:
    scene.register("alice", "bob")
    assert scene.do(packages("bob", "p1", "p2")) == 2
    assert scene.do(packages("bob", "p2", "p3")) == 3
    device = actor("bob").device
    for message in (b"p1", b"p2", b"p3"):
        assert scene.do(take("alice", "bob")) == [c.TakenKeyPackage(device, b"certificate bob", message)]
    with pytest.raises(Error, match="E014"):
        scene.do(take("alice", "bob"))
    assert scene.store.key_package_count(device, 0x4F, NOW) == 0


def test_a_taken_package_that_is_uploaded_again_is_not_offered_again(scene: Scene) -> None:
    scene.register("alice", "bob")
    scene.do(packages("bob", "p1", "p2"))
    scene.do(take("alice", "bob"))
    assert scene.do(packages("bob", "p1", "p2")) == 1
    assert [taken.message for taken in scene.do(take("alice", "bob"))] == [b"p2"]


def test_one_per_device_without_those_that_have_none_or_are_revoked(scene: Scene, backend: Backend) -> None:
    scene.register("alice", "bob")
    for device in ("laptop", "phone", "stolen"):
        scene.do(c.BindDevice("bob", name("identity bob", 32), new_device(device), new_token(device), NOW))
        if device != "phone":
            scene.do(packages(device, f"{device} 1", f"{device} 2"))
    scene.do(packages("bob", "b1"))
    backend.revoke(actor("stolen").device)
    assert [taken.message for taken in scene.do(take("alice", "bob"))] == [b"b1", b"laptop 1"]
    assert [taken.message for taken in scene.do(take("alice", "bob"))] == [b"laptop 2"]


def test_suites_and_accounts_are_apart(scene: Scene) -> None:
    scene.register("alice", "bob")
    assert scene.do(packages("bob", "classical", suite=1)) == 1
    assert scene.do(packages("bob", "hybrid")) == 1
    with pytest.raises(Error, match="E014"):
        scene.do(take("bob", "alice"))
    with pytest.raises(Error, match="E013"):
        scene.do(take("bob", "nobody"))
    assert [taken.message for taken in scene.do(take("alice", "bob", 1))] == [b"classical"]
    assert scene.store.key_package_count(actor("bob").device, 0x4F, NOW) == 1


def test_expired_packages_are_neither_counted_nor_handed_out(scene: Scene) -> None:
    scene.register("alice", "bob")
    scene.do(packages("bob", "short", not_after=NOW))
    scene.do(packages("bob", "long"))
    device = actor("bob").device
    assert scene.store.key_package_count(device, 0x4F, NOW) == 2
    assert scene.store.key_package_count(device, 0x4F, NOW + 1) == 1
    assert [taken.message for taken in scene.do(take("alice", "bob", now=NOW + 1))] == [b"long"]


def test_past_the_limit_nothing_of_the_upload_stays(scene: Scene) -> None:
    scene.register("bob")
    scene.do(packages("bob", "a", suite=1, limit=3))
    with pytest.raises(Error, match="E003"):
        scene.do(packages("bob", "b", "c", "d", limit=3))
    assert scene.store.key_package_count(actor("bob").device, 0x4F, NOW) == 0
    assert scene.do(packages("bob", "b", "c", limit=3)) == 2


def test_a_lifetime_beyond_all_numbers_spoils_nothing(scene: Scene) -> None:
    scene.register("alice", "bob")
    refused, stands = scene.store.commit([packages("bob", "odd", not_after=1 << 64), packages("alice", "p1")])
    assert isinstance(refused, Error)
    assert refused.kind is Code.BAD_REQUEST
    assert stands == 1


def test_the_newest_hybrid_key_counts(scene: Scene) -> None:
    (alice,) = scene.register("alice")
    assert scene.store.hybrid_key(alice.device) is None
    first = c.PutHybridKey(alice, b"key 1", b"signature 1", NOW)
    scene.do(first)
    scene.do(replace(first, key=b"key 2", signature=b"signature 2"))
    assert scene.store.hybrid_key(alice.device) == (b"key 2", b"signature 2")
