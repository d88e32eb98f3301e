"""Tells online members of what was committed: encoded once, however many they are.

All that one pass of the event loop brings is told together, so a batch of the store is a few messages per member and not one per entry. A
device has one subscription, the newest. Nothing here waits for anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qnpc.node.push import Source, Subscription, encoded
from qnpc.node.store.contract import Actor, StoredEntry
from qnpc.rpc import Peer, Remote

Told = tuple[StoredEntry, Sequence[bytes]]


@dataclass(slots=True)
class Run:
    """Entries of one channel without a gap, for the same recipients."""

    entries: list[StoredEntry]
    recipients: Sequence[bytes]
    size: int

    def takes(self, entry: StoredEntry, recipients: Sequence[bytes], most: int, most_bytes: int) -> bool:
        return (
            entry.seq == self.entries[-1].seq + 1
            and len(self.entries) < most
            and self.size + len(entry.payload) <= most_bytes
            and (recipients is self.recipients or recipients == self.recipients)
        )


class Fanout:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._online: dict[bytes, Subscription] = {}
        self._by_peer: dict[Peer, dict[Subscription, None]] = {}
        self._fresh: list[Told] = []

    # -- who listens ----------------------------------------------------------------------------------------------------------

    def subscribe(self, actor: Actor, expires: int, peer: Peer, sink: Remote) -> Subscription:
        """Not open yet. It replaces what the device had: the newest connection wins."""
        former = self._online.get(actor.device)
        if former is not None:
            former.end()
        subscription = Subscription(self._source, actor, expires, peer, sink, self._ended)
        self._online[actor.device] = subscription
        self._by_peer.setdefault(peer, {})[subscription] = None
        return subscription

    def end_session(self, actor: Actor) -> None:
        """The session was given up: what came with its token hears no more."""
        subscription = self._online.get(actor.device)
        if subscription is not None and subscription.actor == actor:
            subscription.end()

    def writable(self, peer: Peer) -> None:
        for subscription in list(self._by_peer.get(peer, ())):
            subscription.wake()

    def gone(self, peer: Peer) -> None:
        for subscription in list(self._by_peer.get(peer, ())):
            subscription.end()

    async def close(self) -> None:
        """Nothing more is pushed; returns when nothing runs any more."""
        ending = list(self._online.values())
        for subscription in ending:
            subscription.end()
        for subscription in ending:
            await subscription.stopped()

    def _ended(self, subscription: Subscription) -> None:
        if self._online.get(subscription.actor.device) is subscription:
            del self._online[subscription.actor.device]
        here = self._by_peer.get(subscription.peer, {})
        here.pop(subscription, None)
        if not here:
            self._by_peer.pop(subscription.peer, None)

    # -- what there is --------------------------------------------------------------------------------------------------------

    def tell(self, entry: StoredEntry, recipients: Sequence[bytes]) -> None:
        """`entry` was committed, for `recipients`."""
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._flush)
        self._fresh.append((entry, recipients))

    def remind(self, channel: bytes, seq: int, recipients: Iterable[bytes]) -> None:
        """An entry was committed some time ago, by whom we do not know; whoever lacks it reads it from the store."""
        for device in recipients:
            subscription = self._online.get(device)
            if subscription is not None:
                subscription.note(channel, seq)

    def _flush(self) -> None:
        fresh, self._fresh = self._fresh, []
        limits = self._source.limits
        for run in runs(fresh, limits.delivery_entries, limits.delivery_bytes):
            self._hand_out(run)

    def _hand_out(self, run: Run) -> None:
        channel, first, last = run.entries[0].channel, run.entries[0].seq, run.entries[-1].seq
        message = None
        for device in run.recipients:
            subscription = self._online.get(device)
            if subscription is None:
                continue
            if subscription.ready(channel, first):
                if message is None:
                    message = encoded(self._source.store.incarnation, run.entries)
                subscription.push(channel, last, message)
            else:
                subscription.note(channel, last)


def runs(told: Sequence[Told], most: int, most_bytes: int) -> Iterator[Run]:
    """What can go out in one message each, channel by channel, in order."""
    channels: dict[bytes, list[Told]] = {}
    for one in told:
        channels.setdefault(one[0].channel, []).append(one)
    for entries in channels.values():
        run: Run | None = None
        for entry, recipients in sorted(entries, key=lambda one: one[0].seq):
            if run is not None and run.takes(entry, recipients, most, most_bytes):
                run.entries.append(entry)
                run.size += len(entry.payload)
                continue
            if run is not None:
                yield run
            run = Run([entry], recipients, len(entry.payload))
        if run is not None:
            yield run
