"""The profile's database fails around a commit, on either side, again and again: nothing is lost, nothing is shown twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from qnpc.client import Client, Group, open_client
from qnpc.client.state import DatabaseError
from qnpc.limits import DEFAULT
from qnpc.ports import Ports, StoreHooks
from tests.client.test_group_life import WITHIN, befriend, texts
from tests.support.network import SeededRandom
from tests.support.world import World


class Faulty:
    """Store hooks that fail at a fourth of all commits, before or after them, once they are armed."""

    def __init__(self, *, seed: int, after: bool) -> None:
        self.random = SeededRandom(seed)
        self.after = after
        self.armed = False
        self.faults = 0

    def before_commit(self) -> None:
        if not self.after:
            self._fail()

    def after_commit(self) -> None:
        if self.after:
            self._fail()

    def _fail(self) -> None:
        if self.armed and self.random.uniform(0, 1) < 0.25:
            self.faults += 1
            raise DatabaseError("disk I/O error")


_HASTY = replace(DEFAULT, reconnect_max=0.5)
"""A client whose disk fails tries less and less often; not in a test."""


async def opened(there: World, name: str, hooks: StoreHooks) -> AsyncIterator[Client]:
    ports = Ports(store_hooks=hooks)
    try:
        async with open_client(there.path / name, ports=ports, limits=_HASTY) as client:
            yield client
    finally:
        ports.close()


@pytest.mark.parametrize("after", [False, True])
async def test_a_receiver_whose_disk_fails_gets_each_message_once(there: World, after: bool) -> None:
    groups = await befriend(there, "alice", "bob")
    await there.close("bob")
    hooks = Faulty(seed=1, after=after)
    async for bob in opened(there, "bob", hooks):
        await bob.caught_up(WITHIN)
        hooks.armed = True
        for n in range(20):
            await (await groups["alice"].send(f"{n}")).accepted(WITHIN)
        async with asyncio.timeout(WITHIN):
            while hooks.faults < 3:
                await (await groups["alice"].send("more")).accepted(WITHIN)
        hooks.armed = False
        last = await groups["alice"].send("last")
        await last.accepted(WITHIN)
        got = await until_last(bob)
    assert got[:20] == [f"{n}" for n in range(20)]
    assert got[20:] == ["more"] * (len(got) - 21) + ["last"]
    assert hooks.faults >= 3


async def until_last(client: Client) -> list[str | None]:
    got: list[str | None] = []
    async with asyncio.timeout(WITHIN):
        async for message in client.messages("test", from_start=True):
            assert message.kind in ("text", "members"), message
            if message.kind == "text":
                got.append(message.text)
            if message.text == "last":
                break
    return got


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("seed", [2, 3])
async def test_a_sender_whose_disk_fails_sends_each_message_once(
    there: World, after: bool, seed: int
) -> None:
    groups = await befriend(there, "alice", "bob")
    await there.close("bob")
    hooks = Faulty(seed=seed, after=after)
    async for bob in opened(there, "bob", hooks):
        await bob.caught_up(WITHIN)
        group: Group = await bob.group("friends")
        sent = [await group.send(f"{n}") for n in range(10)]
        hooks.armed = True
        async with asyncio.timeout(WITHIN):
            while hooks.faults < 5:
                await bob.state.change.wait()
        hooks.armed = False
        for one in sent:
            await one.accepted(WITHIN)
    assert await texts(there.clients["alice"], 10) == [("bob", f"{n}") for n in range(10)]
    rows = await there.clients["alice"].read(
        lambda tx: tx.last_history(bytes.fromhex(groups["alice"].id), 100)
    )
    assert [row.kind for row in rows if row.kind in ("unreadable", "gap")] == []
