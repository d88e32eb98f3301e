"""Registering and logging in: who gets in, who does not, and what strangers learn."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qnpc import wire
from qnpc._core import Device, Identity, NotAuthentic, OpaqueClientLogin, OpaqueClientRegistration
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from tests.node.rig import CHEAP, PASSWORD, PIN, SEALED, Person, Rig, refused, remote


async def test_a_registered_person_is_found_by_name(node: Rig) -> None:
    alice = await node.person("alice")
    found = await alice.ask(wire.SESSION.resolve, wire.SessionResolveParams("Alice"))
    assert found.identity_key == alice.identity.public_key
    assert found.devices == (wire.DeviceRecord(alice.key, alice.certificate),)


async def test_the_node_says_what_it_is(node: Rig) -> None:
    visit = node.visit()
    said = (await visit.call(visit.node, wire.NODE.info, wire.Empty())).info
    assert (said.pin, said.wire, said.suites) == (PIN, wire.WIRE_VERSION, (0x004F, 0x0001))
    node.clock.advance(2.5)
    health = (await visit.call(visit.node, wire.NODE.health, wire.Empty())).health
    assert (health.ready, health.detail, health.tls_group) == (True, "", "X25519MLKEM768")
    assert health.uptime_ms == 2500


# -- invites ------------------------------------------------------------------------------------------------------------------------


async def test_an_invite_lets_in_as_many_as_it_says(node: Rig) -> None:
    """Two who finish at the same time with an invite for one: one gets in, and the other's name stays free."""
    invite = await node.invite(uses=1)
    people = [Person(node, name, node.visit()) for name in ("alice", "bob")]
    begun = [await person.begin_registration(invite) for person in people]
    outcomes = await asyncio.gather(
        *(person.finish_registration(*one) for person, one in zip(people, begun, strict=True)),
        return_exceptions=True,
    )
    losers = [one for one in outcomes if isinstance(one, Error)]
    assert [loser.kind for loser in losers] == [Code.AUTH_REQUIRED]
    assert outcomes.count(None) == 1
    loser = people[0] if outcomes[0] is not None else people[1]
    await loser.register(await node.invite())


@pytest.mark.parametrize("invite", [b"", bytes(31), bytes(32), bytes(33)])
async def test_without_an_invite_nothing_is_learnt(node: Rig, invite: bytes) -> None:
    """A taken name and a free one are refused alike."""
    await node.person("alice")
    for name in ("alice", "nobody"):
        stranger = Person(node, name, node.visit())
        with refused(Code.AUTH_REQUIRED):
            await stranger.begin_registration(invite)


async def test_an_invite_with_another_secret_is_refused(node: Rig) -> None:
    invite = await node.invite()
    with refused(Code.AUTH_REQUIRED):
        await Person(node, "alice", node.visit()).begin_registration(invite[:-1] + bytes([invite[-1] ^ 1]))


async def test_an_invite_expires(node: Rig) -> None:
    invite = await node.invite(seconds=60.0)
    early = Person(node, "alice", node.visit())
    begun = await early.begin_registration(invite)
    node.clock.advance(61.0)
    with refused(Code.AUTH_REQUIRED):
        await Person(node, "bob", node.visit()).begin_registration(invite)
    with refused(Code.AUTH_REQUIRED):
        await early.finish_registration(*begun)


# -- names --------------------------------------------------------------------------------------------------------------------------


async def test_a_taken_name_is_refused_at_once_and_at_the_end(node: Rig) -> None:
    invite = await node.invite(uses=None)
    first, second = (Person(node, "alice", node.visit()) for _ in range(2))
    begun = await second.begin_registration(invite)
    await first.register(invite)
    with refused(Code.USERNAME_TAKEN):
        await Person(node, "ALICE", node.visit()).begin_registration(invite)
    with refused(Code.USERNAME_TAKEN):
        await second.finish_registration(*begun)
    assert await first.log_in() == SEALED, "the first one's password must still be good"


async def test_an_impossible_name_is_refused(node: Rig) -> None:
    visit = node.visit()
    with refused(Code.USERNAME_INVALID):
        await Person(node, "a b", visit).begin_registration(await node.invite())
    with refused(Code.USERNAME_INVALID):
        await visit.call(visit.node, wire.NODE.login, wire.NodeLoginParams("x", bytes(96)))


# -- proofs -------------------------------------------------------------------------------------------------------------------------


async def test_who_cannot_show_their_keys_is_refused(node: Rig) -> None:
    """Each part of the enrolment counts: a proof by another key, a certificate of another account or key."""
    mallory = Person(node, "alice", node.visit())
    stranger, machine = Identity.generate(), Device.generate()
    others = wire.enrolment_statement(PIN, bytes(32), "alice", mallory.identity.public_key, mallory.key)
    changes = {
        "identity_proof": mallory.identity.sign(wire.CONTEXT_ENROL_IDENTITY, others),
        "device_proof": mallory.device.sign(wire.CONTEXT_ENROL_DEVICE, others),
        "identity_key": stranger.public_key,
        "certificate": mallory.identity.certify("bob", mallory.key, 1),
    }
    for name, value in changes.items():
        begun = await mallory.begin_registration(await node.invite())
        with refused(Code.IDENTITY_MISMATCH):
            await mallory.finish_registration(*begun, **{name: value})
    begun = await mallory.begin_registration(await node.invite())
    with refused(Code.IDENTITY_MISMATCH):
        other_device = mallory.identity.certify("alice", machine.public_key, 1)
        await mallory.finish_registration(*begun, certificate=other_device)
    await mallory.register(await node.invite())


async def test_a_proof_is_not_good_twice(node: Rig) -> None:
    alice = Person(node, "alice", node.visit())
    begun, record = await alice.begin_registration(await node.invite())
    await alice.finish_registration(begun, record)
    with refused(Code.SESSION_EXPIRED):
        await alice.finish_registration(begun, record)


async def test_another_account_cannot_take_somebodys_keys(node: Rig) -> None:
    alice = await node.person("alice")
    mallory = Person(node, "mallory", node.visit(), identity=alice.identity)
    with refused(Code.IDENTITY_MISMATCH):
        await mallory.register(await node.invite())
    mallory = Person(node, "mallory", node.visit(), device=alice.device)
    with refused(Code.IDENTITY_MISMATCH):
        await mallory.register(await node.invite())


async def test_a_sealed_identity_is_bounded(node: Rig) -> None:
    alice = Person(node, "alice", node.visit())
    begun, record = await alice.begin_registration(await node.invite())
    with refused(Code.TOO_LARGE):
        await alice.visit.call(
            remote(begun.registration),
            wire.REGISTRATION.finish,
            wire.RegistrationFinishParams(record, alice.enrolment(begun.challenge), bytes(4097)),
        )


# -- passwords ----------------------------------------------------------------------------------------------------------------------


async def test_a_password_brings_back_the_identity_and_binds_a_second_device(node: Rig) -> None:
    alice = await node.person("alice")
    laptop = Person(node, "alice", node.visit(), identity=alice.identity)
    assert await laptop.log_in() == SEALED
    found = await alice.ask(wire.SESSION.resolve, wire.SessionResolveParams("alice"))
    assert [one.device for one in found.devices] == [alice.key, laptop.key]


async def test_the_right_password_does_not_bind_another_identity(node: Rig) -> None:
    await node.person("alice")
    mallory = Person(node, "alice", node.visit())
    with refused(Code.IDENTITY_MISMATCH):
        await mallory.log_in()


async def test_a_wrong_password_opens_nothing(node: Rig) -> None:
    alice = await node.person("alice")
    with pytest.raises(NotAuthentic):  # OPAQUE: the client itself can tell
        await alice.log_in(b"guess")


async def test_an_unknown_name_looks_like_a_wrong_password(node: Rig) -> None:
    """Same size, same behaviour at the client, same code at the end; and the same answer shape when asked again."""
    await node.person("alice")
    visit = node.visit()
    said = {}
    for name in ("alice", "nobody"):
        opaque = OpaqueClientLogin(b"guess")
        begun = await visit.call(visit.node, wire.NODE.login, wire.NodeLoginParams(name, opaque.request))
        with pytest.raises(NotAuthentic):
            opaque.finish(begun.response, name, wire.OPAQUE_SERVER, CHEAP)
        with refused(Code.LOGIN_FAILED) as failure:
            await visit.call(remote(begun.login), wire.LOGIN.finish, wire.LoginFinishParams(bytes(64)))
        said[name] = (len(begun.response), str(failure.value))
    assert said["alice"] == said["nobody"]


async def test_a_login_is_good_once(node: Rig) -> None:
    alice = await node.person("alice")
    opaque = OpaqueClientLogin(PASSWORD)
    begun = await alice.visit.call(
        alice.visit.node, wire.NODE.login, wire.NodeLoginParams("alice", opaque.request)
    )
    ke3, _, _ = opaque.finish(begun.response, "alice", wire.OPAQUE_SERVER, CHEAP)
    await alice.visit.call(remote(begun.login), wire.LOGIN.finish, wire.LoginFinishParams(ke3))
    with refused(Code.SESSION_EXPIRED):
        await alice.visit.call(remote(begun.login), wire.LOGIN.finish, wire.LoginFinishParams(ke3))


# -- bounds -------------------------------------------------------------------------------------------------------------------------


async def test_begun_logins_are_bounded_and_come_free(node: Rig) -> None:
    await node.person("alice")
    request = OpaqueClientLogin(b"guess").request
    params = wire.NodeLoginParams("alice", request)
    visit = node.visit("198.51.100.7")
    begun = [await visit.call(visit.node, wire.NODE.login, params) for _ in range(8)]
    with refused(Code.TOO_MANY_LOGINS) as refusal:
        await visit.call(visit.node, wire.NODE.login, params)
    assert refusal.value.retry_after == 300
    other = node.visit("198.51.100.8")
    await other.call(other.node, wire.NODE.login, params)

    remote(begun[0].login).release()
    await visit.call(visit.node, wire.NODE.login, params)  # giving one back makes room
    await visit.close()
    again = node.visit("198.51.100.7")
    begun = [
        await again.call(again.node, wire.NODE.login, params) for _ in range(8)
    ]  # and so does going away
    node.clock.advance(300.0)
    await again.call(again.node, wire.NODE.login, params)  # and time
    with refused(Code.SESSION_EXPIRED):
        await again.call(remote(begun[0].login), wire.LOGIN.finish, wire.LoginFinishParams(bytes(64)))


@pytest.mark.parametrize("limits", [replace(Limits(), pending_logins=3)])
async def test_logins_that_are_never_finished_keep_nobody_out(node: Rig) -> None:
    alice = await node.person("alice")
    params = wire.NodeLoginParams("alice", OpaqueClientLogin(b"guess").request)
    first = node.visit("198.51.100.100")
    begun = await first.call(first.node, wire.NODE.login, params)
    for number in range(3):
        visit = node.visit(f"198.51.100.{number}")
        await visit.call(visit.node, wire.NODE.login, params)
    with refused(Code.SESSION_EXPIRED):
        await first.call(remote(begun.login), wire.LOGIN.finish, wire.LoginFinishParams(bytes(64)))
    await alice.log_in()


async def test_a_registration_that_takes_too_long_is_over(node: Rig) -> None:
    alice = Person(node, "alice", node.visit())
    begun = await alice.begin_registration(await node.invite())
    node.clock.advance(300.0)
    with refused(Code.SESSION_EXPIRED):
        await alice.finish_registration(*begun)


async def test_garbage_is_refused_and_holds_no_place(node: Rig) -> None:
    visit = node.visit()
    invite = await node.invite(uses=None)
    for garbage in (b"", bytes(32), b"\xff" * 32, bytes(1000)):
        with refused(Code.BAD_REQUEST):
            await visit.call(
                visit.node, wire.NODE.register, wire.NodeRegisterParams("alice", garbage, invite)
            )
        with refused(Code.BAD_REQUEST):
            await visit.call(visit.node, wire.NODE.login, wire.NodeLoginParams("alice", garbage))
    assert len(node.services.pending) == 0
    request = OpaqueClientRegistration(PASSWORD).request
    for record in (b"", bytes(191), bytes(193)):
        begun = await visit.call(
            visit.node, wire.NODE.register, wire.NodeRegisterParams("alice", request, invite)
        )
        enrolment = wire.Enrolment(b"", b"", b"", b"")
        with refused(Code.BAD_REQUEST):
            await visit.call(
                remote(begun.registration),
                wire.REGISTRATION.finish,
                wire.RegistrationFinishParams(record, enrolment, b""),
            )
