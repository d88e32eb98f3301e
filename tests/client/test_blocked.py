"""What cannot go now, or never, holds up nothing that can."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qnpc.client.events import message_id
from qnpc.client.sync import Sync
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Ports
from qnpc.rpc.codec import StructCodec
from qnpc.rpc.payload import Received
from qnpc.wire import Entry, GroupCommitResults
from tests.client.test_group_life import WITHIN, agree, befriend, texts
from tests.support.world import world


async def test_a_text_waits_for_the_removal_that_passed_it(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds the group full, a removal makes room, and the answer to that is lost: the text belongs into the epoch after it."""
    limits = replace(DEFAULT, channel_depth=10, call_timeout=5.0, key_packages_target=4)
    async with world(tmp_path, ports, limits) as there:
        groups = await befriend(there, "alice", "bob", "carol")
        await agree(there, "alice", "bob", "carol")
        await there.close("carol")  # for good
        deliver, gate, removals = Sync.deliver, asyncio.Event(), list[str]()
        read, damaged = Received.read, [GroupCommitResults]

        async def held(self: Sync, entries: Sequence[Entry]) -> None:  # or alice's own entry may tell first
            if self._account.username == "alice" and any(message_id(one.id) in removals for one in entries):
                await gate.wait()
            await deliver(self, entries)

        def reading(self: Received, codec: StructCodec[Any]) -> Any:
            if codec.cls in damaged:
                damaged.clear()
                raise Error(Code.BAD_REQUEST, "a value in the message is malformed")
            return read(self, codec)

        monkeypatch.setattr(Sync, "deliver", held)
        monkeypatch.setattr(Received, "read", reading)
        sent = [await groups["alice"].send(f"{n}") for n in range(12)]
        removal = await groups["alice"].remove("carol")
        removals.append(removal.id)
        for one in [*sent, removal]:
            await one.accepted(WITHIN)
        assert not damaged
        gate.set()
        assert await texts(there.clients["bob"], 12) == [("alice", f"{n}") for n in range(12)]


async def test_what_can_never_be_sealed_ends_and_the_next_goes_on(tmp_path: Path, ports: Ports) -> None:
    limits = replace(DEFAULT, reconnect_max=0.1, key_packages_target=4)
    async with world(tmp_path, ports, limits) as there:
        groups = await befriend(there, "alice", "bob")
        alice, group, poison = there.clients["alice"], bytes.fromhex(groups["alice"].id), b"p" * 16
        await alice.flush(WITHIN)
        await alice.state.run(lambda tx: tx.add_intent(poison, group, "text", {}))  # a text without a text
        sent = await groups["alice"].send("after it")
        await sent.accepted(WITHIN)
        outcome = await alice.outcome(poison, WITHIN)
        assert outcome.error is not None
        assert outcome.error.kind is Code.INTERNAL
        assert await texts(there.clients["bob"], 1) == [("alice", "after it")]
