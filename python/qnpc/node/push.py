"""One device's subscription: what it still has to get, what is on its way, what it has acknowledged.

The store is the buffer, never memory. What was just committed is pushed as it is while the device keeps up; a device that lags (its window
is full, its connection's queue is long, or entries are missing in between) is served from the store, page by page, as its window frees.
In each channel entries go out in order and never twice; `acked` advances over an unbroken row of successful answers. A refusal ends it: the
device comes back later, and begins where it acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.node.acks import Acks
from qnpc.node.live import check_live
from qnpc.node.store.contract import Actor, Store, StoredEntry, StoredHead
from qnpc.ports import Ports
from qnpc.rpc import Call, Encoded, Peer, Remote, encode
from qnpc.wire import SINK, Empty, Entry, SinkDeliverParams

log = structlog.get_logger("qnpc.node")


@dataclass(slots=True)
class Delivery:
    """One `deliver` on its way: its entries end at `last`."""

    last: int
    done: bool = False


@dataclass(slots=True)
class Channel:
    """`sent`: the last that was handed to the sink, None while only the store knows where this device begins. `head`: the newest that
    this device may have, as far as is known here."""

    sent: int | None = None
    head: int = 0
    reading: bool = False
    on_the_way: deque[Delivery] = field(default_factory=deque)

    @property
    def lags(self) -> bool:
        return self.sent is None or self.sent < self.head


@dataclass(frozen=True, slots=True)
class Source:
    """What all subscriptions of a node draw on."""

    store: Store
    ports: Ports
    limits: Limits
    acks: Acks


class Subscription:
    """See the module. `expires`: of the session's token, Unix milliseconds. `ended` is told once, when it ends."""

    def __init__(
        self,
        source: Source,
        actor: Actor,
        expires: int,
        peer: Peer,
        sink: Remote,
        ended: Callable[[Subscription], None],
    ) -> None:
        self.actor = actor
        self.peer = peer
        self.live = True
        self._source = source
        self._expires = expires
        self._sink = sink
        self._ended = ended
        self._channels: dict[bytes, Channel] = {}
        self._lagging: dict[bytes, None] = {}  # who is served next stands first
        self._on_the_way = 0
        self._open = False
        self._pumping = False
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._calls: dict[Call[Empty], None] = {}

    # -- what happens to it ---------------------------------------------------------------------------------------------------

    def open(self, heads: Iterable[StoredHead], cursors: Mapping[bytes, int]) -> None:
        """Starts. `cursors` are those of this incarnation: what is durable at the device, so where its push begins."""
        if not self.live:
            return
        for head in heads:
            channel = self._channels.setdefault(head.channel, Channel())
            before = head.first - 1
            channel.sent = min(max(cursors.get(head.channel, head.acked), before), max(head.seq, before))
            channel.head = max(channel.head, head.seq)
            if channel.sent > head.acked and head.channel in cursors:
                self._source.acks.note(self.actor.device, head.channel, channel.sent)
            if channel.lags:
                self._lagging[head.channel] = None
        self._open = True
        self.wake()

    def ready(self, name: bytes, first: int) -> bool:
        """Whether entries of a channel that begin at `first` are next, and there is room for them: then `push` them now."""
        channel = self._channels.get(name)
        if channel is None or channel.sent != first - 1 or channel.reading:
            return False
        return self.live and self._open and self._room()

    def push(self, name: bytes, last: int, encoded: Encoded[Empty]) -> None:
        """Hands over entries that follow what was sent, up to `last`."""
        if self._now() >= self._expires:
            self._refuse(Error(Code.SESSION_EXPIRED))
            return
        try:
            call = self.peer.start_encoded(self._sink, encoded)
        except Exception as error:  # one bad peer is nobody else's matter
            self.end(error)
            return
        channel = self._channels[name]
        delivery = Delivery(last)
        channel.sent = last
        channel.head = max(channel.head, last)
        channel.on_the_way.append(delivery)
        self._on_the_way += 1
        self._calls[call] = None
        call.add_done_callback(partial(self._answered, name, channel, delivery))

    def note(self, name: bytes, seq: int) -> None:
        """There is an entry `seq` for this device, which `push` does not bring."""
        if not self.live:
            return
        channel = self._channels.setdefault(name, Channel())
        channel.head = max(channel.head, seq)
        if channel.lags:
            self._lagging[name] = None
            self.wake()

    def wake(self) -> None:
        """There may be room again."""
        if self.live and self._open and self._lagging and not self._pumping and self._room():
            self._pumping = True
            self._spawn(self._pump())

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more goes out, and no answer counts any more. Idempotent."""
        if not self.live:
            return
        self.live = False
        self._ended(self)
        self._sink.release()
        self._channels.clear()
        self._lagging.clear()
        if error is not None:  # its text may be the other side's: the code is enough
            reason = error.code if isinstance(error, Error) else type(error).__name__
            log.info("push.ended", device=self.actor.device[:4].hex(), reason=reason)

    async def stopped(self) -> None:
        """Returns when nothing of it runs any more. After its end no answer counts, so none is waited for: a device that never
        answers must not keep a node from stopping."""
        for call in list(self._calls):
            call.cancel()
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    # -- how it goes on -------------------------------------------------------------------------------------------------------

    def _refuse(self, error: Error) -> None:
        """It ends from our side: the connection ends too, for a device that only listens would never learn of it otherwise."""
        self.end(error)
        self.peer.close(error)

    def _now(self) -> int:
        return int(self._source.ports.clock.now() * 1000)

    def _room(self) -> bool:
        limits = self._source.limits
        return self._on_the_way < limits.deliveries_in_flight and self.peer.queued <= limits.outbox

    def _answered(self, name: bytes, channel: Channel, delivery: Delivery, call: Call[Empty]) -> None:
        del self._calls[call]
        self._on_the_way -= 1
        if not self.live:
            return
        try:
            call.result()
        except (Exception, asyncio.CancelledError) as error:  # whatever it was, the device does not have it
            self.end(error)
            return
        delivery.done = True
        acked = 0
        while channel.on_the_way and channel.on_the_way[0].done:
            acked = channel.on_the_way.popleft().last
        if acked:
            self._source.acks.note(self.actor.device, name, acked)
        self.wake()

    async def _pump(self) -> None:
        """Serves those that lag from the store, one page each in rotation, while there is room."""
        try:
            while self.live and self._lagging and self._room():
                name = next(iter(self._lagging))
                del self._lagging[name]
                await self._serve(name, self._channels[name])
        except Error as error:
            self._refuse(error)
        except Exception:  # a bug of ours: it must not leave a device that waits for ever
            log.exception("push.failed", device=self.actor.device[:4].hex())
            self._refuse(Error(Code.INTERNAL))
        finally:
            self._pumping = False
        self.wake()

    async def _serve(self, name: bytes, channel: Channel) -> None:
        known = channel.head
        channel.reading = True
        try:
            head, entries = await self._source.ports.jobs.run(self._page, name, channel.sent)
        finally:
            channel.reading = False
        if not self.live:
            return
        if head is not None:
            channel.head = max(channel.head, head.seq)
        if entries:
            self.push(name, entries[-1].seq, encoded(self._source.store.incarnation, entries))
        else:
            # All read already, or expired, or it was never a member. What came while we looked is another matter.
            channel.sent = max(channel.sent or 0, head.seq if head is not None else 0)
            if channel.head == known:
                channel.head = channel.sent
        if channel.lags and name in self._channels:  # a push may have ended it all
            self._lagging[name] = None

    def _page(self, name: bytes, sent: int | None) -> tuple[StoredHead | None, list[StoredEntry]]:
        """What comes next in a channel, by what the store says now of token, device and membership. In a job."""
        store, limits = self._source.store, self._source.limits
        check_live(store, self.actor, self._now())
        head = store.head(self.actor.device, name)
        if head is None:
            return None, []
        after = max(head.first - 1, head.acked if sent is None else sent)
        if after >= head.seq:
            return head, []
        return head, store.entries(name, after, head.seq, limits.delivery_entries, limits.delivery_bytes)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)


def encoded(incarnation: int, entries: Iterable[StoredEntry]) -> Encoded[Empty]:
    """A `deliver` of these entries, for any number of sinks."""
    return encode(SINK.deliver, SinkDeliverParams(tuple(wire_entry(incarnation, one) for one in entries)))


def wire_entry(incarnation: int, entry: StoredEntry) -> Entry:
    return Entry(entry.channel, incarnation, entry.seq, entry.id, entry.sender, entry.received, entry.payload)
