"""What a client keeps of epochs that have ended is gone after a while, from disk too."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from qnpc.client import Client, upkeep
from qnpc.client.state import Transaction
from qnpc.limits import DEFAULT
from tests.client.test_group_life import WITHIN, befriend, texts
from tests.support.world import World

PAST_EPOCH = 18
"""With which the keys of such rows begin (rust/mls/src/store/view.rs)."""


async def past_epochs(client: Client, group: bytes) -> int:
    def count(tx: Transaction) -> int:
        return sum(row[1][0] == PAST_EPOCH for row in tx._db.rows("mls_scope", group))

    return await client.state.run(count)


async def test_past_epochs_are_forgotten_by_age_and_groups_go_on(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    bob, group = there.clients["bob"], bytes.fromhex(groups["bob"].id)
    async with asyncio.timeout(WITHIN):  # who joins renews its keys
        while True:
            change = bob.state.change
            if await past_epochs(bob, group):
                break
            await change.wait()

    await upkeep._forget_epochs(DEFAULT, bob.state)
    assert await past_epochs(bob, group) > 0, "they are not a week old"
    await bob.state.run(lambda tx: tx.set_meta(upkeep._FORGOTTEN, b"0"))
    await upkeep._forget_epochs(DEFAULT, bob.state)
    assert await past_epochs(bob, group) > 0, "nor is it a week since this epoch was seen first"
    await bob.state.run(lambda tx: tx.set_meta(upkeep._FORGOTTEN, b"0"))
    await upkeep._forget_epochs(replace(DEFAULT, past_epoch_ttl=0), bob.state)
    assert await past_epochs(bob, group) == 0

    await (await groups["alice"].send("after that")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "after that")]
