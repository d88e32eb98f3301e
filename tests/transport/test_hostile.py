"""Peers that do not keep to the rules: what they can hold is bounded, they are told, and nobody else
notices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from aioquic import tls
from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicPacketType, pull_quic_header
from aioquic.quic.packet_builder import QuicPacketBuilder

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Address, Ports
from qnpc.transport import TlsIdentity, bounded, connect, listen, private
from qnpc.transport.bounded import BoundedConnection
from qnpc.transport.connection import Connection
from qnpc.transport.endpoint import LONGEST
from tests.support.network import Network, SeededRandom, run
from tests.transport.peers import Node, Recorder, craft, crypto_frame, initial, inject, node, stream_frame

SERVER: Address = ("10.0.0.1", 7000)
STRANGER: Address = ("10.0.6.6", 666)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a connection held is still to be seen when it is over."""
    monkeypatch.setattr(private.OpenConnection, "dismantle", lambda _: None)


def held(connection: Connection) -> int:
    """Bytes that a connection holds for its peer."""
    quic = connection._quic
    receivers = [stream.receiver for stream in quic._streams.values()]
    receivers += [stream.receiver for stream in quic._crypto_streams.values()]
    return sum(len(receiver._buffer) for receiver in receivers) + len(quic.tls._receive_buffer)


Strike = Callable[[Connection], Iterator[bytes]]
"""Makes datagrams under the attacker's keys, one at a time."""


def attack(
    identity: TlsIdentity,
    strike: Strike,
    *,
    pause: float = 0.0,
    closes: bool = True,
    trusted: bool = False,
) -> Connection:
    """An attacker strikes beside an honest client, who must not notice. Returns the attacked side's connection.

    `pause`: seconds between datagrams, 0 for all at once. `trusted`: it has logged in.
    """
    network = Network(delay=0.001)

    async def main() -> Connection:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            honest = await server.client(network.ports("10.0.0.2"))
            attacker = await server.client(network.ports(STRANGER[0]))
            for client in (honest, attacker):
                client.connection.send(b"x")
                await client.bytes(1)
            if trusted:
                server.peers[1].connection.authenticated()
                await network.clock.sleep(0.1)
            for datagram in strike(attacker.connection):
                inject(attacker.connection, datagram)
                if pause:
                    await network.clock.sleep(pause)
                if attacker.ends:
                    break
            await network.clock.sleep(0.5)
            if closes:
                end = await attacker.end()
                assert isinstance(end, Error)
                assert end.kind in {Code.UNREACHABLE, Code.BAD_REQUEST}
                assert len(server.peers[1].ends) == 1
            else:
                assert attacker.ends == []
            honest.connection.send(b"still here")
            assert await honest.bytes(10) == b"still here"
            return server.peers[1].connection

    return run(main())


@pytest.mark.parametrize("pause", [0.0, 0.05])
@pytest.mark.parametrize("trusted", [False, True])
def test_far_offsets_do_not_widen_the_window(identity: TlsIdentity, pause: float, trusted: bool) -> None:
    window = DEFAULT.receive_window if trusted else DEFAULT.receive_window_before_login

    def strike(client: Connection) -> Iterator[bytes]:
        for power in range(1, 12):
            yield craft(client, stream_frame((window << power) // 2 - 1, b"z"))

    attacked = attack(identity, strike, pause=pause, trusted=trusted)
    assert held(attacked) <= window
    assert attacked._quic._local_max_data.value <= window + 1
    assert attacked._quic._streams[0].max_stream_data_local <= window + 1


@pytest.mark.parametrize("trusted", [False, True])
def test_a_gap_inside_the_window_is_no_offence_and_bounded(identity: TlsIdentity, trusted: bool) -> None:
    window = DEFAULT.receive_window if trusted else DEFAULT.receive_window_before_login

    def strike(client: Connection) -> Iterator[bytes]:
        yield craft(client, stream_frame(window - 1, b"z"))

    assert held(attack(identity, strike, closes=False, trusted=trusted)) <= window


def test_crumbs_end_the_connection_before_they_cost_anything(identity: TlsIdentity) -> None:
    def strike(client: Connection) -> Iterator[bytes]:
        for packet in range(10):
            crumbs = [stream_frame(10 + packet * 200 + 2 * n, b"z") for n in range(100)]
            yield craft(client, *crumbs)

    assert len(attack(identity, strike)._quic._streams[0].receiver._ranges) <= bounded.STREAM_GAPS + 1


def test_crumbs_on_other_streams_end_it_too(identity: TlsIdentity) -> None:
    def strike(client: Connection) -> Iterator[bytes]:
        for packet in range(3):
            yield craft(client, *(stream_frame(10 + packet * 200 + 2 * n, b"z", 4) for n in range(100)))

    attack(identity, strike)


def test_heavy_loss_of_an_honest_sender_is_no_offence(identity: TlsIdentity) -> None:
    """Every second packet of a full window is missing, as when a queue on the way overflows."""

    def strike(client: Connection) -> Iterator[bytes]:
        for n in range(1, DEFAULT.receive_window // 2200):
            yield craft(client, stream_frame(n * 2200, bytes(1100)))

    attacked = attack(identity, strike, closes=False, trusted=True)
    assert len(attacked._quic._streams[0].receiver._ranges) > 400


def test_crypto_data_far_ahead_is_not_kept(identity: TlsIdentity) -> None:
    def strike(client: Connection) -> Iterator[bytes]:
        yield craft(client, crypto_frame(500_000, b"z"))

    assert held(attack(identity, strike)) == 0


def test_crypto_data_in_crumbs_is_not_kept(identity: TlsIdentity) -> None:
    def strike(client: Connection) -> Iterator[bytes]:
        yield craft(client, *(crypto_frame(10 + 2 * n, b"z") for n in range(100)))

    attack(identity, strike)


def test_an_endless_tls_message_is_cut_off(identity: TlsIdentity) -> None:
    def strike(client: Connection) -> Iterator[bytes]:
        message = b"\x04\xff\xff\xff" + bytes(60_000)
        for start in range(0, len(message), 1100):
            yield craft(client, crypto_frame(start, message[start : start + 1100]))

    assert held(attack(identity, strike)) <= bounded.CRYPTO_BYTES + 1200


def test_unknown_frames_close_with_a_code(identity: TlsIdentity) -> None:
    attack(identity, lambda client: iter([craft(client, b"\x3f\x00\x00\x00\x00")]))


def test_the_library_failing_on_a_packet_ends_that_connection_alone(
    identity: TlsIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(delay=0.001)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            server.endpoint._loop.set_exception_handler(lambda _loop, _context: None)
            first, second = [await server.client(network.ports(f"10.0.0.{n}")) for n in (2, 3)]
            first.connection.send(b"x")
            await first.bytes(1)
            victim = server.peers[0].connection._quic

            def stumble(*_arguments: object) -> None:
                raise AssertionError("a bug")

            monkeypatch.setattr(victim, "receive_datagram", stumble)
            first.connection.send(b"x")
            second.connection.send(b"fine")
            assert await second.bytes(4) == b"fine"
            end = await server.peers[0].end()
            assert isinstance(end, Error)
            assert end.kind is Code.INTERNAL
            assert server.endpoint.connections == 1

    run(main())


def test_packets_that_only_acknowledge_are_not_kept_for_ever(identity: TlsIdentity) -> None:
    def strike(client: Connection) -> Iterator[bytes]:
        for _ in range(400):
            yield craft(client, b"\x01")  # PING

    attacked = attack(identity, strike, pause=0.03, closes=False)
    space = attacked._quic._spaces[tls.Epoch.ONE_RTT]
    assert len(space.sent_packets) <= bounded.BARE_ACKS + 33
    assert space.largest_received_packet > 400


def strangers(
    identity: TlsIdentity, datagrams: list[bytes], check: Callable[[Node, list[bytes]], None]
) -> None:
    """Sends datagrams from a bare socket beside an honest client, and looks at the node and at what it
    answered.
    """
    network = Network(delay=0.001)
    answers: list[bytes] = []

    class Socket:
        def datagrams_received(self, datagrams: list[tuple[bytes, Address]]) -> None:
            answers.extend(data for data, _ in datagrams)

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            honest = await server.client(network.ports("10.0.0.2"))
            socket = network.open(*STRANGER)
            socket.start(Socket())
            socket.send(datagrams, SERVER)
            await network.clock.sleep(0.2)
            check(server, answers)
            honest.connection.send(b"still here")
            assert await honest.bytes(10) == b"still here"
            sent = sum(len(datagram) for datagram in datagrams)
            assert sum(map(len, answers)) <= 3 * sent, "no amplification (RFC 9000, 8.1)"

    run(main())


def test_garbage_is_ignored(identity: TlsIdentity) -> None:
    random = SeededRandom("garbage")
    garbage = [random.bytes(size) for size in (1, 2, 7, 9, 20, 40, 100, 1199, 1200, 1472) for _ in range(30)]
    garbage += [b"", b"\x40", b"\xc0\x00\x00\x00\x01", b"\xff" * 1200, bytes(1200)]

    def check(server: Node, _answers: list[bytes]) -> None:
        assert len(server.endpoint._connections) == 1

    strangers(identity, garbage, check)


def test_garbage_that_looks_like_a_first_packet_holds_no_place(identity: TlsIdentity) -> None:
    def check(server: Node, answers: list[bytes]) -> None:
        assert len(server.endpoint._connections) == 1
        assert answers == []

    noise = [initial(crypto_frame(0, b"\x01"), spoil=True, destination=bytes([n]) * 8) for n in range(20)]
    strangers(identity, noise, check)


def test_a_first_packet_with_a_far_offset_stores_nothing(identity: TlsIdentity) -> None:
    def check(server: Node, answers: list[bytes]) -> None:
        assert len(server.endpoint._connections) == 1, "closed and forgotten at once"
        assert answers, "and told"

    strangers(identity, [initial(crypto_frame(500_000, bytes(900)))], check)


def test_a_handshake_that_stays_away_holds_little(identity: TlsIdentity) -> None:
    def check(server: Node, _answers: list[bytes]) -> None:
        stranger = list(server.endpoint._connections)[1]
        assert held(stranger) <= bounded.CRYPTO_BYTES

    strangers(identity, [initial(crypto_frame(15_000, bytes(900)))], check)


def test_a_short_first_packet_is_not_answered(identity: TlsIdentity) -> None:
    """Else we would answer spoofed addresses with more than what came."""

    def check(server: Node, answers: list[bytes]) -> None:
        assert len(server.endpoint._connections) == 1
        assert answers == []

    short = [initial(crypto_frame(0, b"\x01"), version=version)[:1199] for version in (1, 0x1A2A3A4A)]
    strangers(identity, short, check)


def test_another_version_is_offered_ours(identity: TlsIdentity) -> None:
    def check(server: Node, answers: list[bytes]) -> None:
        assert len(server.endpoint._connections) == 1
        header = pull_quic_header(Buffer(data=answers[0]), host_cid_length=8)
        assert header.packet_type is QuicPacketType.VERSION_NEGOTIATION
        assert header.supported_versions == [1]

    strangers(identity, [initial(crypto_frame(0, b"\x01"), version=0x1A2A3A4A)], check)


def test_a_forged_retry_token_is_refused(identity: TlsIdentity) -> None:
    packet = bytearray(initial(crypto_frame(0, b"\x01")))
    at = 1 + 4 + 1 + 8 + 1 + 8  # the token's length, 0
    forged = bytes(packet[:at]) + bytes([20]) + bytes(20) + bytes(packet[at + 1 :])

    def check(server: Node, answers: list[bytes]) -> None:
        assert len(server.endpoint._connections) == 1
        assert len(answers) == 1

    strangers(identity, [forged], check)


def test_another_protocol_is_told_apart(identity: TlsIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of some other QUIC service finds out that this is no such thing, and the other way round."""
    network = Network(delay=0.001)
    other = QuicConfiguration(is_client=True, alpn_protocols=["h3"], supported_versions=[1])

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            monkeypatch.setattr("qnpc.transport.dialing._configuration", lambda *_arguments: other)
            with pytest.raises(Error, match="does not speak qnpc/1") as refused:
                await server.client(network.ports("10.0.0.2"))
            assert refused.value.kind is Code.UNSUPPORTED_VERSION

    run(main())


def test_data_before_the_handshake_is_complete_never_arrives(identity: TlsIdentity) -> None:
    """Early data is not offered; were the library to hand some over, the connection would close."""
    network = Network()

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), DEFAULT, SERVER) as server:
            client = await server.client(network.ports("10.0.0.2"))
            client.connection.send(b"x")
            await client.bytes(1)
            connection = server.peers[0].connection
            connection.is_open = False
            client.connection.send(b"early")
            await client.end()
            assert bytes(server.peers[0].received) == b"x"

    run(main())


def test_hostile_peers_do_not_fill_the_log(
    identity: TlsIdentity, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    level = logging.getLogger("quic").level
    with caplog.at_level(logging.DEBUG):
        attack(identity, lambda client: iter([craft(client, stream_frame(1 << 40, b"z"))]))
    assert [record for record in caplog.records if record.name.startswith("quic")] == []
    assert capfd.readouterr().err == ""
    assert logging.getLogger("quic").level == level


def test_a_library_without_our_names_is_refused_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(private._NAMES, "QuicConnection", ("_streams", "_renamed_upstream"))
    with pytest.raises(ImportError, match=r"QuicConnection\._renamed_upstream"):
        private._assert_names()


def test_the_library_still_has_the_holes_that_are_closed_here() -> None:
    """When this fails the library has bounds of its own, and ours may go."""
    quic = QuicConnection(configuration=QuicConfiguration(is_client=True))
    quic._local_max_data.used = quic._local_max_data.value
    builder = QuicPacketBuilder(
        host_cid=bytes(8), is_client=True, max_datagram_size=1200, peer_cid=bytes(8), version=1
    )
    pair = CryptoPair()
    pair.setup_initial(cid=bytes(8), is_client=True, version=1)
    builder.start_packet(QuicPacketType.INITIAL, pair)
    before = quic._local_max_data.value
    quic._write_connection_limits(builder, quic._spaces.get(tls.Epoch.ONE_RTT))  # type: ignore[arg-type]
    assert quic._local_max_data.value == 2 * before


def test_a_window_slides_by_what_was_consumed() -> None:
    configuration = QuicConfiguration(is_client=True, max_data=1000)
    quic = BoundedConnection(configuration=configuration, groups=[])
    assert quic.receive_limit(0, 1000) == 1000
    assert quic.receive_limit(499, 1000) == 1000, "not for every byte"
    assert quic.receive_limit(500, 1000) == 1500
    assert quic.receive_limit(2000, 1500) == 3000


def test_a_receiver_that_is_never_started_holds_little(identity: TlsIdentity) -> None:
    network = Network(delay=0.001)
    limits = replace(DEFAULT, receive_window=64 * 1024)
    arrived: list[Connection] = []

    async def main() -> None:
        server = await listen(network.ports(SERVER[0]), SERVER, identity, limits, arrived.append)
        client = Recorder(await connect(network.ports("10.0.0.2"), SERVER, limits, pin=identity.pin))
        client.connection.send(bytes(200 * 1024))
        end = await client.end()
        assert isinstance(end, Error)
        assert end.kind is Code.TOO_LARGE
        assert len(arrived[0]._early) <= 64 * 1024
        await server.close()

    run(main())


async def test_what_no_path_carries_whole_does_not_wait(ports: Ports, identity: TlsIdentity) -> None:
    """Datagrams of strangers wait in memory for their turn, so many of them; each is bounded too."""
    async with node(identity, ports) as server:
        rationing = server.endpoint._rationing
        rationing._planned = True  # as while others are served
        for size, waiting in ((LONGEST + 1, 0), (65_000, 0), (LONGEST, 1)):
            server.endpoint.datagrams_received([(b"\xc0" + bytes(size - 1), ("192.0.2.1", 7))])
            assert rationing.turns.unknown == waiting
        rationing._planned = False
