"""Time and loss, in virtual time on a network in memory: what users of bad networks would notice."""

from __future__ import annotations

import asyncio

import pytest

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Address
from qnpc.transport import Connection, TlsIdentity, connect, listen
from tests.support.network import Network, SeededRandom, run
from tests.transport.peers import Node, Recorder, craft, inject, stream_frame
from tests.transport.scenes import CLIENT, SERVER, scene


@pytest.mark.parametrize("seed", range(3))
def test_everything_arrives_in_order_over_a_lossy_network(identity: TlsIdentity, seed: int) -> None:
    network = Network(seed=seed, loss=0.12, double=0.05, delay=0.02, jitter=0.03)
    data = SeededRandom(seed).bytes(200_000)

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        for start in range(0, len(data), 1000):
            client.connection.send(data[start : start + 1000])
        assert await client.bytes(len(data)) == data
        assert client.ends == []
        client.connection.close()

    scene(network, identity, play)


def test_the_same_seed_sends_at_the_same_moments(identity: TlsIdentity) -> None:
    """Without crypto in the way: sizes of keys and signatures are constant, so the log is."""
    logs = []
    for _ in range(2):
        network = Network(seed=5, loss=0.05, jitter=0.005)

        async def play(server: Node, network: Network = network) -> None:
            client = await server.client(network.ports(CLIENT))
            client.connection.send(bytes(20_000))
            await client.bytes(20_000)
            client.connection.close()

        scene(network, identity, play)
        logs.append(network.log)
    assert logs[0] == logs[1]


def test_nobody_there_is_unreachable_within_the_deadline(identity: TlsIdentity) -> None:
    network = Network()

    async def main() -> None:
        with pytest.raises(Error, match=r"10\.0\.0\.9:7000 does not answer") as failed:
            await connect(network.ports(CLIENT), ("10.0.0.9", 7000), DEFAULT, pin=None)
        assert failed.value.kind is Code.UNREACHABLE
        assert network.clock.monotonic() == pytest.approx(DEFAULT.connect_timeout)

    run(main())


def test_a_dead_address_of_a_name_is_passed_over(identity: TlsIdentity) -> None:
    network = Network(names={"node.example": ["10.0.0.9", "10.0.0.8", SERVER[0]]})

    async def play(server: Node) -> None:
        address = ("node.example", SERVER[1])
        connection = await connect(network.ports(CLIENT), address, DEFAULT, pin=identity.pin)
        assert connection.peer_address == SERVER
        assert network.clock.monotonic() < 1
        connection.close()

    scene(network, identity, play)


def test_a_wrong_key_behind_a_name_is_never_passed_over(identity: TlsIdentity) -> None:
    network = Network(names={"node.example": [SERVER[0], "10.0.0.9"]})

    async def play(_server: Node) -> None:
        with pytest.raises(Error) as refused:
            await connect(network.ports(CLIENT), ("node.example", SERVER[1]), DEFAULT, pin=bytes(32))
        assert refused.value.kind is Code.PIN_MISMATCH

    scene(network, identity, play)


def test_giving_up_on_a_connect_leaves_no_socket(identity: TlsIdentity) -> None:
    network = Network()

    async def main() -> None:
        ports = network.ports(CLIENT)
        task = asyncio.ensure_future(connect(ports, ("10.0.0.9", 7000), DEFAULT, pin=None))
        await network.clock.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await network.clock.sleep(0)
        assert network._bound == {}

    run(main())


def test_an_idle_connection_is_kept_alive(identity: TlsIdentity) -> None:
    network = Network()

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        client.connection.send(b"x")
        await client.bytes(1)
        server.peers[0].connection.authenticated()
        sent = len(network.log)
        await network.clock.sleep(10 * DEFAULT.idle)
        assert client.ends == []
        assert len(network.log) - sent < 2.5 * 10 * DEFAULT.idle / DEFAULT.keepalive
        client.connection.send(b"still here")
        assert await client.bytes(10) == b"still here"
        client.connection.close()

    scene(network, identity, play)


def test_a_peer_that_vanishes_is_noticed_on_both_sides(identity: TlsIdentity) -> None:
    network = Network()

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        client.connection.send(b"x")
        await client.bytes(1)
        server.peers[0].connection.authenticated()
        network.loss = 1.0
        for recorder in (client, server.peers[0]):
            end = await recorder.end()
            assert isinstance(end, Error)
            assert end.kind is Code.UNREACHABLE
        assert network.clock.monotonic() < 2 * DEFAULT.idle + 1
        assert server.endpoint.connections == 0

    scene(network, identity, play)


def test_the_stream_itself_never_holds_much(identity: TlsIdentity) -> None:
    """What waits, waits in our queue, where it can be counted and dropped."""
    network = Network()

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        network.loss = 1.0
        client.connection.send(bytes(1024 * 1024))
        await network.clock.sleep(1)
        assert client.connection._quic.backlog(0) <= DEFAULT.stream_buffer
        assert client.connection.queued == 1024 * 1024
        network.loss = 0.0
        await client.bytes(1024 * 1024)
        client.connection.close()

    scene(network, identity, play)


def test_acknowledgements_ride_on_answers(identity: TlsIdentity) -> None:
    """A question and its answer are two datagrams, not four: that halves what each costs."""
    network = Network(delay=0.001)

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        client.connection.send(b"x")
        await client.bytes(1)
        await network.clock.sleep(1)
        sent = len(network.log)
        for _ in range(50):
            client.connection.send(b"question")
            assert await client.bytes(8) == b"question"
        assert len(network.log) - sent <= 2 * 50 + 2
        client.connection.close()

    scene(network, identity, play)


def test_a_message_larger_than_the_first_window_does_not_wait_for_an_acknowledgement_that_waits(
    identity: TlsIdentity,
) -> None:
    network = Network(delay=0.005)

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        client.connection.send(b"x")
        await client.bytes(1)
        await network.clock.sleep(1)
        server.peers[0]._echoes = False  # an answer would bring the acknowledgement
        client.connection._quic._loss._cc.congestion_window = 2 * DEFAULT.datagram  # as after losses
        began = network.clock.monotonic()
        client.connection.send(bytes(20_000))
        while len(server.peers[0].received) < 20_001:
            await network.clock.sleep(0.001)
        assert network.clock.monotonic() - began < 6 * 0.01
        client.connection.close()

    scene(network, identity, play)


def test_a_lost_close_is_said_again(identity: TlsIdentity) -> None:
    network = Network(delay=0.001)

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        client.connection.send(b"x")
        await client.bytes(1)
        lost: list[bytes] = []

        def lose_the_first(sender: Address, _to: Address, data: bytes) -> bool:
            if sender == SERVER and not lost:
                lost.append(data)
                return False
            return True

        network.filter = lose_the_first
        server.peers[0].connection.close("E022 DEVICE_REVOKED: this device has been revoked")
        client.connection.send(b"anyone?")
        end = await client.end()
        assert lost
        assert isinstance(end, Error)
        assert end.kind is Code.DEVICE_REVOKED
        assert network.clock.monotonic() < 2

    scene(network, identity, play)


def test_bytes_before_start_are_kept(identity: TlsIdentity) -> None:
    network = Network()

    async def main() -> None:
        arrived: list[Connection] = []
        server = await listen(network.ports(SERVER[0]), SERVER, identity, DEFAULT, arrived.append)
        client = await connect(network.ports(CLIENT), SERVER, DEFAULT, pin=identity.pin)
        client.send(b"early")
        await network.clock.sleep(1)
        late = Recorder(arrived[0])
        assert bytes(late.received) == b"early"
        with pytest.raises(RuntimeError):
            arrived[0].start(late)
        client.close()
        assert await late.end() is None

        second = await connect(network.ports(CLIENT), SERVER, DEFAULT, pin=identity.pin)
        second.send(b"early")
        second.close()
        await network.clock.sleep(1)
        over = Recorder(arrived[1])
        assert bytes(over.received) == b"early"
        assert over.ends == [], "never from within start()"
        assert await over.end() is None
        await server.close()

    run(main())


def test_a_client_that_moves_is_followed(identity: TlsIdentity) -> None:
    """A NAT that gives the client another port breaks nothing."""
    network = Network()

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        client.connection.send(b"x")
        await client.bytes(1)
        before = server.peers[0].connection.peer_address
        endpoint = client.connection._driver
        old = endpoint._datagrams  # type: ignore[attr-defined]
        moved = network.open(CLIENT, 0)
        moved.start(endpoint)  # type: ignore[arg-type]
        endpoint._datagrams = moved  # type: ignore[attr-defined]
        old.close()
        client.connection.send(b"moved")
        assert await client.bytes(5) == b"moved"
        assert server.peers[0].connection.peer_address == moved.address != before
        client.connection.close()

    scene(network, identity, play)


def test_a_normal_end_of_a_crafted_stream(identity: TlsIdentity) -> None:
    """Pieces out of order are put in order before the receiver sees them."""
    network = Network()

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        inject(client.connection, craft(client.connection, stream_frame(3, b"lo")))
        inject(client.connection, craft(client.connection, stream_frame(0, b"hel")))
        peer = await server.peer()
        await peer.until(lambda: len(peer.received) == 5)
        assert bytes(peer.received) == b"hello"

    scene(network, identity, play)
