"""Strangers wait their turn: none before those who are logged in, none before another who waits."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, replace
from typing import cast

from qnpc.limits import DEFAULT
from qnpc.ports import Address
from qnpc.transport import Connection, TlsIdentity
from qnpc.transport.lines import Line
from qnpc.transport.turns import Turns
from tests.support.links import turns as pass_turns
from tests.support.network import Network, SeededRandom, run
from tests.transport.peers import Node, Recorder, node

SERVER: Address = ("10.0.0.1", 7000)


BUSY = {f"10.6.6.{n}": 5 for n in range(50)} | {"neighbours": 1}
"""Addresses with which handshakes are under way, and how many."""


@dataclass(eq=False)
class Stub:
    is_open: bool


def waiting(*hosts: str) -> Turns:
    turns = Turns(DEFAULT, lambda key: BUSY.get(key, 0))
    for number, host in enumerate(hosts):
        assert turns.put((bytes([number]), (host, number)), None)
    return turns


def served(turns: Turns) -> list[tuple[str, bytes]]:
    taken = []
    while (one := turns.take()) is not None:
        taken += [(address[0], data) for data, address in one[1]]
    return taken


def test_each_address_has_its_turn_of_a_first_flight() -> None:
    turns = waiting("a", "a", "a", "b", "c", "b", "a")
    assert [host for host, _ in served(turns)] == ["a", "a", "b", "b", "a", "a", "c"]
    assert not turns
    assert turns.unknown == 0


def test_what_one_address_sends_stays_in_order_whatever_its_port() -> None:
    assert served(waiting(*["a"] * 5)) == [("a", bytes([n])) for n in range(5)]


def test_one_address_cannot_fill_it_and_many_cannot_keep_others_out() -> None:
    line: Line[str] = Line(each=64, in_all=1024)
    assert [line.put("x", (b"x", ("x", 1))) for _ in range(65)][-1] is False
    for number in range(1024 - 64):
        assert line.put(f"{number}", (b"x", ("x", 1)))
    assert line.put("5", (b"x", ("x", 1))), "the second of a first flight"
    assert not line.put("5", (b"x", ("x", 1))), "it has two waiting already"
    assert line.put("another", (b"x", ("x", 1)))
    for number in range(5000):
        line.put(f"and {number}", (b"x", ("x", 1)))
    assert line.datagrams == 2 * 1024, "spoofed addresses are bounded too"


def test_who_has_come_further_waits_for_none_of_those_behind() -> None:
    """However many first packets wait and handshakes are under way, whoever is through has each third turn."""
    turns = waiting(*(f"10.0.{n}.1" for n in range(250)))
    begun = [cast("Connection", Stub(is_open=False)) for _ in range(250)]
    through = cast("Connection", Stub(is_open=True))
    for connection in (*begun, through, through, through, through, through):
        turns.put((b"x", ("a", 1)), connection)
    taken = [turn for _ in range(6) if (turn := turns.take())]
    assert [len(datagrams) for connection, datagrams in taken if connection is through] == [4, 1]
    assert sum(connection is None for connection, _ in taken) == 2


def test_who_sends_little_waits_for_none_who_send_much() -> None:
    line: Line[str] = Line(each=64, in_all=1024)
    for number in range(640):
        line.put(f"{number % 40}", (b"x", ("x", 1)))
    for _ in range(80):
        line.take(4)
    for key in ("honest", "too"):
        line.put(key, (b"x", ("x", 1)))
    assert {"honest", "too"} <= {line.take(4)[0] for _ in range(4)}
    line.want("5")
    line.content("5")
    while line:
        line.take(4)
    assert line.datagrams == 0


def test_who_begins_little_waits_for_none_who_begin_again_and_again() -> None:
    """Whoever owns an address can answer a Retry and then be silent, as often as it likes. Who shares one may come at once with another."""
    turns = waiting(*BUSY, *BUSY, *BUSY, "new")
    first = [turn[1][0][1][0] for _ in range(3) if (turn := turns.take())]
    assert {"new", "neighbours"} < set(first)


def test_what_is_repeated_to_the_silent_comes_last() -> None:
    turns = waiting("a", "b", "c")
    silent, through = (cast("Connection", Stub(is_open)) for is_open in (False, True))
    turns.want(silent)
    turns.want(through)
    order = [turn[0] for _ in range(5) if (turn := turns.take())]
    assert order[-1] is silent
    assert order.index(through) < 2
    turns.want(silent)
    turns.content(silent)
    assert not turns


def test_a_connection_that_has_something_to_say_has_a_turn_too() -> None:
    line: Line[str] = Line(each=2, in_all=2)
    line.want("a")
    line.want("a")
    assert line.put("a", (b"x", ("a", 1)))
    assert line.take(4) == ("a", [(b"x", ("a", 1))])
    line.want("a")
    line.content("a")
    assert not line
    line.put("a", (b"x", ("a", 1)))
    line.content("a")
    assert line.drop("a") == [(b"x", ("a", 1))]
    assert (line.datagrams, len(line)) == (0, 0)


async def greeted(server: Node, network: Network, ip: str) -> Recorder:
    client = await server.client(network.ports(ip))
    client.connection.send(b"x")
    assert await client.bytes(1) == b"x"
    return client


def test_who_is_logged_in_comes_before_a_flood_of_strangers(identity: TlsIdentity) -> None:
    """A thousand datagrams wait; the answer to somebody known leaves in the same tick all the same."""
    network = Network(delay=0.001)
    limits = replace(DEFAULT, turn=0.0)  # one of them in each turn of the loop

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), limits, SERVER) as server:
            honest = await greeted(server, network, "10.0.0.2")
            server.peers[0].connection.authenticated()
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
            assert server.endpoint._rationing.turns.unknown > 900
            network.filter = lambda *_: True

    run(main())


def test_who_logs_in_waits_among_strangers_no_longer(identity: TlsIdentity) -> None:
    """Neither with what it has sent already nor for the answer, however many wait there."""
    network = Network(delay=0.001)
    limits = replace(DEFAULT, turn=0.0)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), limits, SERVER) as server:
            client = await greeted(server, network, "10.0.0.2")
            await network.clock.sleep(0.1)
            flood = [(b"\xc0" + bytes(1199), (f"10.6.{n >> 6}.1", 1)) for n in range(1000)]
            held: list[tuple[bytes, Address]] = []

            def hold(sender: Address, _to: Address, data: bytes) -> bool:
                held.append((data, sender))
                return False

            network.filter = hold
            client.connection.send(b"me too")
            while not held:
                await network.clock.sleep(0.001)
            server.endpoint._rationing.notice()
            server.endpoint.datagrams_received([*flood, *held])
            held.clear()
            assert server.peers[0].received == b"x", "it waits"
            server.peers[0].connection.authenticated()
            began = network.clock.monotonic()
            await pass_turns(5)
            assert server.peers[0].received == b"xme too"
            assert any(sender == SERVER for _, sender in held), "and is answered"
            assert network.clock.monotonic() == began
            assert server.endpoint._rationing.turns.unknown > 900
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


def test_who_has_begun_since_waits_among_those_who_have() -> None:
    """However much of one address waited when it was new: who comes now is as new, and comes before the rest of it."""
    begun: dict[str, int] = {}
    turns = Turns(DEFAULT, lambda key: begun.get(key, 0))
    for number in range(8):
        turns.put((bytes([number]), ("10.6.6.1", 1)), None)
    turns.put((b"n", ("10.0.0.2", 1)), None)
    assert turns.take() == (None, [(b"\0", ("10.6.6.1", 1)), (b"\1", ("10.6.6.1", 1))])
    begun["10.6.6.1"] = 3
    assert turns.take() == (None, [(b"n", ("10.0.0.2", 1))])
    assert [data for _, data in served(turns)] == [bytes([number]) for number in range(2, 8)]
    assert turns.unknown == 0


def test_what_is_owed_is_not_forgotten_when_the_answer_is_sent() -> None:
    """Something was answered at once, so it wanted to send; more was held, so it is owed a turn; then all was sent."""
    turns, connection = waiting(), cast("Connection", Stub(is_open=True))
    turns.want(connection)
    turns.owe(connection)
    turns.content(connection)
    assert turns.take() == (connection, [])
    assert turns.take() is None


def test_datagrams_that_come_as_the_handshake_ends_stay_in_order() -> None:
    turns, stub = waiting(), Stub(is_open=False)
    connection = cast("Connection", stub)
    for number in range(6):
        turns.put((bytes([number]), ("a", 1)), connection)
    stub.is_open = True
    turns.put((b"\6", ("a", 1)), connection)
    assert [data for _, data in served(turns)] == [bytes([number]) for number in range(7)]
