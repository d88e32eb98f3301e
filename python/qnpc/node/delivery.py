"""The delivery service: one entry to an inbox, reading a channel, acknowledging, and being pushed to.

An append is durable before it is answered, and only then told to those who are online. A retry by its id gets its first answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from qnpc.errors import Code, Error
from qnpc.node.checks import DEVICE_BYTES, GROUP_BYTES, ID_BYTES, at_most, count_at_most, exactly
from qnpc.node.dispatch import SessionCap
from qnpc.node.push import wire_entry
from qnpc.node.services import LARGEST, Services
from qnpc.node.store.contract import Ack, Append, Appended, Store, StoredEntry, StoredHead
from qnpc.rpc import Remote
from qnpc.wire import (
    Cursor,
    Empty,
    Head,
    SessionAckParams,
    SessionEnqueueParams,
    SessionEnqueueResults,
    SessionFetchParams,
    SessionFetchResults,
    SessionSubscribeParams,
    SessionSubscribeResults,
)


async def append(services: Services, item: Append) -> Appended:
    """Stores one entry and tells who is to have it. It goes on to its end even if the caller is cancelled."""
    return await services.gate.finish(_append(services, item))


async def _append(services: Services, item: Append) -> Appended:
    done = await services.writer.submit(item)
    if done.fresh:
        entry = StoredEntry(item.channel, done.seq, item.id, item.actor.device, item.now, item.payload)
        services.fanout.tell(entry, done.recipients)
    else:  # nobody may have been told of it the first time
        services.fanout.remind(item.channel, done.seq, done.recipients)
    return done


async def enqueue(session: SessionCap, params: SessionEnqueueParams) -> SessionEnqueueResults:
    services = session.services
    limits = services.limits
    done = await append(
        services,
        Append(
            actor=session.actor,
            channel=exactly(DEVICE_BYTES, params.device, "a device's key"),
            id=exactly(ID_BYTES, params.id, "a message's id"),
            payload=at_most(limits.payload, params.payload, "the payload"),
            epoch=None,
            depth=limits.channel_depth,
            bytes_limit=limits.channel_bytes,
            now=services.now(),
        ),
    )
    return SessionEnqueueResults(done.seq)


async def fetch(session: SessionCap, params: SessionFetchParams) -> SessionFetchResults:
    """What is after a seq, as much as one answer may hold, and where the channel stands."""
    services = session.services
    limits = services.limits

    def page(store: Store) -> tuple[StoredHead, list[StoredEntry]]:
        head = store.head(session.actor.device, params.channel)
        if head is None:
            raise Error(Code.NOT_A_MEMBER if len(params.channel) == GROUP_BYTES else Code.NOT_FOUND)
        after = max(params.after, head.first - 1)
        if after >= head.seq:
            return head, []
        count = min(params.limit, limits.fetch_entries)
        return head, store.entries(params.channel, after, head.seq, count, limits.payload)

    head, entries = await services.read(session.actor, page)
    incarnation = services.store.incarnation
    return SessionFetchResults(
        tuple(wire_entry(incarnation, one) for one in entries), wire_head(incarnation, head)
    )


async def ack(session: SessionCap, params: SessionAckParams) -> Empty:
    """Durable when it is answered. Cursors of another incarnation speak of a log that is gone: they are passed over."""
    services = session.services
    newest = _of_this_log(services, params.cursors)
    await services.read(session.actor, _nothing)
    await services.gate.finish(
        _ack(services, [Ack(session.actor.device, channel, seq) for channel, seq in newest.items()])
    )
    return Empty()


async def _ack(services: Services, items: Sequence[Ack]) -> None:
    await asyncio.gather(*map(services.writer.submit, items))


async def subscribe(session: SessionCap, params: SessionSubscribeParams) -> SessionSubscribeResults:
    """From here on entries come to the sink: those after the device's own cursors, in other channels those it has not acknowledged."""
    services = session.services
    if not isinstance(params.sink, Remote):
        raise Error(Code.BAD_REQUEST, "the sink is not one of yours")
    cursors = _of_this_log(services, params.cursors)
    await services.read(session.actor, _nothing)  # a session that has expired replaces nobody
    # Listening begins before the heads are read, so that nothing falls in between.
    subscription = services.fanout.subscribe(
        session.actor, session.expires, session.visitor.peer, params.sink
    )
    try:
        heads = await services.read(session.actor, _heads, session.actor.device)
    except BaseException:
        subscription.end()
        raise
    subscription.open(heads, cursors)
    incarnation = services.store.incarnation
    return SessionSubscribeResults(tuple(wire_head(incarnation, head) for head in heads))


def _of_this_log(services: Services, cursors: Iterable[Cursor]) -> dict[bytes, int]:
    """The newest seq per channel. Raises Error(TOO_LARGE)."""
    listed = list(cursors)
    count_at_most(services.limits.cursors, len(listed), "cursors")
    newest: dict[bytes, int] = {}
    for cursor in listed:
        if cursor.incarnation == services.store.incarnation:
            newest[cursor.channel] = max(newest.get(cursor.channel, 0), min(cursor.seq, LARGEST))
    return newest


def _heads(store: Store, device: bytes) -> list[StoredHead]:
    return store.heads(device)


def _nothing(store: Store) -> None:
    """For a read that only asks whether the session stands."""


def wire_head(incarnation: int, head: StoredHead) -> Head:
    return Head(head.channel, incarnation, head.seq, head.acked, head.first, head.group)
