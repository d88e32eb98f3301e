"""What strangers, members and one's own backups can do to a client: it goes on, and nobody's word counts for more than
it proves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from qnpc import _core
from qnpc.client import Client
from qnpc.client.account import inbox_context
from qnpc.client.capabilities import remote
from qnpc.content import Content, Invitation, Text, encode_content, encode_note
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Ports, SystemClock
from qnpc.wire import (
    GROUP,
    SESSION,
    GroupSendParams,
    SessionEnqueueParams,
    SessionFetchHybridKeyParams,
    SessionGroupParams,
    SessionResolveParams,
)
from tests.client.test_group_life import WITHIN, agree, befriend, joined, texts
from tests.support.world import World, world


async def slip(
    stranger: Client,
    victim: str,
    note: Invitation,
    entry: bytes,
    certificate: bytes | None = None,
) -> None:
    """Puts a sealed note into somebody's inbox, as anybody with an account can."""
    online = await stranger.online(WITHIN)
    peer, session = online.peer, online.session
    device = (await peer.call(session, SESSION.resolve, SessionResolveParams(victim))).devices[0].device
    hybrid = await peer.call(session, SESSION.fetch_hybrid_key, SessionFetchHybridKeyParams(device))
    keys = stranger.account.keys
    envelope = _core.seal_envelope(
        hybrid.key, keys.device, certificate or keys.certificate, inbox_context(device), encode_note(note)
    )
    await peer.call(session, SESSION.enqueue, SessionEnqueueParams(device, envelope, entry))


def party(**changes: object) -> Invitation:
    return replace(Invitation(b"g" * 16, "party", _core.SUITE_HYBRID, 1, b"w"), **changes)  # type: ignore[arg-type]


async def invitations(client: Client, count: int) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            change = client.state.change
            if len(await client.invitations()) >= count:
                return
            await change.wait()


async def state_of(client: Client, wanted: str) -> None:
    """Waits until the group `friends` is in that state."""
    async with asyncio.timeout(WITHIN):
        while True:
            change = client.state.change
            row = await client.read(lambda tx: tx.group_named("friends"))
            if row is not None and row.state == wanted:
                return
            await change.wait()


@pytest.mark.parametrize("claimed", ["bob", "alice"])
async def test_a_strangers_own_certificate_changes_nothing_about_anybody(there: World, claimed: str) -> None:
    groups = await befriend(there, "alice", "bob")
    (mallory,) = await there.people("mallory")
    forged = _core.Identity.generate().certify(claimed, mallory.account.device, 1)
    await slip(mallory, "alice", party(), b"1" * 16, forged)
    await slip(mallory, "alice", party(name="real"), b"2" * 16)
    await invitations(there.clients["alice"], 1)
    await (await groups["alice"].send("hello")).accepted(WITHIN)
    assert await texts(there.clients["bob"], 1) == [("alice", "hello")]
    with pytest.raises(Error):
        await there.clients["alice"].join("party")


@pytest.mark.parametrize(
    "note",
    [
        party(epoch=2**63),
        party(group=b"short"),
        party(name="two\nlines"),
        party(name=""),
        party(name="x" * 5000),
        party(welcome=bytes(DEFAULT.welcome + 1)),
    ],
    ids=["epoch", "group", "name", "empty", "long", "welcome"],
)
async def test_an_absurd_invitation_is_dropped_and_stops_nothing(there: World, note: Invitation) -> None:
    alice, mallory = await there.people("alice", "mallory")
    await slip(mallory, "alice", note, b"1" * 16)
    await slip(mallory, "alice", party(name="after"), b"2" * 16)
    await invitations(alice, 1)
    assert [row.name for row in await alice.invitations()] == ["after"]


async def test_an_absurd_counter_of_a_member_is_unreadable_and_stops_nothing(there: World) -> None:
    groups = await befriend(there, "alice", "bob", "carol")
    await agree(there, "alice", "bob", "carol")
    bob, group, id_ = there.clients["bob"], bytes.fromhex(groups["bob"].id), b"m" * 16
    content = encode_content(Content(2**64 - 1, 0, Text("boo")))
    epoch, sealed = await bob.read(
        lambda tx: (tx.mls_group(group).epoch, tx.mls_group(group).encrypt(content, id_))
    )
    online = await bob.online()
    handle = await online.peer.call(online.session, SESSION.group, SessionGroupParams(group))
    await online.peer.call(remote(handle.group), GROUP.send, GroupSendParams(epoch, sealed, id_))
    await (await groups["carol"].send("do you hear me")).accepted(WITHIN)
    assert await texts(there.clients["alice"], 1) == [("carol", "do you hear me")]


async def test_a_false_invitation_does_not_replace_the_real_one(there: World) -> None:
    alice, bob, mallory = await there.people("alice", "bob", "mallory")
    group = await alice.create_group("friends")
    await (await group.invite("mallory")).accepted(WITHIN)
    await (await group.invite("bob")).accepted(WITHIN)
    await slip(mallory, "bob", party(group=bytes.fromhex(group.id), name="friends", epoch=99), b"1" * 16)
    await invitations(bob, 2)
    await bob.join("friends")
    await (await group.send("welcome")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "welcome")]


async def test_what_is_said_between_a_second_invitation_and_the_join_is_there(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    bob = there.clients["bob"]
    await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await state_of(bob, "removed")
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    await (await groups["alice"].send("between")).accepted(WITHIN)
    await (await groups["alice"].update()).accepted(WITHIN)
    again = await joined(bob)
    await (await groups["alice"].send("welcome back")).accepted(WITHIN)
    assert await texts(bob, 2) == [("alice", "between"), ("alice", "welcome back")]
    await (await again.send("thanks")).accepted(WITHIN)
    assert await texts(there.clients["alice"], 1) == [("bob", "thanks")]


async def test_one_who_was_removed_and_invited_again_while_away_comes_back(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    await there.close("bob")
    await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await (await groups["alice"].send("not for bob")).accepted(WITHIN)
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    bob = await there.open("bob")
    await bob.caught_up(WITHIN)
    with pytest.raises(Error) as caught:
        await (await bob.group("friends")).send("as if nothing had happened")
    assert caught.value.kind is Code.GROUP_LAPSED
    await joined(bob)
    await (await groups["alice"].send("hi again")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "hi again")]


async def test_a_profile_from_a_backup_does_not_use_its_keys_again(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    await agree(there, "alice", "bob")
    bob = await there.back_up("bob")
    await (await (await bob.group("friends")).send("first")).accepted(WITHIN)
    await bob.caught_up(WITHIN)
    await (await groups["alice"].send("answer")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "answer")]
    await there.put_back("bob")
    bob = await there.open("bob")
    await bob.online(WITHIN)
    await state_of(bob, "lapsed")
    with pytest.raises(Error) as caught:
        await (await bob.group("friends")).send("second")
    assert caught.value.kind is Code.GROUP_LAPSED
    await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    again = await joined(bob)
    await (await again.send("second")).accepted(WITHIN)
    assert await texts(there.clients["alice"], 2) == [("bob", "first"), ("bob", "second")]


class Ahead(SystemClock):
    """Wall time that can be put forward; deadlines and timers go on as they are."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


async def test_a_session_that_runs_out_while_connected_is_renewed(tmp_path: Path) -> None:
    clock = Ahead()
    ports = Ports(clock=clock)
    try:
        async with world(tmp_path, ports) as there:
            groups = await befriend(there, "alice", "bob")
            for n in range(3):
                clock.ahead += DEFAULT.token_ttl + 1
                await (await groups["alice"].send(f"{n}")).accepted(WITHIN)
            assert await texts(there.clients["bob"], 3) == [("alice", f"{n}") for n in range(3)]
    finally:
        ports.close()


async def test_a_stranded_group_does_not_disturb_the_others(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    alice, bob = there.clients["alice"], there.clients["bob"]
    other = await alice.create_group("other")
    await (await other.invite("bob")).accepted(WITHIN)
    await invitations(bob, 1)
    await bob.join("other")
    await agree(there, "alice", "bob")
    group = bytes.fromhex(groups["bob"].id)
    await bob.state.run(lambda tx: tx.set_cursor(group, *_skipping(tx.cursor(group))))
    await (await groups["alice"].update()).accepted(WITHIN)  # the entry that bob's cursor passes over
    await (await groups["alice"].send("of an epoch that bob never saw")).accepted(WITHIN)
    await state_of(bob, "lapsed")
    await (await other.send("here all is well")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "here all is well")]


def _skipping(cursor: tuple[int, int] | None) -> tuple[int, int]:
    assert cursor is not None
    return cursor[0], cursor[1] + 1
