"""The short way out sends what the library would: two pairs of connections go through the same, one of them on the library's way.

What differs between the two would be seen by peers as other packets, and by a path as another load.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aioquic.quic import events
from aioquic.quic.connection import QuicConnection

from qnpc.limits import DEFAULT
from qnpc.ports import Address, Ports
from qnpc.transport import TlsIdentity, dialing, groups, listening
from qnpc.transport.bounded import BoundedConnection

CLIENT: Address = ("192.0.2.1", 1)
NODE: Address = ("192.0.2.2", 2)
STREAM = 0


class LibrarysWay(BoundedConnection):
    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Address]]:
        return QuicConnection.datagrams_to_send(self, now)


@dataclass
class Pair:
    """A client and a node that have done their handshake. `got`: what each has received."""

    client: BoundedConnection
    node: BoundedConnection
    got: dict[bool, bytearray]

    @classmethod
    def joined(cls, kind: type[BoundedConnection], identity: TlsIdentity) -> Pair:
        offered = groups.offered(require_hybrid=True)
        client = kind(configuration=dialing._configuration("node", DEFAULT), groups=offered)
        client.connect(NODE, 0.0)
        node = kind(
            configuration=listening._configuration(identity, DEFAULT),
            groups=offered,
            original_destination_connection_id=client.original_destination_connection_id,
        )
        pair = cls(client, node, {True: bytearray(), False: bytearray()})
        client.send_stream_data(STREAM, b"first")
        for turn in range(20):
            now = 0.01 * (turn + 1)
            pair.carry(client, now, lambda _: False)
            pair.carry(node, now + 0.005, lambda _: False)
        assert bytes(pair.got[False]) == b"first"
        for end in (client, node):  # signatures differ in length from run to run
            end._loss._cc.congestion_window = 14_000
            end._loss._cc.ssthresh = None
        return pair

    def carry(self, sender: BoundedConnection, now: float, lost: object) -> list[int]:
        """One poll of an end, and what comes of it at the other. Returns the sizes of what was sent."""
        receiver, address = (self.node, CLIENT) if sender is self.client else (self.client, NODE)
        timer = sender.get_timer()
        if timer is not None and timer <= now:
            sender.handle_timer(now)
        sizes = []
        for number, (datagram, to) in enumerate(sender.datagrams_to_send(now)):
            assert to == (NODE if sender is self.client else CLIENT)
            sizes.append(len(datagram))
            if not (callable(lost) and lost(number)):
                receiver.receive_datagram(datagram, address, now)
        while (event := receiver.next_event()) is not None:
            if isinstance(event, events.StreamDataReceived):
                self.got[receiver is self.client] += event.data
            assert not isinstance(event, events.ConnectionTerminated), event
        return sizes


@pytest.fixture
def identity(tmp_path: Path, ports: Ports) -> TlsIdentity:
    return TlsIdentity.load_or_create(tmp_path / "cert", tmp_path / "key", now=0.0, random=ports.random)


def _state(end: BoundedConnection) -> tuple[object, ...]:
    sender = end._streams[STREAM].sender
    return (
        end._packet_number,
        end._loss.bytes_in_flight,
        end._loss.congestion_window,
        end._loss._pacer.bucket_time,
        end._remote_max_data_used,
        end._close_at,
        sender.highest_offset,
        sender._buffer_start,
        len(sender._pending),
        list(end._spaces.values())[-1].ack_at,
    )


def _script(seed: int, steps: int) -> Iterator[tuple[float, int, int, random.Random]]:
    """Moments, how many bytes each end sends at each, and a source for what is lost, alike each time."""
    rng = random.Random(seed)  # noqa: S311
    now = 1.0
    for _ in range(steps):
        now += rng.choice((0.0, 0.0001, 0.002, 0.02, 0.3))
        down = rng.choice((0, 0, 1, 300, 1143, 1144, 5000, 40_000))
        yield now, rng.choice((0, 0, 48, 3000)), down, random.Random(rng.random())  # noqa: S311


@pytest.mark.parametrize(("seed", "loss"), [(1, 0.0), (2, 0.0), (3, 0.05), (4, 0.3), (5, 0.1), (6, 0.02)])
def test_the_same_is_sent_on_either_way(identity: TlsIdentity, seed: int, loss: float) -> None:
    seen = []
    for kind in (LibrarysWay, BoundedConnection):
        pair = Pair.joined(kind, identity)
        trace = []
        for now, up, down, chance in _script(seed, 400):
            for end, size in ((pair.node, down), (pair.client, up)):
                if size:
                    end.send_stream_data(STREAM, bytes((size & 0xFF,)) * size)
                    end.hasten_ack(now)
                sizes = pair.carry(end, now, lambda _, chance=chance: chance.random() < loss)
                trace.append((round(now, 6), end is pair.node, sizes, _state(end)))
        seen.append((trace, bytes(pair.got[True]), bytes(pair.got[False])))
    library, short = seen
    for theirs, ours in zip(library[0], short[0], strict=True):
        assert theirs == ours
    assert library[1:] == short[1:]
    assert len(short[1]) > 100_000


def test_who_has_nothing_to_send_is_not_woken(identity: TlsIdentity) -> None:
    """The library paces what comes next even when nothing comes: each burst would cost one more turn."""
    pair = Pair.joined(BoundedConnection, identity)
    pair.node.send_stream_data(STREAM, bytes(3000))
    assert len(pair.carry(pair.node, 1.0, lambda _: False)) == 3
    pair.carry(pair.client, 1.025, lambda _: False)
    timer = pair.node.get_timer()
    assert timer is not None
    assert timer > 10
    assert pair.carry(pair.node, 1.025, lambda _: False) == []


def test_a_burst_of_a_node_goes_the_short_way(identity: TlsIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing is won, and no other test would notice."""
    pair = Pair.joined(BoundedConnection, identity)
    monkeypatch.setattr(QuicConnection, "datagrams_to_send", lambda *_: pytest.fail("the library's way"))
    pair.client.send_stream_data(STREAM, bytes(48))
    pair.carry(pair.client, 1.0, lambda _: False)
    pair.node.send_stream_data(STREAM, bytes(3000))
    pair.node.hasten_ack(1.0)
    assert len(pair.carry(pair.node, 1.0, lambda _: False)) == 3
    assert len(pair.carry(pair.client, 1.03, lambda _: False)) == 1
    assert bytes(pair.got[True])[-3000:] == bytes(3000)
