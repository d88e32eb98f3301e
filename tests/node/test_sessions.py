"""Sessions: a token opens one for a day, a device's key opens a new one, and nothing else does."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qnpc import wire
from qnpc._core import Device
from qnpc.errors import Code
from qnpc.node.upkeep import once
from tests.node.rig import PIN, Person, Rig, Sink, refused, remote
from tests.support.links import turns


async def test_a_token_opens_a_session_on_another_connection(node: Rig) -> None:
    alice = await node.person("alice")
    await alice.visit.close()
    await alice.resume(node.visit())
    assert await alice.enqueue(alice, b"hi") == 1


async def test_a_token_that_is_not_known_says_no_more_than_that(node: Rig) -> None:
    alice = await node.person("alice")
    token = alice.token
    for shown in (b"", bytes(48), token[:-1], token[:16] + bytes(32), bytes(16) + token[16:], token + b"x"):
        alice.token = shown
        with refused(Code.SESSION_EXPIRED):
            await alice.resume()


@pytest.mark.parametrize("reaped", [True, False])
async def test_a_session_ends_with_its_token_and_the_device_renews_it(node: Rig, reaped: bool) -> None:
    """Each call is held against the store, whatever timers do; and it is the connection's last."""
    alice = await node.person("alice")
    asks: list[Callable[[], Awaitable[object]]] = [
        lambda: alice.enqueue(alice, b"hi"),  # a write
        lambda: alice.fetch(alice.key),  # a read
        lambda: alice.subscribe(Sink()),
    ]
    opened = []
    for _ in asks:
        await alice.resume(node.visit())
        opened.append((alice.visit, alice.session))
    node.clock.jump(24 * 3600.0)
    if reaped:
        await once(node.services.writer, node.clock, node.limits)
    for ask, (alice.visit, alice.session) in zip(asks, opened, strict=True):
        with refused(Code.SESSION_EXPIRED):
            await ask()
        assert "E005" in str(await alice.visit.peer.wait_closed())
    with refused(Code.SESSION_EXPIRED):
        await alice.resume(node.visit())
    old = alice.token
    await alice.renew()
    assert alice.token != old
    assert await alice.enqueue(alice, b"hi") == 1


async def test_a_connection_ends_with_the_last_of_its_sessions(node: Rig) -> None:
    """What logging in brought, to be served before strangers and to send much at once, goes with it."""
    alice = await node.person("alice")
    node.clock.advance(3600.0)
    await alice.renew()
    node.clock.advance(23 * 3600.0)
    await turns()
    assert not alice.visit.is_over, "there is another session on it"
    assert await alice.enqueue(alice, b"hi") == 1
    node.clock.advance(3600.0)
    assert "E005" in str(await alice.visit.peer.wait_closed())

    await alice.renew()
    await alice.ask(wire.SESSION.logout, wire.Empty())
    assert await alice.visit.peer.wait_closed() is None


async def test_a_revoked_devices_connection_ends_when_that_is_noticed(node: Rig, tmp_path: Path) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    with contextlib.closing(sqlite3.connect(tmp_path / "node.db")) as database, database:
        database.execute("UPDATE device SET revoked = 1 WHERE key = ?", (alice.key,))
    with refused(Code.DEVICE_REVOKED):
        await alice.fetch(alice.key)
    assert "E022" in str(await alice.visit.peer.wait_closed())
    assert await bob.enqueue(bob, b"hi") == 1


async def test_only_the_devices_own_key_renews(node: Rig) -> None:
    """A wrong signer, and a right one that nobody registered, get the same answer."""
    alice = await node.person("alice")
    with refused(Code.LOGIN_FAILED) as wrong:
        await alice.renew(signer=Device.generate())
    stranger = Person(node, "nobody", node.visit())
    with refused(Code.LOGIN_FAILED) as unknown:
        await stranger.renew()
    assert str(wrong.value) == str(unknown.value)


async def test_a_signature_is_good_for_its_challenge_alone(node: Rig) -> None:
    alice = await node.person("alice")
    visit = alice.visit
    ask = wire.NodeChallengeParams(alice.key)
    first = await visit.call(visit.node, wire.NODE.challenge, ask)
    second = await visit.call(visit.node, wire.NODE.challenge, ask)
    assert first.nonce != second.nonce
    statement = wire.challenge_statement(PIN, first.nonce, alice.key)
    proof = wire.ProofFinishParams(alice.device.sign(wire.CONTEXT_CHALLENGE, statement))
    with refused(Code.LOGIN_FAILED):
        await visit.call(remote(second.proof), wire.PROOF.finish, proof)
    await visit.call(remote(first.proof), wire.PROOF.finish, proof)
    with refused(Code.SESSION_EXPIRED):
        await visit.call(remote(first.proof), wire.PROOF.finish, proof)


async def test_a_challenge_does_not_last(node: Rig) -> None:
    alice = await node.person("alice")
    visit = alice.visit
    asked = await visit.call(visit.node, wire.NODE.challenge, wire.NodeChallengeParams(alice.key))
    node.clock.advance(300.0)
    statement = wire.challenge_statement(PIN, asked.nonce, alice.key)
    proof = wire.ProofFinishParams(alice.device.sign(wire.CONTEXT_CHALLENGE, statement))
    with refused(Code.SESSION_EXPIRED):
        await visit.call(remote(asked.proof), wire.PROOF.finish, proof)


@pytest.mark.parametrize("device", [b"", bytes(31), bytes(33)])
async def test_what_is_no_device_gets_no_challenge(node: Rig, device: bytes) -> None:
    visit = node.visit()
    with refused(Code.BAD_REQUEST):
        await visit.call(visit.node, wire.NODE.challenge, wire.NodeChallengeParams(device))


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65)])
@pytest.mark.parametrize("device", [bytes(32), b"\xff" * 32])
async def test_keys_and_signatures_that_are_none_are_refused(
    node: Rig, device: bytes, signature: bytes
) -> None:
    visit = node.visit()
    asked = await visit.call(visit.node, wire.NODE.challenge, wire.NodeChallengeParams(device))
    with refused(Code.LOGIN_FAILED):
        await visit.call(remote(asked.proof), wire.PROOF.finish, wire.ProofFinishParams(signature))


async def test_logging_out_ends_this_session_and_no_other(node: Rig) -> None:
    alice = await node.person("alice")
    first, first_token = alice.session, alice.token
    await alice.renew()
    sink = Sink()
    await alice.subscribe(sink)
    await alice.visit.call(first, wire.SESSION.logout, wire.Empty())
    with refused(Code.SESSION_EXPIRED):
        await alice.visit.call(first, wire.SESSION.groups, wire.Empty())
    await alice.enqueue(alice, b"still here")
    await sink.has_upto(alice.key, 1)

    await alice.ask(wire.SESSION.logout, wire.Empty())
    alice.token = first_token
    with refused(Code.SESSION_EXPIRED):
        await alice.resume(node.visit())


async def test_after_logging_out_nothing_more_is_pushed(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    heard, mine = Sink(), Sink()
    await alice.subscribe(heard)
    await bob.subscribe(mine)
    await alice.ask(wire.SESSION.logout, wire.Empty())
    await bob.enqueue(alice, b"are you there?")
    await bob.enqueue(bob, b"note")
    await mine.has_upto(bob.key, 1)
    assert heard.entries == []


async def test_a_connection_that_only_listens_learns_that_its_session_expired(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    sink = Sink()
    await alice.subscribe(sink)
    node.clock.jump(24 * 3600.0)
    await bob.renew()
    await bob.enqueue(alice, b"good morning")
    ended = await alice.visit.peer.wait_closed()
    assert "E005" in str(ended)
    assert sink.entries == []
    alice.visit = node.visit()
    await alice.renew()
    await alice.subscribe(sink)
    await sink.has_upto(alice.key, 1)


async def test_large_messages_are_for_those_who_logged_in(node: Rig) -> None:
    alice = await node.person("alice")
    assert await alice.enqueue(alice, bytes(1024 * 1024)) == 1
    stranger = node.visit()
    stranger.peer.authenticated()  # as far as the stranger is concerned
    with refused(Code.UNREACHABLE):
        await stranger.call(stranger.node, wire.NODE.login, wire.NodeLoginParams("alice", bytes(100_000)))
