"""What a client keeps of epochs that have ended is gone after a while, from disk too."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qnpc.client import Client, intents, sealing, upkeep
from qnpc.client.state import Transaction
from qnpc.limits import DEFAULT, Limits
from tests.client.test_adversity import state_of
from tests.client.test_group_life import WITHIN, befriend, joined, texts
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


async def rows(client: Client, group: bytes) -> int:
    return await client.state.run(lambda tx: len(tx._db.rows("mls_scope", group)))


async def look(client: Client, limits: Limits = DEFAULT) -> None:
    """The daily look, now."""
    await client.state.run(lambda tx: tx.set_meta(upkeep._FORGOTTEN, b"0"))
    await upkeep._forget_epochs(limits, client.state)


@pytest.mark.parametrize("state", ["removed", "lapsed"])
async def test_the_secrets_of_a_group_that_one_is_out_of_are_forgotten_and_history_stays(
    there: World, state: str
) -> None:
    groups = await befriend(there, "alice", "bob")
    alice, bob, group = there.clients["alice"], there.clients["bob"], bytes.fromhex(groups["bob"].id)
    await (await groups["alice"].send("hello")).accepted(WITHIN)
    assert await texts(bob, 1) == [("alice", "hello")]
    if state == "removed":
        await (await groups["alice"].remove("bob")).accepted(WITHIN)
        await state_of(bob, "removed")
    else:
        await bob.state.run(lambda tx: tx.set_group_state(group, "lapsed"))
    await look(bob)
    await look(bob)
    assert await rows(bob, group) > 0, "it is not a week since it was seen to be out"
    await look(bob, replace(DEFAULT, past_epoch_ttl=0))
    assert await rows(bob, group) == 0
    shown = [one async for one in bob.request({"do": "history", "group": "friends"})]
    assert [one["text"] for one in shown if one["kind"] == "text"] == ["hello"]
    listed = [one["group"] async for one in bob.request({"do": "groups"})]
    assert listed == (["friends"] if state == "lapsed" else [])

    if state == "lapsed":
        await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    await (await (await joined(bob)).send("back again")).accepted(WITHIN)
    assert await texts(alice, 1) == [("bob", "back again")]


async def test_what_was_sealed_before_its_groups_secrets_were_forgotten_still_ends(there: World) -> None:
    """The answer to a commit never came, and then the group lapsed for good."""
    groups = await befriend(there, "alice", "bob")
    bob, group = there.clients["bob"], bytes.fromhex(groups["bob"].id)
    await bob.flush(WITHIN)
    await there.stop_node()
    sent = b"u" * 16

    def strand(tx: Transaction) -> None:
        intents.add_update(tx, sent, group)
        intent = tx.intent(sent)
        assert intent is not None
        sealing.seal(tx, intent)
        tx.set_group_state(group, "lapsed")

    await bob.state.run(strand)
    for _ in range(2):
        await look(bob, replace(DEFAULT, past_epoch_ttl=0))
    assert await rows(bob, group) == 0
    await there.start_node()
    await bob.start()
    assert (await bob.outcome(sent, WITHIN)).error is None
