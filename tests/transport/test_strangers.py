"""Who comes and has not logged in: how long they may stay, how many of them, and that none keeps others out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.transport import Connection, TlsIdentity, connect
from tests.support.network import Network, VirtualClock, run
from tests.transport.peers import Node, node
from tests.transport.scenes import CLIENT, SERVER, scene


def test_half_open_connections_expire(identity: TlsIdentity) -> None:
    """A client whose second flight never comes holds its place for the handshake's deadline and no longer."""
    network = Network()

    async def play(server: Node) -> None:
        network.filter = lambda sender, _to, _data: sender != SERVER
        tasks = [
            asyncio.ensure_future(connect(network.ports(f"10.0.1.{n}"), SERVER, DEFAULT, pin=None))
            for n in range(5)
        ]
        await network.clock.sleep(1)
        assert len(server.endpoint._connections) == 5
        assert server.endpoint.connections == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await network.clock.sleep(DEFAULT.handshake)
        assert server.endpoint._connections == {}
        assert server.endpoint._by_id == {}

    scene(network, identity, play)


class WearyClock(VirtualClock):
    """Of a slow machine: some time passes between any two looks at it."""

    def __init__(self) -> None:
        self._looks = 0

    def monotonic(self) -> float:
        self._looks += 1
        return super().monotonic() + self._looks * 1e-6


def test_half_open_connections_expire_however_long_strangers_wait_for_a_turn(identity: TlsIdentity) -> None:
    network = Network()
    limits = replace(DEFAULT, turn_quiet=1000.0, turn_pause=1000.0, turn_share=1e-12)

    async def main() -> None:
        ports = replace(network.ports(SERVER[0]), clock=WearyClock())
        async with node(identity, ports, limits, SERVER) as server:
            client = await server.client(network.ports(CLIENT))
            network.filter = lambda sender, to, _data: sender != SERVER or not to[0].startswith("10.0.1.")
            tasks = [
                asyncio.ensure_future(connect(network.ports(f"10.0.1.{n}"), SERVER, DEFAULT, pin=None))
                for n in range(5)
            ]
            await network.clock.sleep(0.1)
            assert len(server.endpoint._connections) == 6
            server.peers[0].connection.authenticated()  # from here on no stranger has a turn
            client.connection.send(b"x")
            assert await client.bytes(1) == b"x"
            await network.clock.sleep(DEFAULT.handshake + 0.5)
            assert len(server.endpoint._connections) == 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert await _is_served(network, "10.0.1.99") is False, "it is as the test says"

    async def _is_served(network: Network, ip: str) -> bool:
        network.filter = lambda *_: True
        try:
            (
                await connect(network.ports(ip), SERVER, replace(DEFAULT, connect_timeout=3.0), pin=None)
            ).close()
        except Error:
            return False
        return True

    run(main())


def test_too_many_half_open_ones_make_room_again(identity: TlsIdentity) -> None:
    network = Network()
    limits = replace(DEFAULT, connections_before_login=3, makes_room=10.0)

    async def play(server: Node) -> None:
        deaf = lambda sender, to, _data: sender != SERVER or not to[0].startswith("10.0.1.")  # noqa: E731
        network.filter = deaf
        tasks = [
            asyncio.ensure_future(connect(network.ports(f"10.0.1.{n}"), SERVER, limits, pin=None))
            for n in range(8)
        ]
        await network.clock.sleep(1)
        assert len(server.endpoint._connections) == 3
        client = await server.client(network.ports(CLIENT), replace(limits, connect_timeout=20))
        client.connection.send(b"x")
        assert await client.bytes(1) == b"x"
        client.connection.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    scene(network, identity, play, limits)


def test_under_pressure_a_client_must_show_its_address(identity: TlsIdentity) -> None:
    network = Network()
    limits = replace(DEFAULT, half_open_retry=0)

    async def play(server: Node) -> None:
        client = await server.client(network.ports(CLIENT))
        assert client.connection._quic._retry_count == 1
        client.connection.send(b"x")
        assert await client.bytes(1) == b"x"
        client.connection.close()

    scene(network, identity, play, limits)


def test_an_address_has_only_so_many_connections_that_are_logged_in(identity: TlsIdentity) -> None:
    network = Network()
    limits = replace(DEFAULT, connections_per_address=2)

    async def play(server: Node) -> None:
        honest = await server.client(network.ports(CLIENT))
        other = await server.client(network.ports(CLIENT))
        await network.clock.sleep(1)
        for peer in server.peers:
            peer.connection.authenticated()
        with pytest.raises(Error, match="refuses more connections") as refused:
            await server.client(network.ports(CLIENT))
        assert refused.value.kind is Code.UNREACHABLE
        elsewhere = await server.client(network.ports("10.0.0.3"))
        honest.connection.send(b"still here")
        assert await honest.bytes(10) == b"still here"
        other.connection.close()
        await network.clock.sleep(1)
        again = await server.client(network.ports(CLIENT))
        for recorder in (honest, elsewhere, again):
            recorder.connection.close()

    scene(network, identity, play, limits)


def test_who_does_not_log_in_is_sent_away(identity: TlsIdentity) -> None:
    """And who has, is not."""
    network = Network()

    async def play(server: Node) -> None:
        idle = await server.client(network.ports(CLIENT))
        member = await server.client(network.ports(CLIENT))
        await network.clock.sleep(1)
        server.peers[1].connection.authenticated()
        end = await idle.end()
        assert isinstance(end, Error)
        assert end.kind is Code.TOO_MANY_LOGINS
        assert network.clock.monotonic() == pytest.approx(DEFAULT.login, abs=1)
        await network.clock.sleep(2 * DEFAULT.login)
        assert member.ends == []
        member.connection.close()

    scene(network, identity, play)


def test_connections_on_which_nobody_logs_in_keep_nobody_out(identity: TlsIdentity) -> None:
    """Neither at their own address, which has its share, nor elsewhere; and who is logged in stays."""
    network = Network()
    limits = replace(DEFAULT, connections_before_login_per_address=3, connections_before_login=5)

    async def play(server: Node) -> None:
        member = await server.client(network.ports("10.0.1.1"))
        await network.clock.sleep(1)
        server.peers[0].connection.authenticated()
        idle = [await server.client(network.ports("10.0.1.1")) for _ in range(3)]
        await network.clock.sleep(2)
        neighbour = await server.client(network.ports("10.0.1.1"))
        await network.clock.sleep(1)
        assert [len(one.ends) for one in idle] == [1, 0, 0], "the oldest makes room"
        others = [await server.client(network.ports(f"10.0.2.{n}")) for n in range(4)]
        await network.clock.sleep(1)
        assert [len(one.ends) for one in idle] == [1, 1, 1], "of the address that has most"
        assert not any(one.ends for one in (member, neighbour, *others))
        assert server.endpoint.connections == 6
        for one in (member, neighbour, *others):
            one.connection.close()

    scene(network, identity, play, limits)


def test_many_clients_at_once_from_one_address_all_get_in(identity: TlsIdentity) -> None:
    """More than there are places before a login: the others come when these have logged in, and nobody is ended for them."""
    network = Network(delay=0.005)
    limits = replace(DEFAULT, connections_before_login_per_address=8)

    async def play(server: Node) -> None:
        arrived = server.arrived

        def logs_in(connection: Connection) -> None:
            arrived(connection)
            network.clock.call_later(0.05, connection.authenticated)

        server.on_arrival = logs_in
        clients = await asyncio.gather(*(server.client(network.ports(CLIENT)) for _ in range(30)))
        await network.clock.sleep(1)
        assert not any(client.ends for client in clients)
        for client in clients:
            client.connection.close()

    scene(network, identity, play, limits)
