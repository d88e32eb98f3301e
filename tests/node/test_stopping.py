"""Stopping in good order: what is under way is answered and kept, what is new is refused."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import structlog

from qnpc import wire
from qnpc.errors import Code
from qnpc.limits import DEFAULT
from qnpc.node import engine
from qnpc.node.gate import Gate
from qnpc.node.store.sqlite import SqliteStore
from qnpc.ports import Ports
from tests.node.rig import PIN, Rig, Sink, refused, rig


async def test_a_closing_gate_waits_for_what_is_inside_and_refuses_what_is_not() -> None:
    gate, leave = Gate(), asyncio.Event()

    async def call() -> str:
        gate.admit()
        await leave.wait()
        return "answered"

    inside = asyncio.create_task(call())
    started = asyncio.Event()
    asyncio.get_running_loop().call_soon(started.set)
    await started.wait()
    closing = asyncio.create_task(gate.close())
    asyncio.get_running_loop().call_soon(leave.set)
    await closing
    assert inside.done()
    assert await inside == "answered"
    with refused(Code.SHUTTING_DOWN):
        gate.admit()


async def test_work_goes_on_when_its_caller_is_gone() -> None:
    gate, go, done = Gate(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    caller = asyncio.create_task(gate.finish(work()))
    started = asyncio.Event()
    asyncio.get_running_loop().call_soon(started.set)
    await started.wait()
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    go.set()
    await gate.close()
    assert done.is_set()


async def test_a_stopped_node_has_kept_what_was_acknowledged(node: Rig, tmp_path: Path, ports: Ports) -> None:
    """A second engine on a store of its own, taken apart while its clock stands still: nothing is left to a timer."""
    path = tmp_path / "other.db"
    async with AsyncExitStack() as undo:
        store, lane = await engine.open_store(
            undo, ports, lambda: SqliteStore.open(path, random=ports.random)
        )
        clocked = node.services.ports
        services = await engine.assemble(
            undo, store, lane, ports=clocked, limits=DEFAULT, suites=(1,), pin=PIN
        )
        async with AsyncExitStack() as visits:
            other = Rig(services, node.clock, node.jobs, DEFAULT, visits)
            alice = await other.person("alice")
            sink = Sink()
            await alice.subscribe(sink)
            await alice.enqueue(alice, b"hi")
            await sink.has_upto(alice.key, 1)
            assert (await alice.fetch(alice.key)).head.acked == 0
    reopened = SqliteStore.open(path, random=ports.random)
    head = reopened.head(alice.key, alice.key)
    reopened.close()
    assert head is not None
    assert head.acked == 1


async def test_neither_a_call_nor_a_device_that_never_ends_keeps_a_node_from_stopping(
    node: Rig, tmp_path: Path, ports: Ports
) -> None:
    never = asyncio.Event()
    limits = replace(DEFAULT, drain=0.01)
    async with AsyncExitStack() as visits:
        with structlog.testing.capture_logs() as logs:
            async with AsyncExitStack() as undo:
                store, lane = await engine.open_store(
                    undo, ports, lambda: SqliteStore.open(tmp_path / "other.db", random=ports.random)
                )
                services = await engine.assemble(
                    undo, store, lane, ports=node.services.ports, limits=limits, suites=(1,), pin=PIN
                )
                alice = await Rig(services, node.clock, node.jobs, limits, visits).person("alice")
                sink = Sink(lambda _: never.wait())
                await alice.subscribe(sink)
                await alice.enqueue(alice, b"hi")
                await sink.has_upto(alice.key, 1)
                call = asyncio.create_task(services.gate.finish(never.wait()))
                await alice.fetch(alice.key)
        assert [line["unanswered"] for line in logs if line["event"] == "node.impatient"] == [1]
        never.set()
        await call


async def test_calls_that_come_while_it_stops_are_told_so(node: Rig) -> None:
    alice = await node.person("alice")
    sending = [asyncio.create_task(alice.enqueue(alice, b"%d" % n)) for n in range(20)]
    await alice.visit.call(
        alice.visit.node, wire.NODE.info, wire.Empty()
    )  # they have all arrived before this
    await node.services.gate.close()
    with refused(Code.SHUTTING_DOWN):
        await alice.enqueue(alice, b"too late")
    assert sorted(await asyncio.gather(*sending)) == list(range(1, 21))


class Held:
    """Store hooks that hold a commit back."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self.go.set()

    def before_commit(self) -> None:
        self.reached.set()
        assert self.go.wait(60)

    def after_commit(self) -> None: ...


async def test_an_entry_is_told_of_even_if_its_sender_left(tmp_path: Path, ports: Ports) -> None:
    held = Held()
    async with rig(tmp_path, ports, DEFAULT, hooks=held) as node:
        alice, bob = await node.person("alice"), await node.person("bob")
        sink = Sink()
        await bob.subscribe(sink)
        held.go.clear()
        held.reached.clear()
        alice.visit.peer.start_call(
            alice.session, wire.SESSION.enqueue, wire.SessionEnqueueParams(bob.key, b"bye", bytes(16))
        )
        await ports.jobs.run(held.reached.wait, 60)
        await alice.visit.close()
        held.go.set()
        await sink.has_upto(bob.key, 1)
