"""A group's entries on their way to its members: encoded once, and nobody waits for anybody."""

from __future__ import annotations

import asyncio

import pytest

from qnpc import wire
from qnpc.errors import Code, Error
from qnpc.node import push
from qnpc.rpc import Encoded, Method, encode
from tests.node.chats import create, joined, people
from tests.node.rig import Rig, Sink


async def test_an_entry_is_encoded_once_for_all_members(node: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[wire.SinkDeliverParams] = []

    def counted(
        method: Method[wire.SinkDeliverParams, wire.Empty], params: wire.SinkDeliverParams
    ) -> Encoded[wire.Empty]:
        encoded.append(params)
        return encode(method, params)

    others = await people(node, *(f"person{number}" for number in range(6)))
    hers = await create(others[0])
    await joined(hers, *others[1:])
    sinks = [Sink() for _ in others]
    for person, sink in zip(others, sinks, strict=True):
        await person.subscribe(sink)
    await sinks[0].has_upto(hers.id, 1)
    for person, sink in zip(others[1:], sinks[1:], strict=True):
        await sink.has_upto(person.key, 1)
    monkeypatch.setattr(push, "encode", counted)
    await hers.say(b"to all")
    for sink in sinks:
        await sink.has_upto(hers.id, 2)
    assert [len(params.entries) for params in encoded] == [1]


async def test_one_bad_member_is_nobody_elses_trouble(node: Rig) -> None:
    """One refuses, one never answers, one does not even read, one is gone: the rest get all, in order."""
    everybody = await people(node, "alice", "bob", "raising", "silent", "deaf", "gone")
    alice, bob, _, _, deaf, gone = everybody
    hers = await create(alice)
    await joined(hers, *everybody[1:])

    def refuse(_: object) -> None:
        raise Error(Code.INTERNAL)

    never = asyncio.Event()
    sinks = {one.name: Sink() for one in everybody}
    sinks["raising"], sinks["silent"] = Sink(refuse), Sink(lambda _: never.wait())
    for one in everybody:
        await one.subscribe(sinks[one.name])
    await sinks["alice"].has_upto(hers.id, 1)
    deaf.visit.link.deaf = True
    await gone.visit.close()
    for number in range(30):
        await hers.say(b"%d" % number)
    for one in (alice, bob):
        await sinks[one.name].has_upto(hers.id, 31)
    assert sinks["alice"].seqs(hers.id) == list(range(1, 32))
    assert sinks["bob"].seqs(hers.id) == list(range(2, 32))
    assert len(sinks["raising"].deliveries) <= node.limits.deliveries_in_flight
    assert len(sinks["silent"].deliveries) <= node.limits.deliveries_in_flight + 1
    never.set()
    await sinks["silent"].has_upto(hers.id, 31)
    assert sinks["silent"].seqs(hers.id) == list(range(2, 32))
    deaf.visit.link.hear()
    await sinks["deaf"].has_upto(hers.id, 31)
    assert sinks["deaf"].seqs(hers.id) == list(range(2, 32))


async def test_what_comes_to_one_channel_while_another_is_read_waits_for_what_was_before(node: Rig) -> None:
    alice, bob = await people(node, "alice", "bob")
    hers = await create(alice)
    await joined(hers, bob)
    await hers.say(b"before")
    sink = Sink()
    node.jobs.pages.clear()
    await bob.subscribe(sink)  # behind in the inbox and in the group
    await hers.say(b"after")
    await alice.enqueue(bob, b"note")
    node.jobs.pages.set()
    await sink.has_upto(hers.id, 3)
    await sink.has_upto(bob.key, 2)
    assert sink.seqs(hers.id) == [2, 3]
    assert sink.seqs(bob.key) == [1, 2]
