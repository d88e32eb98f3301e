"""Who may begin a handshake: what a datagram from a stranger is answered with, before any state is kept for
it.

A stranger costs nothing until it is admitted, and then one of a bounded number of places: so many half-open
connections in all, so many connections per address. When the half-open ones grow many, a stranger must first
show by a Retry that it owns its address (RFC 9000, 8.1.2). No answer is longer than what it answers. Sans-IO:
datagram in, verdict out.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import (
    QuicErrorCode,
    QuicFrameType,
    QuicHeader,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
)
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.retry import QuicRetryTokenHandler

from qnpc.limits import Limits
from qnpc.ports import Address, Random

VERSIONS = [int(QuicProtocolVersion.VERSION_1)]
CONNECTION_ID_BYTES = 8
_CLOSE_CAPACITY = 1 + 3 * 8


@dataclass(frozen=True, slots=True)
class Admit:
    """A connection may be made. `original` is the destination id of the client's first datagram, `retry` that
    of our Retry.
    """

    original: bytes
    retry: bytes | None


class Place:
    """What one connection takes up; given back once, whatever happens."""

    def __init__(self, admission: Admission, key: str) -> None:
        self._admission = admission
        self._key = key
        self._half_open = True
        self._held = True
        admission._take(key)

    def established(self) -> None:
        """The handshake is complete."""
        if self._half_open:
            self._half_open = False
            self._admission.half_open -= 1

    def release(self) -> None:
        if self._held:
            self.established()
            self._held = False
            self._admission._give_back(self._key)


class Admission:
    def __init__(self, limits: Limits, random: Random) -> None:
        self._limits = limits
        self._random = random
        self._tokens = QuicRetryTokenHandler()
        self._per_address: dict[str, int] = {}
        self.half_open = 0

    def judge(self, header: QuicHeader, size: int, address: Address, now: float) -> Admit | bytes | None:
        """For a long header packet of a connection that is not known, in a datagram of `size` bytes: admit,
        answer with a datagram, or None: ignore.
        """
        if size < SMALLEST_MAX_DATAGRAM_SIZE or header.packet_type is QuicPacketType.VERSION_NEGOTIATION:
            return None
        if header.version not in VERSIONS:
            return encode_quic_version_negotiation(header.destination_cid, header.source_cid, VERSIONS)
        if (
            header.packet_type is not QuicPacketType.INITIAL
            or len(header.destination_cid) < CONNECTION_ID_BYTES
        ):
            return None
        if self.half_open >= self._limits.half_open:
            return None
        if header.token:
            return self._with_token(header, address, now)
        if self.half_open >= self._limits.half_open_retry:
            return self._retry(header, address, now)
        if self._is_full(address):
            return _refusal(header, QuicErrorCode.CONNECTION_REFUSED)
        return Admit(original=header.destination_cid, retry=None)

    def place(self, address: Address) -> Place:
        """Takes a place for a connection that was admitted."""
        return Place(self, address_key(address))

    def _is_full(self, address: Address) -> bool:
        return self._per_address.get(address_key(address), 0) >= self._limits.connections_per_address

    def _with_token(self, header: QuicHeader, address: Address, now: float) -> Admit | bytes:
        try:
            original = self._tokens.validate_token(
                address=address, destination_cid=header.destination_cid, token=header.token, now=now
            )
        except ValueError:
            return _refusal(header, QuicErrorCode.INVALID_TOKEN)
        if self._is_full(address):
            return _refusal(header, QuicErrorCode.CONNECTION_REFUSED)
        return Admit(original=original, retry=header.destination_cid)

    def _retry(self, header: QuicHeader, address: Address, now: float) -> bytes:
        source = self._random.bytes(CONNECTION_ID_BYTES)
        token = self._tokens.create_token(
            address=address,
            original_destination_connection_id=header.destination_cid,
            retry_source_connection_id=source,
            now=now,
        )
        return encode_quic_retry(VERSIONS[0], source, header.source_cid, header.destination_cid, token)

    def _take(self, key: str) -> None:
        self.half_open += 1
        self._per_address[key] = self._per_address.get(key, 0) + 1

    def _give_back(self, key: str) -> None:
        self._per_address[key] -= 1
        if not self._per_address[key]:
            del self._per_address[key]


def address_key(address: Address) -> str:
    """What counts as one address: an IPv4 address, or the /64 that an IPv6 host can choose from freely."""
    try:
        host = ipaddress.ip_address(address[0])
    except ValueError:
        return address[0]
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(host) >> 64 << 64, 64)))


def _refusal(header: QuicHeader, code: QuicErrorCode) -> bytes:
    """An Initial packet that closes with `code`; its keys follow from the client's destination id (RFC 9001,
    5.2).
    """
    crypto = CryptoPair()
    crypto.setup_initial(cid=header.destination_cid, is_client=False, version=VERSIONS[0])
    builder = QuicPacketBuilder(
        host_cid=header.destination_cid,
        is_client=False,
        max_datagram_size=SMALLEST_MAX_DATAGRAM_SIZE,
        peer_cid=header.source_cid,
        version=VERSIONS[0],
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    buffer = builder.start_frame(QuicFrameType.TRANSPORT_CLOSE, capacity=_CLOSE_CAPACITY)
    buffer.push_uint_var(code)
    buffer.push_uint_var(QuicFrameType.PADDING)
    buffer.push_uint_var(0)
    datagrams, _ = builder.flush()
    return datagrams[0]
