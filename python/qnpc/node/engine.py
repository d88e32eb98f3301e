"""A node without its socket: the parts put together over a store, and a visitor let in over any link.

Each part says at once how it is taken away, so that they go in the reverse order: what is new is refused, what is under way is answered,
pushing ends, and what was acknowledged is written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import structlog

from qnpc._core import OpaqueServer
from qnpc.errors import Error
from qnpc.limits import Limits
from qnpc.node import upkeep
from qnpc.node.acks import Acks
from qnpc.node.dispatch import NodeCap, Visitor
from qnpc.node.fanout import Fanout
from qnpc.node.gate import Gate
from qnpc.node.methods import METHODS
from qnpc.node.pending import Pending
from qnpc.node.push import Source
from qnpc.node.services import Services
from qnpc.node.store.contract import Store
from qnpc.node.store.folding import Folding
from qnpc.node.store.writer import Writer
from qnpc.node.trackers import Trackers
from qnpc.ports import Lane, Link, Ports
from qnpc.rpc import Peer

log = structlog.get_logger("qnpc.node")


async def open_store(undo: AsyncExitStack, ports: Ports, opener: Callable[[], Store]) -> tuple[Store, Lane]:
    """The store, and the thread in which it commits."""
    lane = ports.jobs.lane("store")
    undo.callback(lane.close)
    store = await lane.run(opener)
    undo.push_async_callback(lane.run, store.close)
    return store, lane


async def assemble(
    undo: AsyncExitStack,
    store: Store,
    lane: Lane,
    *,
    ports: Ports,
    limits: Limits,
    suites: tuple[int, ...],
    pin: bytes,
) -> Services:
    """All that handlers need; `undo` takes it apart. Raises Error(STORE_UNAVAILABLE)."""
    setup = await lane.run(store.secret, "opaque-setup", OpaqueServer().setup())
    folding = Folding(store, lane, ports.jobs)
    undo.push_async_callback(folding.close)
    writer = Writer(store, lane, committed=folding.grew)
    undo.push_async_callback(writer.close)
    acks = Acks(writer, ports.clock, limits)
    undo.push_async_callback(acks.close)
    background = asyncio.create_task(upkeep.run(writer, ports.clock, limits), name="upkeep")
    undo.push_async_callback(_cancel, background)
    fanout = Fanout(Source(store, ports, limits, acks))
    undo.push_async_callback(fanout.close)
    gate = Gate()
    undo.push_async_callback(_close, gate, limits.drain)
    return Services(
        store=store,
        writer=writer,
        ports=ports,
        limits=limits,
        pin=pin,
        suites=suites,
        opaque=OpaqueServer(setup),
        pending=Pending(limits.pending_logins, limits.pending_logins_per_address, limits.pending_login_ttl),
        trackers=Trackers(limits.trackers),
        gate=gate,
        fanout=fanout,
        started=ports.clock.monotonic(),
        strangers=asyncio.Semaphore(limits.reads_before_login),
    )


def receive_visitor(services: Services, link: Link, address: str, tls_group: str) -> Peer:
    """Serves the bootstrap over a new link. `address` is what counts as one for pending logins: a host, or a network."""
    visitor = Visitor(services, METHODS, address, tls_group)
    peer = Peer(link, services.limits, bootstrap=NodeCap(visitor), log=log)
    visitor.peer = peer
    fanout = services.fanout

    def closed(cause: Exception | None) -> None:
        fanout.gone(peer)
        visitor.gone()
        reason = cause.code if isinstance(cause, Error) else None if cause is None else type(cause).__name__
        log.debug("connection.closed", address=address, reason=reason)

    peer.on_writable = partial(fanout.writable, peer)
    peer.on_closed = closed
    log.debug("connection.opened", address=address, tls_group=tls_group)
    peer.start()
    return peer


async def _close(gate: Gate, seconds: float) -> None:
    """Who takes longer than that is not answered: a node that was told to stop does."""
    try:
        async with asyncio.timeout(seconds):
            await gate.close()
    except TimeoutError:
        log.warning("node.impatient", unanswered=gate.inside)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
