"""Strangers wait their turn: none before those who are logged in, none before another who waits."""

from __future__ import annotations

import gc
import weakref

import pytest

from qnpc.limits import DEFAULT
from qnpc.ports import Address
from qnpc.transport import TlsIdentity, turns
from qnpc.transport.turns import Turns
from tests.support.network import Network, SeededRandom, run
from tests.transport.peers import Node, Recorder, node

SERVER: Address = ("10.0.0.1", 7000)


def hosts(waiting: Turns) -> list[str]:
    taken = []
    while (one := waiting.take()) is not None:
        taken.append(one[1][0])
    return taken


def test_each_address_has_its_turn() -> None:
    waiting = Turns()
    for host in ("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.2"):
        assert waiting.put(b"x", (host, 1))
    assert len(waiting) == 6
    assert hosts(waiting) == [f"10.0.0.{n}" for n in (1, 2, 3, 1, 2, 1)]
    assert len(waiting) == 0


def test_what_one_address_sends_stays_in_order_whatever_its_port() -> None:
    waiting = Turns()
    for number in range(5):
        waiting.put(bytes([number]), ("10.0.0.1", number))
    assert [waiting.take() for _ in range(5)] == [(bytes([n]), ("10.0.0.1", n)) for n in range(5)]


def test_one_address_cannot_fill_it_and_many_cannot_keep_others_out() -> None:
    waiting = Turns()
    assert [waiting.put(b"x", ("10.0.0.1", 1)) for _ in range(turns.PER_ADDRESS + 1)][-1] is False
    while (
        waiting.put(b"x", (f"10.1.{len(waiting) // 250}.{len(waiting) % 250}", 1))
        and len(waiting) < turns.IN_ALL
    ):
        pass
    assert not waiting.put(b"x", ("10.1.0.64", 1)), "it has one waiting already"
    assert waiting.put(b"x", ("10.9.9.9", 1))
    assert len(waiting) <= 2 * turns.IN_ALL


def test_spoofed_addresses_are_bounded_too() -> None:
    waiting = Turns()
    kept = sum(waiting.put(b"x", (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1)) for n in range(5000))
    assert kept == len(waiting) == 2 * turns.IN_ALL


async def greeted(server: Node, network: Network, ip: str) -> Recorder:
    client = await server.client(network.ports(ip))
    client.connection.send(b"x")
    assert await client.bytes(1) == b"x"
    return client


def test_who_is_logged_in_comes_before_a_flood_of_strangers(
    identity: TlsIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand datagrams wait; the answer to somebody known leaves in the same tick all the same."""
    network = Network(delay=0.001)
    monkeypatch.setattr("qnpc.transport.endpoint.SLICE", 0.0)  # one of them in each turn of the loop

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            honest = await greeted(server, network, "10.0.0.2")
            server.peers[0].connection.trust()
            await network.clock.sleep(0.1)
            noise = SeededRandom("flood")
            flood = [(b"\xc0" + noise.bytes(1199), (f"10.6.{n >> 6}.1", 1)) for n in range(1000)]
            held: list[tuple[bytes, Address]] = []

            def hold(sender: Address, _to: Address, data: bytes) -> bool:
                held.append((data, sender))
                return False

            network.filter = hold
            honest.connection.send(b"me too")
            while not held:
                await network.clock.sleep(0.001)
            server.endpoint.datagrams_received([*flood, *held])
            assert server.peers[0].received == b"xme too"
            assert len(server.endpoint._turns) > 900
            network.filter = lambda *_: True

    run(main())


def test_a_connection_that_is_over_holds_no_memory_until_the_collector_comes(identity: TlsIdentity) -> None:
    network = Network(delay=0.001)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            client = await greeted(server, network, "10.0.0.2")
            quic = server.peers[0].connection._quic
            tls = weakref.ref(quic.tls)
            del quic
            gc.collect()
            gc.disable()
            try:
                client.connection.close()
                await server.peers[0].end()
                assert tls() is None
                await network.clock.sleep(5)
                assert server.endpoint._connections == {}
            finally:
                gc.enable()

    run(main())
