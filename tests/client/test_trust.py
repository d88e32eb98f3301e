"""Somebody whose identity key is not the one first seen: what they say is shown with that, and nothing is said to them."""

from __future__ import annotations

import pytest

from qnpc.client import contacts
from qnpc.client.state import ContactRow, Transaction
from qnpc.errors import Code, Error
from tests.client.test_group_life import WITHIN, joined
from tests.support.world import World

OTHER = bytes(range(32))


async def test_nothing_is_said_to_somebody_whose_identity_has_changed(there: World) -> None:
    alice, bob, carol = await there.people("alice", "bob", "carol")

    def first_seen_with_another_key(tx: Transaction) -> None:
        tx.put_contact(ContactRow("bob", OTHER, contacts.TOFU))

    await alice.read(first_seen_with_another_key)

    of_alice = await alice.create_group("of alice")
    invited = await of_alice.invite("bob")
    with pytest.raises(Error) as caught:
        await invited.accepted(WITHIN)
    assert caught.value.kind is Code.IDENTITY_CHANGED

    group = await carol.create_group("friends")
    await (await group.invite("alice", "bob")).accepted(WITHIN)
    to_alice, to_bob = await joined(alice), await joined(bob)
    with pytest.raises(Error) as caught:
        await to_alice.send("hi")
    assert caught.value.kind is Code.IDENTITY_CHANGED
    assert "bob" in caught.value.sentence

    await (await to_bob.send("it is me")).accepted(WITHIN)  # what he says is received all the same
    async for message in alice.messages("test", from_start=True):
        if message.kind == "text":
            break
    assert (message.text, message.trust) == ("it is me", "changed")
