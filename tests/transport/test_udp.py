"""The real UDP port on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from qnpc.limits import DEFAULT
from qnpc.ports import Address, Datagrams, Ports, Udp, UdpDatagrams
from qnpc.transport import TlsIdentity, connect
from tests.transport.peers import node


class Inbox:
    def __init__(self, datagrams: Datagrams) -> None:
        self.datagrams: list[tuple[bytes, Address]] = []
        self._news = asyncio.Event()
        datagrams.start(self)

    def datagrams_received(self, datagrams: list[tuple[bytes, Address]]) -> None:
        self.datagrams += datagrams
        self._news.set()

    async def take(self, count: int) -> list[bytes]:
        while len(self.datagrams) < count:
            await self._news.wait()
            self._news.clear()
        taken, self.datagrams = self.datagrams, []
        return [data for data, _ in taken]


BATCH = [bytes([n]) * 1200 for n in range(45)] + [b"short", b"", b"x" * 1300, b"y" * 1300, b"end"]


@pytest.mark.parametrize("offload", [True, False])
async def test_datagrams_keep_their_borders_and_order(offload: bool) -> None:
    """Whether or not the kernel cuts the segments."""
    server, client = await Udp().bind(("127.0.0.1", 0)), await Udp().bind(("127.0.0.1", 0))
    assert isinstance(client, UdpDatagrams)
    client._offload = client._offload and offload
    inbox = Inbox(server)
    client.send(BATCH, server.address)
    assert await inbox.take(len(BATCH)) == BATCH
    server.close()
    client.close()
    client.close()
    client.send(BATCH, server.address)


async def test_a_kernel_without_offload_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = await Udp().bind(("127.0.0.1", 0)), await Udp().bind(("127.0.0.1", 0))
    assert isinstance(client, UdpDatagrams)
    client._offload = True
    monkeypatch.setattr(UdpDatagrams, "_SEGMENT", 9999)  # no such option
    inbox = Inbox(server)
    client.send(BATCH, server.address)
    received = await inbox.take(1)
    assert received[0] in BATCH
    server.close()
    client.close()


async def test_a_passing_error_does_not_cost_the_offload() -> None:
    client = await Udp().bind(("127.0.0.1", 0))
    assert isinstance(client, UdpDatagrams)
    before = client._offload
    client.send([bytes(1200)] * 3, ("203.0.113.1", 0))  # port 0: EINVAL or nothing
    client._offload = before
    client.send([bytes(1200)] * 3, ("127.0.0.1", 9))
    assert client._offload is before
    client.close()


async def test_ipv6_carries_a_connection(ports: Ports, identity: TlsIdentity) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with node(identity, ports, address=("::1", 0)) as server:
        client = await server.client(ports)
        client.connection.send(b"hello")
        assert await client.bytes(5) == b"hello"
        assert server.peers[0].connection.peer_address[0] == "::1"
        client.connection.close()


async def test_the_ipv6_wildcard_serves_ipv4_too(ports: Ports, identity: TlsIdentity) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with node(identity, ports, address=("::", 0)) as server:
        connection = await connect(ports, ("127.0.0.1", server.address[1]), DEFAULT, pin=identity.pin)
        connection.close()


async def test_localhost_finds_a_node_on_ipv4(ports: Ports, identity: TlsIdentity) -> None:
    async with node(identity, ports) as server:
        connection = await connect(ports, ("localhost", server.address[1]), DEFAULT, pin=identity.pin)
        assert connection.peer_address == server.address
        connection.close()


class _WithoutReadiness(asyncio.SelectorEventLoop):
    """As the loop of Windows: no add_reader, but completions."""

    def add_reader(self, *_arguments: object) -> None:
        raise NotImplementedError


def test_a_loop_without_readiness_works_too(identity: TlsIdentity) -> None:
    async def main() -> None:
        ports = Ports()
        async with node(identity, ports) as server:
            client = await server.client(ports)
            client.connection.send(bytes(100_000))
            assert await client.bytes(100_000) == bytes(100_000)
            client.connection.close()
            await client.end()
        ports.close()

    loop: Callable[[], asyncio.AbstractEventLoop] = _WithoutReadiness
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
