"""Keys that a device leaves for others: only its own, only good ones, each given out once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qnpc import wire
from qnpc._core import SUITE_CLASSICAL, SUITE_HYBRID, HybridKey, generate_key_packages
from qnpc.errors import Code
from qnpc.limits import Limits
from tests.node.chats import package_of, upload_packages
from tests.node.rig import Person, Rig, refused


async def upload(person: Person, suite: int, *packages: bytes) -> int:
    params = wire.SessionUploadKeyPackagesParams(suite, packages)
    return (await person.ask(wire.SESSION.upload_key_packages, params)).count


async def count(person: Person, suite: int) -> int:
    params = wire.SessionKeyPackageCountParams(suite)
    return (await person.ask(wire.SESSION.key_package_count, params)).count


@pytest.mark.parametrize("suite", [SUITE_CLASSICAL, SUITE_HYBRID])
async def test_each_key_package_is_given_out_once_oldest_first(node: Rig, suite: int) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    packages = await upload_packages(bob, 3, suite)
    assert await count(bob, suite) == 3
    assert [await package_of(alice, bob, suite) for _ in range(3)] == packages
    assert await count(bob, suite) == 0
    with refused(Code.NO_KEY_PACKAGE):
        await package_of(alice, bob, suite)


async def test_every_device_of_an_account_gives_one(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    phone = Person(node, "bob", node.visit(), identity=bob.identity)
    await phone.log_in()
    for device in (bob, phone):
        await upload_packages(device)
    params = wire.SessionFetchKeyPackagesParams("BOB", SUITE_CLASSICAL)
    found = (await alice.ask(wire.SESSION.fetch_key_packages, params)).packages
    assert [(one.device, one.certificate) for one in found] == [
        (bob.key, bob.certificate),
        (phone.key, phone.certificate),
    ]


async def test_uploading_again_adds_only_what_is_new(node: Rig) -> None:
    bob = await node.person("bob")
    packages = await upload_packages(bob, 2)
    assert await upload(bob, SUITE_CLASSICAL, *packages) == 2


async def test_nobody_is_somebody_else_or_has_no_keys(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    with refused(Code.NOT_FOUND):
        await alice.ask(wire.SESSION.fetch_key_packages, wire.SessionFetchKeyPackagesParams("carol", 1))
    with refused(Code.NO_KEY_PACKAGE):
        await package_of(alice, bob, SUITE_CLASSICAL)
    with refused(Code.SUITE_NOT_ALLOWED):
        await package_of(alice, bob, 0x0002)
    with refused(Code.NOT_FOUND):
        await alice.ask(wire.SESSION.resolve, wire.SessionResolveParams("carol"))
    with refused(Code.USERNAME_INVALID):
        await alice.ask(wire.SESSION.resolve, wire.SessionResolveParams("c"))


async def test_key_packages_that_are_not_ones_own_are_refused(node: Rig) -> None:
    """Of another device, of another account's certificate, of another suite, changed, or nothing at all; and then none is taken."""
    alice, mallory = await node.person("alice"), await node.person("mallory")
    (good,) = generate_key_packages(mallory.mls, mallory.device, mallory.certificate, SUITE_CLASSICAL, 1)
    (others,) = generate_key_packages(alice.mls, alice.device, alice.certificate, SUITE_CLASSICAL, 1)
    claimed = mallory.identity.certify("alice", mallory.key, 1)
    (masked,) = generate_key_packages(mallory.mls, mallory.device, claimed, SUITE_CLASSICAL, 1)
    stolen = alice.identity.certify("mallory", mallory.key, 1)
    (foreign,) = generate_key_packages(mallory.mls, mallory.device, stolen, SUITE_CLASSICAL, 1)
    (hybrid,) = generate_key_packages(mallory.mls, mallory.device, mallory.certificate, SUITE_HYBRID, 1)
    changed = bytearray(good)
    changed[len(good) // 2] ^= 1
    for bad in (
        others,
        masked,
        foreign,
        hybrid,
        bytes(changed),
        good + b"\x00",
        good[:-1],
        b"",
        b"\xff" * 500,
    ):
        with refused(Code.KEY_PACKAGE_INVALID):
            await upload(mallory, SUITE_CLASSICAL, good, bad)
    with refused(Code.SUITE_NOT_ALLOWED):
        await upload(mallory, 0x0002, good)
    assert await count(mallory, SUITE_CLASSICAL) == 0


@pytest.mark.parametrize("limits", [replace(Limits(), key_packages_per_device=2, key_package_size=4096)])
async def test_key_packages_are_bounded(node: Rig) -> None:
    bob = await node.person("bob")
    packages = generate_key_packages(bob.mls, bob.device, bob.certificate, SUITE_CLASSICAL, 3)
    with refused(Code.TOO_LARGE):
        await upload(bob, SUITE_CLASSICAL, *packages)
    await upload(bob, SUITE_CLASSICAL, *packages[:2])
    with refused(Code.TOO_LARGE):
        await upload(bob, SUITE_CLASSICAL, packages[2])
    with refused(Code.TOO_LARGE):
        await upload(bob, SUITE_CLASSICAL, bytes(4097))


async def test_a_hybrid_key_is_there_for_others_and_can_be_replaced(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    ask = wire.SessionFetchHybridKeyParams(bob.key)
    with refused(Code.NOT_FOUND):
        await alice.ask(wire.SESSION.fetch_hybrid_key, ask)
    for _ in range(2):
        key = HybridKey.generate().public_key
        signature = bob.device.sign_hybrid_key(key)
        await bob.ask(wire.SESSION.upload_hybrid_key, wire.SessionUploadHybridKeyParams(key, signature))
        found = await alice.ask(wire.SESSION.fetch_hybrid_key, ask)
        assert (found.key, found.signature) == (key, signature)


async def test_a_hybrid_key_that_its_device_did_not_sign_is_refused(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    key = HybridKey.generate().public_key
    for shown, signature, code in (
        (key, alice.device.sign_hybrid_key(key), Code.HYBRID_KEY_INVALID),
        (HybridKey.generate().public_key, bob.device.sign_hybrid_key(key), Code.HYBRID_KEY_INVALID),
        (key, bytes(64), Code.HYBRID_KEY_INVALID),
        (b"", bytes(64), Code.BAD_REQUEST),
        (key, b"", Code.BAD_REQUEST),
    ):
        with refused(code):
            await bob.ask(wire.SESSION.upload_hybrid_key, wire.SessionUploadHybridKeyParams(shown, signature))
    with refused(Code.BAD_REQUEST):
        await bob.ask(wire.SESSION.fetch_hybrid_key, wire.SessionFetchHybridKeyParams(b"short"))
