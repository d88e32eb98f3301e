"""What is cut off in the middle - a connection that ends, a process that dies - leaves nobody waiting and nothing broken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from qnpc.client import Client
from qnpc.client.state import DatabaseError, Transaction
from qnpc.client.state.database import Database
from qnpc.client.sync import Sync
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import NoHooks, StoreHooks
from qnpc.wire import Entry
from tests.client.test_adversity import invitations, state_of
from tests.client.test_faults import opened
from tests.client.test_group_life import WITHIN, befriend, texts
from tests.support.world import World


class Held(NoHooks):
    """A disk that takes its time: the next commit waits until it is let go."""

    def __init__(self) -> None:
        self.armed = False
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def before_commit(self) -> None:
        if self.armed:
            self.armed = False
            self.entered.set()
            self.let_go.wait(WITHIN)


class Full(NoHooks):
    """A disk that takes so many commits more, and then none."""

    room: int | None = None

    def before_commit(self) -> None:
        if self.room is not None:
            if self.room == 0:
                raise DatabaseError("database or disk is full")
            self.room -= 1


class Broken(NoHooks):
    """A disk that fails once, and then at the rollback too."""

    commits, rollbacks = 0, 0

    def before_commit(self) -> None:
        if self.commits:
            self.commits, self.rollbacks = 0, 1
            raise DatabaseError("disk I/O error")

    def rollback(self, database: Database, real: Callable[[Database], None]) -> None:
        real(database)
        if self.rollbacks:
            self.rollbacks = 0
            raise DatabaseError("disk I/O error")


async def reopened(there: World, name: str, hooks: StoreHooks) -> AsyncIterator[Client]:
    """On another disk. What the client began by itself is over: who joins renews its keys, and that is no test's next commit."""
    await there.clients[name].flush(WITHIN)
    await there.close(name)
    async for client in opened(there, name, hooks):
        await client.caught_up(WITHIN)
        yield client


async def test_a_reader_hears_of_what_became_durable_when_the_connection_had_ended(there: World) -> None:
    groups, hooks = await befriend(there, "alice", "bob"), Held()
    async for bob in reopened(there, "bob", hooks):
        heard: asyncio.Queue[str | None] = asyncio.Queue()
        reader = asyncio.ensure_future(_listen(bob, heard))
        await (await groups["alice"].send("one")).accepted(WITHIN)
        assert await asyncio.wait_for(heard.get(), WITHIN) == "one"
        await _turns(bob)
        hooks.armed = True
        await (await groups["alice"].send("two")).accepted(WITHIN)
        await asyncio.to_thread(hooks.entered.wait, WITHIN)
        online = await bob.online()
        online.peer.close()
        await online.peer.wait_closed()
        hooks.let_go.set()
        assert await asyncio.wait_for(heard.get(), WITHIN) == "two"
        reader.cancel()


async def _listen(client: Client, heard: asyncio.Queue[str | None]) -> None:
    async for message in client.messages("test"):
        if message.kind == "text":
            heard.put_nowait(message.text)


async def _turns(client: Client) -> None:
    """Whoever is about to look has looked, and waits."""
    for _ in range(2):
        await client.read(lambda tx: None)


async def test_a_sender_hears_of_an_outcome_that_became_durable_when_the_connection_had_ended(
    there: World,
) -> None:
    await befriend(there, "alice", "bob")
    hooks = Held()
    async for bob in reopened(there, "bob", hooks):
        await there.stop_node()
        group = await bob.group("friends")
        sent = await group.send("did it arrive")
        entry = await bob.read(partial(_own_entry, channel=bytes.fromhex(group.id)))
        waiter = asyncio.ensure_future(sent.accepted(WITHIN))
        await _turns(bob)
        hooks.armed = True
        delivery = asyncio.ensure_future(Sync(bob.account, bob.state, DEFAULT).deliver([entry]))
        await asyncio.to_thread(hooks.entered.wait, WITHIN)
        delivery.cancel()
        await asyncio.gather(delivery, return_exceptions=True)
        hooks.let_go.set()
        assert await waiter == entry.seq
        await there.start_node()


def _own_entry(tx: Transaction, channel: bytes) -> Entry:
    """What waits to be sent, as the node would tell of it once it has it."""
    intent, cursor = tx.next_intent(channel), tx.cursor(channel)
    assert intent is not None
    assert cursor is not None
    return Entry(
        channel, cursor[0], cursor[1] + 1, intent.id, tx.device.public_key, tx.now, intent.sealed or b""
    )


async def test_a_crash_right_after_a_second_join_leaves_a_sound_group(there: World) -> None:
    groups, hooks = await befriend(there, "alice", "bob"), Full()
    async for bob in reopened(there, "bob", hooks):
        await (await groups["alice"].remove("bob")).accepted(WITHIN)
        await state_of(bob, "removed")
        await (await groups["alice"].invite("bob")).accepted(WITHIN)
        await invitations(bob, 1)
        hooks.room = 2  # to look at the invitation, and to join
        with pytest.raises(Error):
            await bob.join("friends")
    bob = await there.open("bob")
    await bob.caught_up(WITHIN)
    await state_of(bob, "active")
    await (await (await bob.group("friends")).send("here I am")).accepted(WITHIN)
    assert await texts(there.clients["alice"], 1) == [("bob", "here I am")]


async def test_a_rollback_that_fails_leaves_no_half_of_what_was_begun(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await befriend(there, "alice", "bob")
    hooks, real = Broken(), Database.rollback
    monkeypatch.setattr(Database, "rollback", lambda self: hooks.rollback(self, real))
    async for bob in reopened(there, "bob", hooks):
        await bob.flush(WITHIN)
        group = await bob.group("friends")
        hooks.commits = 1
        with pytest.raises(Error) as caught:
            await group.send("lost")
        assert caught.value.kind is Code.STORE_UNAVAILABLE
        assert hooks.rollbacks == 0
        await (await group.send("kept")).accepted(WITHIN)
    assert await texts(there.clients["alice"], 1) == [("bob", "kept")]
