"""A node that dies without a word: its clients notice, at once when it is back, in seconds when it is not."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Address
from qnpc.transport import TlsIdentity
from qnpc.transport.stateless import SHORTEST, Resets, is_reset
from tests.support.network import Network, SeededRandom, run
from tests.transport.peers import node

SERVER: Address = ("10.0.0.1", 7000)
CLIENT = "10.0.0.2"


def lost(end: Exception | None, sentence: str) -> None:
    assert isinstance(end, Error)
    assert end.kind is Code.UNREACHABLE
    assert sentence in str(end)


def test_a_client_learns_at_once_that_its_node_was_restarted(identity: TlsIdentity) -> None:
    network = Network(delay=0.02)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as first:
            client = await first.client(network.ports(CLIENT))
            client.connection.send(b"hello")
            assert await client.bytes(5) == b"hello"
            first.endpoint.shut()  # as kill -9 does: nothing is said
            async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER):
                before = network.clock.monotonic()
                client.connection.send(b"still there?")
                lost(await client.end(), "was restarted")
                assert network.clock.monotonic() - before < 1.0

    run(main())


def test_a_client_gives_up_on_a_node_that_stays_away(identity: TlsIdentity) -> None:
    network = Network(delay=0.02)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            client = await server.client(network.ports(CLIENT))
            client.connection.send(b"hello")
            assert await client.bytes(5) == b"hello"
            server.endpoint.shut()
            before = network.clock.monotonic()
            client.connection.send(b"still there?")
            lost(await client.end(), "does not answer any more")
            assert network.clock.monotonic() - before == pytest.approx(DEFAULT.silence, abs=0.5)

    run(main())


def test_an_idle_client_is_not_given_up_on(identity: TlsIdentity) -> None:
    network = Network(delay=0.02)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            client = await server.client(network.ports(CLIENT))
            client.connection.send(b"hello")
            assert await client.bytes(5) == b"hello"
            server.peers[0].connection.authenticated()
            await asyncio.wait({asyncio.ensure_future(client.end())}, timeout=10 * DEFAULT.silence)
            assert client.ends == []
            client.connection.close()

    run(main())


@pytest.mark.parametrize("token", [bytes(16), b"\xff" * 16])
def test_a_reset_with_another_token_ends_nothing(identity: TlsIdentity, token: bytes) -> None:
    network = Network(delay=0.02)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            client = await server.client(network.ports(CLIENT))
            client.connection.send(b"hello")
            assert await client.bytes(5) == b"hello"
            client.connection.receive_stray(b"\x40" + bytes(26) + token)
            client.connection.send(b"again")
            assert await client.bytes(5) == b"again"
            client.connection.close()

    run(main())


def test_resets_are_shorter_than_what_they_answer_and_bounded(identity: TlsIdentity) -> None:
    resets = Resets(identity.key, SeededRandom(1))
    assert resets.answer(bytes(SHORTEST), b"12345678", 1.0) is None
    for size in (SHORTEST + 1, 100, 1200):
        answer = resets.answer(bytes(size), b"12345678", 1.0)
        assert answer is not None
        assert SHORTEST <= len(answer) < size
        assert answer[0] & 0xC0 == 0x40
        assert is_reset(answer, resets.token(b"12345678"))
        assert not is_reset(answer, resets.token(b"12345679"))
        assert not is_reset(answer, b"")
    answers = [resets.answer(bytes(100), b"12345678", 2.0) for _ in range(10_000)]
    assert sum(answer is not None for answer in answers) <= 200
    assert resets.answer(bytes(100), b"12345678", 3.0) is not None


def test_the_token_of_an_id_is_the_same_after_a_restart_and_another_nodes_differs(
    identity: TlsIdentity,
) -> None:

    again = Resets(identity.key, SeededRandom(2))
    assert Resets(identity.key, SeededRandom(1)).token(b"id") == again.token(b"id")
    assert Resets(Ed25519PrivateKey.generate(), SeededRandom(1)).token(b"id") != again.token(b"id")
