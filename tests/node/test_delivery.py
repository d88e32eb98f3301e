"""An entry is stored once and reaches whoever it is for: in order, never twice on a connection, whatever the others do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qnpc import wire
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.node.upkeep import once
from tests.node.rig import Person, Rig, Sink, refused


def cursor(node: Rig, channel: bytes, seq: int, incarnation: int | None = None) -> wire.Cursor:
    here = node.services.store.incarnation
    return wire.Cursor(channel, here if incarnation is None else incarnation, seq)


# -- storing and reading ------------------------------------------------------------------------------------------------------------


async def test_what_was_accepted_can_be_fetched(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    for number in range(5):
        assert await alice.enqueue(bob, b"%d" % number, bytes([number]) * 16) == number + 1
    page = await bob.fetch(bob.key, after=1, limit=2)
    assert [(one.seq, one.payload, one.id, one.sender) for one in page.entries] == [
        (2, b"1", b"\x01" * 16, alice.key),
        (3, b"2", b"\x02" * 16, alice.key),
    ]
    assert (page.head.seq, page.head.first, page.head.acked, page.head.group) == (5, 1, 0, False)
    assert page.entries[0].received == int(node.clock.now() * 1000)
    assert (await bob.fetch(bob.key, after=2**64 - 1, limit=2**32 - 1)).entries == ()
    assert (await bob.fetch(bob.key, limit=0)).entries == ()


async def test_a_retry_gets_its_first_answer_and_stores_nothing(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    first = await alice.enqueue(bob, b"once", b"i" * 16)
    await alice.enqueue(bob, b"other")
    assert await alice.enqueue(bob, b"twice", b"i" * 16) == first
    assert [one.payload for one in (await bob.fetch(bob.key)).entries] == [b"once", b"other"]


async def test_nobody_reads_somebody_elses_inbox(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    await alice.enqueue(bob, b"secret")
    with refused(Code.NOT_FOUND):
        await alice.fetch(bob.key)
    with refused(Code.NOT_A_MEMBER):
        await alice.fetch(bytes(16))
    with refused(Code.NOT_FOUND):
        await alice.fetch(b"what is this")


async def test_an_entry_has_a_receiver_an_id_and_a_size(node: Rig) -> None:
    alice = await node.person("alice")
    for device, payload, id_, code in (
        (bytes(32), b"", bytes(16), Code.NOT_FOUND),
        (b"", b"", bytes(16), Code.BAD_REQUEST),
        (bytes(33), b"", bytes(16), Code.BAD_REQUEST),
        (alice.key, b"", b"", Code.BAD_REQUEST),
        (alice.key, b"", bytes(17), Code.BAD_REQUEST),
        (alice.key, bytes(8 * 1024 * 1024 + 1), bytes(16), Code.TOO_LARGE),
    ):
        with refused(code):
            await alice.ask(wire.SESSION.enqueue, wire.SessionEnqueueParams(device, payload, id_))
    sink = Sink()
    await alice.subscribe(sink)
    assert await alice.enqueue(alice, bytes(8 * 1024 * 1024)) == 1
    await sink.has_upto(alice.key, 1)
    assert len((await alice.fetch(alice.key)).entries[0].payload) == 8 * 1024 * 1024


@pytest.mark.parametrize("limits", [replace(Limits(), channel_depth=3)])
async def test_a_full_inbox_refuses_until_it_is_read(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    for _ in range(3):
        await alice.enqueue(bob, b"")
    with refused(Code.QUEUE_FULL):
        await alice.enqueue(bob, b"")
    await bob.ask(wire.SESSION.ack, wire.SessionAckParams((cursor(node, bob.key, 2),)))
    assert await alice.enqueue(bob, b"") == 4


async def test_acknowledging_is_for_ones_own_and_never_goes_too_far(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    await alice.enqueue(bob, b"")
    here = cursor(node, bob.key, 1)
    await alice.ask(wire.SESSION.ack, wire.SessionAckParams((here,)))
    other = cursor(node, bob.key, 1, incarnation=node.services.store.incarnation ^ 1)
    await bob.ask(wire.SESSION.ack, wire.SessionAckParams((other,)))
    assert (await bob.fetch(bob.key)).head.acked == 0
    far = (cursor(node, bob.key, 2**64 - 1), cursor(node, b"?", 1), cursor(node, b"", 2**63))
    await bob.ask(wire.SESSION.ack, wire.SessionAckParams(far))
    assert (await bob.fetch(bob.key)).head.acked == 1


@pytest.mark.parametrize("limits", [replace(Limits(), cursors=2)])
async def test_cursors_are_bounded(node: Rig) -> None:
    alice = await node.person("alice")
    many = tuple(cursor(node, bytes([n]), 1) for n in range(3))
    with refused(Code.TOO_LARGE):
        await alice.ask(wire.SESSION.ack, wire.SessionAckParams(many))
    with refused(Code.TOO_LARGE):
        await alice.subscribe(Sink(), *many)


# -- being pushed to ----------------------------------------------------------------------------------------------------------------


async def test_who_listens_gets_what_comes_and_acknowledges_by_answering(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    sink = Sink()
    (head,) = await bob.subscribe(sink)
    assert (head.channel, head.seq, head.acked, head.first) == (bob.key, 0, 0, 1)
    for number in range(20):
        await alice.enqueue(bob, b"%d" % number)
    await sink.has_upto(bob.key, 20)
    assert [entry.payload for entry in sink.entries] == [b"%d" % number for number in range(20)]
    assert {entry.incarnation for entry in sink.entries} == {node.services.store.incarnation}
    await bob.acked(bob.key, 20)


async def test_who_comes_back_gets_all_after_their_own_cursor(node: Rig) -> None:
    """The device's own cursor counts, not what the node believes; where it has none, what it acknowledged."""
    alice, bob = await node.person("alice"), await node.person("bob")
    for _ in range(300):
        await alice.enqueue(bob, b"x" * 1000)
    await bob.ask(wire.SESSION.ack, wire.SessionAckParams((cursor(node, bob.key, 100),)))
    for cursors, first in (
        ((cursor(node, bob.key, 20),), 21),
        ((cursor(node, bob.key, 0),), 1),
        ((cursor(node, bob.key, 20, incarnation=7),), 101),
        ((), 101),
        ((cursor(node, bob.key, 250),), 251),
    ):
        sink = Sink()
        await bob.subscribe(sink, *cursors)
        await sink.has_upto(bob.key, 300)
        assert sink.seqs(bob.key) == list(range(first, 301))
        assert all(len(delivery) <= 64 for delivery in sink.deliveries)


async def test_a_cursor_that_is_ahead_counts_as_acknowledged(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    for _ in range(3):
        await alice.enqueue(bob, b"")
    sink = Sink()
    await bob.subscribe(sink, cursor(node, bob.key, 2**64 - 1))
    await bob.acked(bob.key, 3)
    await alice.enqueue(bob, b"")
    await sink.has_upto(bob.key, 4)
    assert sink.seqs(bob.key) == [4]


async def test_the_newest_subscription_wins(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    old, new = Sink(), Sink()
    await bob.subscribe(old)
    former = bob.visit
    await bob.resume(node.visit())
    await bob.subscribe(new)
    await alice.enqueue(bob, b"hi")
    await new.has_upto(bob.key, 1)
    await former.call(former.node, wire.NODE.info, wire.Empty())  # what was sent before this has come
    assert old.entries == []
    assert old.was_released


async def test_a_sink_that_refuses_gets_nothing_more_and_nothing_is_acknowledged(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")

    def refuse(entries: tuple[wire.Entry, ...]) -> None:
        if entries[-1].seq >= 3:
            raise Error(Code.INTERNAL)

    sink = Sink(refuse)
    await bob.subscribe(sink)
    for seq in range(1, 4):
        await alice.enqueue(bob, b"")
        await sink.has_upto(bob.key, seq)
    await sink.has(lambda one: one.was_released)
    await alice.enqueue(bob, b"")
    await bob.acked(bob.key, 2)
    assert (await bob.fetch(bob.key)).head.acked == 2
    assert sink.seqs(bob.key) == [1, 2, 3]
    again = Sink()
    await bob.subscribe(again)
    await again.has_upto(bob.key, 4)
    assert again.seqs(bob.key) == [3, 4]


async def test_a_sink_that_never_answers_delays_nobody_and_holds_little(node: Rig) -> None:
    """Its window fills and stays full; the rest waits in the store, and comes once it answers."""
    alice, bob, carol = [await node.person(name) for name in ("alice", "bob", "carol")]
    gate = asyncio.Event()
    slow, quick = Sink(lambda _: gate.wait()), Sink()
    await bob.subscribe(slow)
    await carol.subscribe(quick)
    for number in range(50):
        await alice.enqueue(bob, bytes(20_000), bytes([number]) * 16)
        await alice.enqueue(carol, b"", bytes([number]) * 16)
    await quick.has_upto(carol.key, 50)
    assert len(slow.deliveries) == node.limits.deliveries_in_flight
    sent = bob.visit.link.other.sent
    for number in range(50, 80):
        await alice.enqueue(bob, bytes(20_000), bytes([number]) * 16)
    assert bob.visit.link.other.sent == sent, "nothing may be sent to a device whose window is full"
    gate.set()
    await slow.has_upto(bob.key, 80)
    assert slow.seqs(bob.key) == list(range(1, 81))
    for delivery in slow.deliveries[4:]:
        assert sum(len(entry.payload) for entry in delivery) <= node.limits.delivery_bytes


async def test_a_connection_that_does_not_read_is_not_sent_more_than_its_share(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    sink = Sink()
    await bob.subscribe(sink)
    bob.visit.link.deaf = True
    theirs = bob.visit.link.other
    for number in range(20):
        await alice.enqueue(bob, bytes(200_000), bytes([number]) * 16)
    assert 0 < theirs.queued <= node.limits.outbox + 201_000
    bob.visit.link.hear()
    await sink.has_upto(bob.key, 20)
    assert sink.seqs(bob.key) == list(range(1, 21))


async def test_pushes_wait_for_a_long_answer_and_then_come(node: Rig) -> None:
    """Nothing is on its way to the sink, so no answer of its own will say that there is room."""
    alice, bob = await node.person("alice"), await node.person("bob")
    await alice.enqueue(bob, bytes(1_000_000))
    sink = Sink()
    await bob.subscribe(sink, cursor(node, bob.key, 1))
    bob.visit.link.deaf = True
    theirs = bob.visit.link.other
    call = bob.visit.peer.start_call(bob.session, wire.SESSION.fetch, wire.SessionFetchParams(bob.key, 0, 1))
    async with asyncio.timeout(60):
        while theirs.queued < 1_000_000:
            await a_while(alice)
    await alice.enqueue(bob, b"later")
    bob.visit.link.hear()
    await call
    await sink.has_upto(bob.key, 2)


async def test_what_is_told_while_the_store_is_read_comes_once(node: Rig) -> None:
    """It was committed before the reading began, and told only now."""
    alice, bob = await node.person("alice"), await node.person("bob")
    await alice.enqueue(bob, b"one")
    (entry,) = node.services.store.entries(bob.key, 0, 1, 1, 1)
    sink = Sink()
    node.jobs.pages.clear()
    await bob.subscribe(sink)
    node.services.fanout.tell(entry, (bob.key,))
    await a_while(alice)
    node.jobs.pages.set()
    await sink.has_upto(bob.key, 1)
    await alice.enqueue(bob, b"two")
    await sink.has_upto(bob.key, 2)
    assert sink.seqs(bob.key) == [1, 2]


async def test_answers_out_of_order_acknowledge_only_what_has_no_gap(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    first = asyncio.Event()
    answered: list[int] = []

    async def answer(entries: tuple[wire.Entry, ...]) -> None:
        if entries[0].seq == 1:
            await first.wait()
        answered.append(entries[-1].seq)

    sink = Sink(answer)
    await bob.subscribe(sink)
    for number in range(3):
        await alice.enqueue(bob, b"", bytes([number]) * 16)
        await sink.has_upto(bob.key, number + 1)
    assert answered == [2, 3]
    await bob.fetch(bob.key)  # those answers went before this
    node.clock.advance(0.2)
    await alice.enqueue(alice, b"")  # acknowledgements, if any, were written before this
    assert (await bob.fetch(bob.key)).head.acked == 0
    first.set()
    await bob.acked(bob.key, 3)


async def test_a_connection_that_breaks_takes_its_subscription_with_it(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    sink = Sink()
    await bob.subscribe(sink)
    await bob.visit.close()
    await alice.enqueue(bob, b"hi")
    await bob.resume(node.visit())
    again = Sink()
    await bob.subscribe(again)
    await again.has_upto(bob.key, 1)
    assert sink.entries == []


async def test_what_expired_is_a_gap_and_stops_nobody(node: Rig) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    for _ in range(5):
        await alice.enqueue(bob, b"old")
    node.clock.advance(node.limits.entry_ttl + 1)
    for person in (alice, bob):
        await person.renew()
    await once(node.services.writer, node.clock, node.limits)
    sink = Sink()
    (head,) = await bob.subscribe(sink)
    assert (head.seq, head.acked) == (5, 0)
    await alice.enqueue(bob, b"new")
    await sink.has_upto(bob.key, 6)
    assert sink.seqs(bob.key) == [6]


async def test_however_it_is_disturbed_each_entry_comes_once_and_in_order(node: Rig) -> None:
    """Three send at once; the receiver answers late and comes back on a new connection again and again, from where it was."""
    senders = [await node.person(name) for name in ("alice", "carol", "dave")]
    bob = await node.person("bob")
    sends = [asyncio.create_task(one.enqueue(bob, b"x" * 5000)) for _ in range(60) for one in senders]
    durable: list[int] = []
    while len(durable) < len(sends):
        turns = asyncio.Semaphore(0)

        async def late(_: object, turns: asyncio.Semaphore = turns) -> None:
            await turns.acquire()

        sink = Sink(late)
        await bob.resume(node.visit())
        await bob.subscribe(sink, cursor(node, bob.key, len(durable)))
        await sink.has_upto(bob.key, len(durable) + 1)
        for _ in range(6):
            turns.release()
        await a_while(senders[0])
        here = sink.seqs(bob.key)
        assert here == list(range(len(durable) + 1, len(durable) + 1 + len(here)))
        durable += here
    await asyncio.gather(*sends)
    assert durable == list(range(1, len(sends) + 1))


async def a_while(person: Person) -> None:
    """A turn for the node to do what it will."""
    await person.enqueue(person, b"hello")
