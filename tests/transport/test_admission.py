"""Who counts as one address, and what a first packet is answered with before anything is kept for it."""

from __future__ import annotations

import pytest
from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.packet import QuicPacketType, pull_quic_header

from qnpc.limits import DEFAULT
from qnpc.ports import Address
from qnpc.transport.addresses import address_key
from qnpc.transport.admission import Admission, Admit, First
from qnpc.transport.places import Place
from tests.support.network import SeededRandom
from tests.transport.peers import crypto_frame, initial

STRANGER: Address = ("192.0.2.1", 1)
HELLO = initial(crypto_frame(0, b"\x01"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (address_key((one, 1)) == address_key((other, 2))) is same


def first(datagram: bytes, address: Address = STRANGER) -> First:
    buffer = Buffer(data=datagram)
    header = pull_quic_header(buffer, host_cid_length=8)
    return First(header, buffer.tell(), datagram, address)


def is_retry(verdict: object) -> bool:
    if not isinstance(verdict, bytes):
        return False
    return pull_quic_header(Buffer(data=verdict), host_cid_length=8).packet_type is QuicPacketType.RETRY


def test_a_first_packet_is_admitted_and_noise_is_not() -> None:
    """Whoever sees nothing of the node could make it build connections for noise, under addresses of others."""
    admission = Admission(DEFAULT, SeededRandom(0))
    assert isinstance(admission.judge(first(HELLO), 0.0, pressed=False), Admit)
    noise = initial(crypto_frame(0, b"\x01"), spoil=True)
    assert admission.judge(first(noise), 0.0, pressed=False) is None


def test_where_many_wait_or_many_are_half_open_an_address_must_be_shown() -> None:
    admission = Admission(DEFAULT, SeededRandom(0))
    assert is_retry(admission.judge(first(HELLO), 0.0, pressed=True))
    for number in range(DEFAULT.half_open_retry):
        assert isinstance(admission.judge(first(HELLO), 0.0, pressed=False), Admit)
        Place(admission.places, f"10.0.0.{number}", 0.0, lambda: None)
    assert is_retry(admission.judge(first(HELLO), 0.0, pressed=False))


def test_a_retry_is_shorter_than_what_it_answers() -> None:
    retry = Admission(DEFAULT, SeededRandom(0)).judge(first(HELLO), 0.0, pressed=True)
    assert isinstance(retry, bytes)
    assert len(retry) < 200
