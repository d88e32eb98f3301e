"""A profile of an earlier version goes on where it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from qnpc.client.state import Transaction
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.node import delivery
from qnpc.node import groups as node_groups
from qnpc.node.services import Services
from qnpc.node.store.contract import Append, Appended
from qnpc.ports import Ports
from tests.client.test_adversity import invitations, party, slip
from tests.client.test_group_life import WITHIN, agree, befriend, texts
from tests.client.test_waiting import Impatient
from tests.support.world import World, world

LIMITS = replace(DEFAULT, key_packages_target=4, invitations=4, invitations_per_device=2)


def to_first_version(tx: Transaction) -> None:
    """The database as migration 0001 made it, with what is in it."""
    for statement in (
        "DROP INDEX invitation_of_device",
        "ALTER TABLE invitation DROP COLUMN device",
        "ALTER TABLE channel DROP COLUMN raw_bytes",
        "ALTER TABLE channel DROP COLUMN raw_lost",
    ):
        tx._db._connection.execute(statement)
    tx._db._connection.execute("PRAGMA user_version = 1")


async def set_back(there: World, name: str) -> None:
    await there.clients[name].state.run(to_first_version)
    await there.close(name)


async def test_invitations_of_before_make_room_first_and_the_newer_ones_are_counted_by_device(
    tmp_path: Path, ports: Ports
) -> None:
    async with world(tmp_path, ports, LIMITS) as there:
        alice, bob, mallory, trudy = await there.people("alice", "bob", "mallory", "trudy")
        for n, stranger in enumerate([mallory, mallory, trudy, trudy]):
            entry = bytes([n]) * 16
            await slip(stranger, "bob", party(group=entry, name=f"old {n}"), entry)
            await invitations(bob, n + 1)
        await set_back(there, "bob")
        bob = await there.open("bob")
        assert [row.name for row in await bob.invitations()] == ["old 0", "old 1", "old 2", "old 3"]
        for n in range(3):
            entry = bytes([9, n]) * 8
            await slip(alice, "bob", party(group=entry, name=f"new {n}"), entry)
        async with asyncio.timeout(WITHIN):
            while True:
                change = bob.state.change
                if "new 2" in [row.name for row in await bob.invitations()]:
                    break
                await change.wait()
        assert [row.name for row in await bob.invitations()] == ["old 2", "old 3", "new 1", "new 2"]


async def test_what_waited_goes_out_with_growing_pauses(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, ports, LIMITS) as there:
        groups = await befriend(there, "alice", "bob")
        await agree(there, "alice", "bob")
        await there.stop_node()
        sent = [await groups["bob"].send(f"{n}") for n in range(2)]
        await set_back(there, "bob")
        await there.start_node()
        append, refused = delivery.append, 0

        async def refusing(services: Services, item: Append) -> Appended:
            nonlocal refused
            if refused < 6:
                refused += 1
                raise Error(Code.RATE_LIMITED)
            return await append(services, item)

        monkeypatch.setattr(node_groups, "append", refusing)
        clock = Impatient()
        his = Ports(clock=clock)
        try:
            async with there.opened("bob", his) as bob:
                for one in sent:
                    await bob.outcome(bytes.fromhex(one.id.removeprefix("m_")), WITHIN)
                pauses = [clock.slept.get_nowait() for _ in range(6)]
        finally:
            his.close()
        for n, pause in enumerate(pauses, 1):
            longest = min(LIMITS.reconnect_max, LIMITS.reconnect_min * 2**n)
            assert longest / 2 <= pause <= longest
        assert await texts(there.clients["alice"], 2) == [("bob", "0"), ("bob", "1")]
