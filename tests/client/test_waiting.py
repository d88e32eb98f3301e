"""What has to wait, waits no longer than it must, for the right thing, and without burdening anybody meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qnpc import _core, transport
from qnpc.client import Client, Sent, sealing
from qnpc.client.candidates import Candidates
from qnpc.client.capabilities import Online
from qnpc.client.sealing import Candidate
from qnpc.client.state import IntentRow, Transaction
from qnpc.client.sync import Sync
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.node import delivery
from qnpc.node import groups as node_groups
from qnpc.node.services import Services
from qnpc.node.store.contract import Append, Appended
from qnpc.ports import Address, Datagrams, Ports, SystemClock, Udp, UdpDatagrams
from qnpc.rpc import Call, LocalProtocolError
from qnpc.rpc.codec import StructCodec
from qnpc.rpc.payload import Received
from qnpc.wire import (
    SESSION,
    Entry,
    GroupCommitResults,
    SessionFetchKeyPackagesParams,
    SessionKeyPackageCountParams,
)
from tests.client.test_adversity import state_of
from tests.client.test_group_life import WITHIN, agree, befriend, joined, texts
from tests.support.world import World, world


async def key_packages_left(client: Client, suite: int = _core.SUITE_HYBRID) -> int:
    online = await client.online(WITHIN)
    params = SessionKeyPackageCountParams(suite)
    return (await online.peer.call(online.session, SESSION.key_package_count, params)).count


async def test_a_removal_passes_a_text_that_waits_for_the_room_it_makes(tmp_path: Path, ports: Ports) -> None:
    async with world(tmp_path, ports, replace(DEFAULT, channel_depth=10)) as there:
        groups = await befriend(there, "alice", "bob", "carol")
        await agree(there, "alice", "bob", "carol")
        await there.close("carol")  # for good
        sent: list[Sent] = []
        full = False
        while not full:
            sent.append(await groups["alice"].send(f"{len(sent)}"))
            try:
                await sent[-1].accepted(1.0)
            except TimeoutError:
                full = True
        await (await groups["alice"].remove("carol")).accepted(WITHIN)
        await sent[-1].accepted(WITHIN)
        assert len(await texts(there.clients["bob"], len(sent))) == len(sent)


@pytest.mark.parametrize("suite", _core.SUITES)
async def test_a_node_with_one_suite_can_be_used(tmp_path: Path, ports: Ports, suite: int) -> None:
    async with world(tmp_path, ports, suites=(suite,)) as there:
        groups = await befriend(there, "alice", "bob", suite=suite)
        await (await groups["alice"].send("hello")).accepted(WITHIN)
        assert await texts(there.clients["bob"], 1) == [("alice", "hello")]


async def test_who_is_registered_is_registered_though_upkeep_fails(tmp_path: Path, ports: Ports) -> None:
    async with world(tmp_path, ports, replace(DEFAULT, key_packages_per_device=1)) as there:
        (alice,) = await there.people("alice")
        assert await key_packages_left(alice) == 0
        assert (await alice.create_group("friends")).name == "friends"


class Hurried(SystemClock):
    """Whoever sleeps for an hour sleeps until `strike`."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._struck = asyncio.Event()

    def strike(self, seconds: float) -> None:
        self.ahead += seconds
        self._struck.set()

    def now(self) -> float:
        return super().now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await (self._struck.wait() if seconds > 600 else super().sleep(seconds))
        self._struck.clear()


async def test_key_packages_are_renewed_while_a_session_lasts(tmp_path: Path, ports: Ports) -> None:
    clock = Hurried()
    hers = Ports(clock=clock)
    try:
        async with world(tmp_path, ports, replace(DEFAULT, key_packages_target=4)) as there:
            (alice,) = await there.people("alice")
            await there.register("bob")
            async with there.opened("bob", hers) as bob:
                session = await bob.online(WITHIN)
                online = await alice.online(WITHIN)
                params = SessionFetchKeyPackagesParams("bob", _core.SUITE_HYBRID)
                for _ in range(3):
                    await online.peer.call(online.session, SESSION.fetch_key_packages, params)
                assert await key_packages_left(bob) == 1
                clock.strike(2 * DEFAULT.upkeep_interval)
                async with asyncio.timeout(WITHIN):
                    while await key_packages_left(bob) < 4:
                        pass
                assert await bob.online() is session
    finally:
        hers.close()


class Impatient(SystemClock):
    """Nobody sleeps; for how long they would have is noted."""

    def __init__(self) -> None:
        self.slept: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        if seconds > 600:
            await asyncio.Event().wait()
        self.slept.put_nowait(seconds)
        loop = asyncio.get_running_loop()
        passed = loop.create_future()
        loop.call_soon(passed.set_result, None)
        await passed


async def test_a_client_that_cannot_store_what_comes_leaves_its_node_in_peace(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = await befriend(there, "alice", "bob")
    await agree(there, "alice", "bob")
    await there.close("bob")
    clock = Impatient()
    his = Ports(clock=clock)

    deliver = Sync.deliver

    async def full(self: Sync, entries: Sequence[Entry]) -> None:
        if self._account.username == "bob":
            raise Error(Code.STORE_UNAVAILABLE, "database or disk is full")
        await deliver(self, entries)

    await (await groups["alice"].send("hello")).accepted(WITHIN)
    try:
        monkeypatch.setattr(Sync, "deliver", full)
        async with there.opened("bob", his) as bob:
            async with asyncio.timeout(WITHIN):
                pauses = [await clock.slept.get() for _ in range(6)]
            assert pauses[-1] > 2.0
            monkeypatch.undo()
            await bob.caught_up(WITHIN)
            assert await texts(bob, 1) == [("alice", "hello")]
    finally:
        his.close()


class Far(UdpDatagrams):
    """Everything that is sent arrives 0.6 s later."""

    def send(self, datagrams: list[bytes], address: Address) -> None:
        self._loop.call_later(0.6, self._send, list(datagrams), address)

    def _send(self, datagrams: list[bytes], address: Address) -> None:
        if self._sock.fileno() >= 0:
            super().send(datagrams, address)


class FarAway(Udp):
    def _open(self, family: int, address: Address) -> Datagrams:
        near = super()._open(family, address)
        assert isinstance(near, UdpDatagrams)
        return Far(near._sock)


async def test_many_are_invited_over_a_long_path(tmp_path: Path, ports: Ports) -> None:
    """One after the other they would take longer than any call may."""
    hers = Ports(datagrams=FarAway())
    try:
        async with world(tmp_path, ports) as there:
            names = [f"user{n}" for n in range(6)]
            users = await there.people(*names)
            before = await key_packages_left(users[0])
            await there.register("alice")
            # Hers alone: what others did, they did in their time.
            there.limits = replace(DEFAULT, call_timeout=5.0)
            async with there.opened("alice", hers) as alice:
                group = await alice.create_group("friends")
                await (await group.invite(*names)).accepted(WITHIN)
            assert await key_packages_left(users[0]) == before - 1
            for user in users:
                await joined(user)
    finally:
        hers.close()


async def test_what_was_fetched_to_invite_people_serves_the_retry_too(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, carol = await there.people("alice", "bob", "carol")
    group = await alice.create_group("friends")
    before = await key_packages_left(bob)
    fetch, late = Candidates._devices, ["carol", "carol"]

    async def devices(self: Candidates, online: Online, username: str, suite: int) -> list[Candidate]:
        if username in late:
            late.remove(username)
            raise TimeoutError
        return await fetch(self, online, username, suite)

    monkeypatch.setattr(Candidates, "_devices", devices)
    await (await group.invite("bob", "carol")).accepted(WITHIN)
    assert not late
    assert await key_packages_left(bob) == before - 1
    for client in (bob, carol):
        await joined(client)


async def test_an_accepted_text_is_not_told_as_failed_by_a_removal(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is lost, then the sender is removed, and hears of both only after a while."""
    async with world(tmp_path, ports) as there:
        groups = await befriend(there, "alice", "bob")
        await agree(there, "alice", "bob")
        await there.close("bob")
        there.limits = replace(DEFAULT, call_timeout=3.0)
        bob, gate = await there.open("bob"), asyncio.Event()
        group = await bob.group("friends")
        # So he holds the group at the node: no further answer is needed to send.
        await (await group.update()).accepted(WITHIN)
        await agree(there, "alice", "bob")
        deliver: Callable[[Sync, Sequence[Entry]], Awaitable[None]] = Sync.deliver

        async def held(self: Sync, entries: Sequence[Entry]) -> None:
            if self._account.username == "bob":
                await gate.wait()
            await deliver(self, entries)

        monkeypatch.setattr(Sync, "deliver", held)
        with monkeypatch.context() as lost:
            lost.setattr(Call, "returned", lambda self, outcome: None)
            sent = await group.send("once")
            assert await texts(there.clients["alice"], 1) == [("bob", "once")]
        await (await groups["alice"].remove("bob")).accepted(WITHIN)
        online = await bob.online(WITHIN)
        online.peer.close()
        waiter = asyncio.ensure_future(sent.accepted(WITHIN))
        await asyncio.wait([waiter], timeout=6.0)
        gate.set()
        assert await waiter is not None
        await state_of(bob, "removed")


async def test_nothing_that_a_connection_ends_with_stops_a_running_client(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its key is known, a node's refusals may be anybody's."""
    (alice,) = await there.people("alice")
    first = await alice.online(WITHIN)
    failures: list[Exception] = [
        Error(Code.UNSUPPORTED_VERSION),
        Error(Code.DEVICE_REVOKED),
        LocalProtocolError("a bug of ours"),
    ]
    real = transport.connect

    async def connect(*args: object, **named: object) -> transport.Connection:
        if failures:
            raise failures.pop()
        return await real(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(transport, "connect", connect)
    first.peer.close()
    async with asyncio.timeout(WITHIN):
        while failures or await alice.online(WITHIN) is first:
            await alice.read(lambda tx: None)


async def test_any_number_of_groups_fits_into_one_session(tmp_path: Path, ports: Ports) -> None:
    async with world(tmp_path, ports, replace(DEFAULT, exports=24)) as there:
        alice, bob = await there.people("alice", "bob")
        before = [await client.online(WITHIN) for client in (alice, bob)]
        for n in range(30):
            group = await alice.create_group(f"group {n}", _core.SUITE_CLASSICAL)
            await (await group.invite("bob")).accepted(WITHIN)
            await bob.caught_up(WITHIN)
            await _invited(bob)
            await (await (await bob.join(group.id)).send("here")).accepted(WITHIN)
        assert [await client.online(WITHIN) for client in (alice, bob)] == before


async def _invited(client: Client) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            change = client.state.change
            if await client.invitations():
                return
            await change.wait()


async def test_a_commit_under_another_id_is_shown_all_the_same(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node says that it has the id of an earlier message."""
    groups = await befriend(there, "alice", "bob")
    await agree(there, "alice", "bob")
    await there.register("carol")
    sent = await groups["alice"].send("hello")
    await sent.accepted(WITHIN)
    bob, group = there.clients["bob"], bytes.fromhex(groups["bob"].id)
    assert await texts(bob, 1) == [("alice", "hello")]
    deliver = Sync.deliver

    async def relabelled(self: Sync, entries: Sequence[Entry]) -> None:
        if self._account.username == "bob":
            old = bytes.fromhex(sent.id.removeprefix("m_"))
            entries = [replace(entry, id=old) if entry.channel == group else entry for entry in entries]
        await deliver(self, entries)

    monkeypatch.setattr(Sync, "deliver", relabelled)
    await (await groups["alice"].invite("carol")).accepted(WITHIN)
    async with asyncio.timeout(WITHIN):
        while True:
            change = bob.state.change
            rows = await bob.read(lambda tx: tx.last_history(group, 100))
            if any("carol" in row.body for row in rows):
                break
            await change.wait()


async def test_an_answer_that_cannot_be_read_refuses_nothing(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = await befriend(there, "alice", "bob")
    await agree(there, "alice", "bob")
    read, damaged = Received.read, [GroupCommitResults]

    def reading(self: Received, codec: StructCodec[Any]) -> Any:
        if codec.cls in damaged:
            damaged.clear()
            raise Error(Code.BAD_REQUEST, "a value in the message is malformed")
        return read(self, codec)

    deliver, gate = Sync.deliver, asyncio.Event()

    async def held(self: Sync, entries: Sequence[Entry]) -> None:  # or her own entry may tell first
        await gate.wait()
        await deliver(self, entries)

    monkeypatch.setattr(Received, "read", reading)
    monkeypatch.setattr(Sync, "deliver", held)
    await (await groups["alice"].update()).accepted(WITHIN)
    assert not damaged
    gate.set()
    await agree(there, "alice", "bob")


async def test_a_node_cannot_make_a_client_wait_for_years(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await befriend(there, "alice", "bob")
    await there.close("alice")
    hers = Ports(clock=Impatient())
    append, refusals = delivery.append, [Error(Code.RATE_LIMITED, retry_after=10**8)]

    async def refusing(services: Services, item: Append) -> Appended:
        if refusals:
            raise refusals.pop()
        return await append(services, item)

    monkeypatch.setattr(node_groups, "append", refusing)
    try:
        async with there.opened("alice", hers) as alice:
            await (await (await alice.group("friends")).send("at last")).accepted(WITHIN)
            assert not refusals
    finally:
        hers.close()


async def test_a_bug_in_one_try_leaves_no_intent_behind(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alice,) = await there.people("alice")
    group = await alice.create_group("friends")
    seal, bugs = sealing.seal, [LocalProtocolError("a bug of ours")]

    def sealed(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate] = ()) -> None:
        if bugs:
            raise bugs.pop()
        seal(tx, intent, candidates)

    monkeypatch.setattr(sealing, "seal", sealed)
    await (await group.update()).accepted(WITHIN)
    assert not bugs
