"""A client and a node over real UDP on this machine: who is trusted, what arrives, how it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Address, Datagrams, Ports, Udp
from qnpc.transport import TlsIdentity, connect, groups
from tests.support.links import turns
from tests.transport.peers import craft, inject, node, stream_frame


async def test_a_handshake_is_post_quantum_on_both_ends(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(b"hello")
        assert await client.bytes(5) == b"hello"
        ours, theirs = client.connection, server.peers[0].connection
        assert (ours.tls_group, theirs.tls_group) == ("X25519MLKEM768", "X25519MLKEM768")
        assert ours.peer_pin == identity.pin
        assert theirs.peer_pin is None
        assert ours._quic.tls._supported_groups == [0x11EC], "nothing weaker was even offered"
        assert ours.peer_address == server.address
        assert theirs.peer_address[0] == "127.0.0.1"
        assert ours.round_trip is not None
        assert 0 < ours.handshake_time < 5
        assert server.endpoint.connections == 1
        client.connection.close()


async def test_a_client_without_post_quantum_is_accepted_and_seen(
    ports: Ports, identity: TlsIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node(identity, ports) as server:
        both = groups.offered(require_hybrid=False)
        monkeypatch.setattr(
            groups, "offered", lambda *, require_hybrid: [groups.CLASSICAL] if require_hybrid else both
        )
        client = await server.client(ports)
        client.connection.send(b"hello")
        assert await client.bytes(5) == b"hello"
        assert client.connection.tls_group == "X25519"
        assert server.peers[0].connection.tls_group == "X25519"
        client.connection.close()


async def test_a_client_that_requires_post_quantum_refuses_a_node_without(
    ports: Ports, identity: TlsIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        groups, "offered", lambda *, require_hybrid: [groups.HYBRID if require_hybrid else groups.CLASSICAL]
    )
    async with node(identity, ports) as server:
        with pytest.raises(Error, match="X25519MLKEM768") as refused:
            await server.client(ports)
        assert refused.value.kind is Code.UNREACHABLE
        assert server.peers == []


async def test_without_the_requirement_the_client_takes_what_the_node_has(
    ports: Ports, identity: TlsIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = groups.offered(require_hybrid=False)
    monkeypatch.setattr(groups, "offered", lambda *, require_hybrid: [groups.CLASSICAL])
    async with node(identity, ports) as server:
        monkeypatch.setattr(groups, "offered", lambda *, require_hybrid: both)
        connection = await connect(ports, server.address, DEFAULT, pin=identity.pin, require_hybrid=False)
        assert connection.tls_group == "X25519"
        connection.close()


async def test_a_wrong_pin_stops_before_anything_is_said(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        with pytest.raises(Error, match="not the pinned one") as refused:
            await connect(ports, server.address, DEFAULT, pin=bytes(32))
        assert refused.value.kind is Code.PIN_MISMATCH
        honest = await server.client(ports)
        honest.connection.send(b"x")
        assert await honest.bytes(1) == b"x"
        honest.connection.close()
        assert len(server.peers) == 1, "the refused handshake never became a connection"


async def test_without_a_pin_any_key_is_accepted_and_shown(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        connection = await connect(ports, server.address, DEFAULT, pin=None)
        assert connection.peer_pin == identity.pin
        connection.close()


async def test_eight_megabytes_arrive_whole_both_ways(ports: Ports, identity: TlsIdentity) -> None:
    data = ports.random.bytes(8 * 1024 * 1024)
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(data)
        assert await client.bytes(len(data)) == data
        assert client.connection._quic._local_max_data.value <= len(data) + 2 * DEFAULT.receive_window
        client.connection.close()


async def test_queued_falls_to_nothing_and_the_sender_is_told(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(bytes(1024 * 1024))
        assert client.connection.queued == 1024 * 1024
        await client.until(lambda: client.writable_calls > 0)
        assert client.connection.queued < DEFAULT.outbox // 2
        await client.bytes(1024 * 1024)
        client.connection.send(b"x")
        await client.bytes(1)
        assert client.connection.queued <= 1
        assert client.writable_calls == 1
        client.connection.close()


class _Counting(Udp):
    """Counts the datagrams that leave through it, and knows the largest."""

    def __init__(self) -> None:
        self.sent = 0
        self.largest = 0

    async def towards(self, address: Address) -> tuple[Datagrams, Address]:
        datagrams, resolved = await super().towards(address)
        send = datagrams.send

        def counted(batch: list[bytes], to: Address) -> None:
            self.sent += len(batch)
            self.largest = max(self.largest, *map(len, batch))
            send(batch, to)

        datagrams.send = counted  # type: ignore[assignment, method-assign]
        return datagrams, resolved


async def test_what_is_sent_in_one_tick_leaves_in_few_datagrams(ports: Ports, identity: TlsIdentity) -> None:
    counting = _Counting()
    async with node(identity, ports) as server:
        client = await server.client(replace(ports, datagrams=counting))
        client.connection.send(b"x")
        await client.bytes(1)
        counting.sent = counting.largest = 0
        for _ in range(200):
            client.connection.send(bytes(50))
        await turns(2)
        # The pacer may keep some for later, and then, on a slow machine, some may be sent again.
        in_one_tick = counting.sent
        assert 0 < in_one_tick <= 200 * 50 // 1100 + 6
        assert counting.largest > 1100, "full ones"
        await client.bytes(200 * 50)
        client.connection.close()


@pytest.mark.parametrize("size", [1200, 1452])
async def test_datagrams_are_as_large_as_the_limit_says(
    ports: Ports, identity: TlsIdentity, size: int
) -> None:
    counting = _Counting()
    async with node(identity, ports) as server:
        client = await server.client(replace(ports, datagrams=counting), replace(DEFAULT, datagram=size))
        client.connection.send(bytes(100_000))
        assert await client.bytes(100_000) == bytes(100_000)
        assert counting.largest == size
        client.connection.close()


@pytest.mark.parametrize("reason", ["E023 SHUTTING_DOWN: the node restarts retry_after=5", ""])
async def test_the_reason_of_a_close_reaches_the_other_side(
    ports: Ports, identity: TlsIdentity, reason: str
) -> None:
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(b"x")
        await client.bytes(1)
        await server.endpoint.close(reason)
        end = await client.end()
        if reason:
            assert isinstance(end, Error)
            assert (end.kind, end.retry_after, end.to_wire()) == (Code.SHUTTING_DOWN, 5, reason)
        else:
            assert end is None
        assert str(await server.peers[0].end()) == str(end), "and ours"


async def test_what_was_sent_before_a_close_still_arrives(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(b"last words")
        client.connection.close()
        client.connection.send(b"too late")
        assert await client.end() is None
        peer = await server.peer()
        assert await peer.end() is None
        assert bytes(peer.received) == b"last words"


async def test_no_inside_ever_leaves_as_a_reason(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(b"x")
        await client.bytes(1)
        server.peers[0].connection.close("KeyError: 'secret'")
        end = await client.end()
        assert isinstance(end, Error)
        assert end.kind is Code.INTERNAL
        assert "secret" not in str(end)


async def test_another_stream_closes_the_connection_with_a_code(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        client = await server.client(ports)
        inject(client.connection, craft(client.connection, stream_frame(0, b"x", stream=4)))
        end = await client.end()
        assert isinstance(end, Error)
        assert end.kind is Code.BAD_REQUEST


async def test_the_end_of_the_stream_is_a_normal_close(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(b"x")
        await client.bytes(1)
        fin = bytearray(stream_frame(1, b"bye"))
        fin[0] |= 1
        inject(client.connection, craft(client.connection, bytes(fin)))
        assert await client.end() is None
        assert bytes(server.peers[0].received) == b"xbye"


async def test_a_fault_in_one_receiver_ends_its_connection_alone(ports: Ports, identity: TlsIdentity) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: faults.append(context["exception"])
    )
    async with node(identity, ports) as server:
        broken, fine = await server.client(ports), await server.client(ports)
        broken.connection.send(b"x")
        await broken.bytes(1)
        server.peers[0].ends.append(None)  # the recorder now objects to data
        broken.connection.send(b"x")
        end = await broken.end()
        assert isinstance(end, Error)
        assert end.kind is Code.INTERNAL
        assert len(faults) == 1
        server.peers[0].ends.clear()
        fine.connection.send(b"still here")
        assert await fine.bytes(10) == b"still here"
        fine.connection.close()


async def test_a_name_that_does_not_exist_is_unreachable(ports: Ports) -> None:
    with pytest.raises(Error, match=r"nowhere\.invalid:7000") as failed:
        await connect(ports, ("nowhere.invalid", 7000), DEFAULT, pin=None)
    assert failed.value.kind is Code.UNREACHABLE


async def test_a_peer_that_never_reads_costs_a_bounded_amount(ports: Ports, identity: TlsIdentity) -> None:
    limits = replace(DEFAULT, message_after_login=512 * 1024, outbox=64 * 1024)
    async with node(identity, ports, limits) as server:
        client = await server.client(ports)
        client.connection.send(b"x")
        await client.bytes(1)
        slow = server.peers[0].connection
        for _ in range(100):
            slow.send(bytes(16 * 1024))
        assert slow.queued <= 600 * 1024
        end = await client.end()
        assert isinstance(end, Error)
        assert end.kind is Code.QUEUE_FULL
        assert isinstance(await server.peers[0].end(), Error)
        assert slow.queued == 0


async def test_what_a_node_answered_last_arrives_before_the_close(
    ports: Ports, identity: TlsIdentity
) -> None:
    """More than fits into the path at once: it needs the other side's acknowledgements to get out."""
    async with node(identity, ports) as server:
        client = await server.client(ports)
        client.connection.send(b"x")
        await client.bytes(1)
        server.peers[0].connection.send(bytes(1_000_000))
        async with asyncio.timeout(20):
            await server.endpoint.drained(60.0)
        await server.endpoint.close("E023 SHUTTING_DOWN: bye")
        assert isinstance(await client.end(), Error)
        assert len(client.received) == 1_000_000


async def test_draining_waits_no_longer_than_it_may(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        await server.endpoint.drained(20.0)  # nothing to wait for
        client = await server.client(ports)
        client.connection.send(b"x")
        await client.bytes(1)
        server.peers[0].connection.send(bytes(1_000_000))
        await server.endpoint.drained(0.0)
        assert server.peers[0].connection.queued > 0
