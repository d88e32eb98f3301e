"""Who may begin a handshake: what a datagram from a stranger is answered with, before any state is kept for
it.

A stranger costs nothing until it is admitted, and then one of a bounded number of places. When more come than can
be handled, a stranger must first show by a Retry that it owns its address (RFC 9000, 8.1.2), which costs a fiftieth
of a connection. No connection is made for what is noise. No answer is longer than what it answers. Sans-IO: datagram
in, verdict out.
"""

from __future__ import annotations

from dataclasses import dataclass

from aioquic._crypto import CryptoError
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
from qnpc.transport.addresses import address_key
from qnpc.transport.places import Places

VERSIONS = [int(QuicProtocolVersion.VERSION_1)]
CONNECTION_ID_BYTES = 8
_CLOSE_CAPACITY = 1 + 3 * 8


@dataclass(frozen=True, slots=True)
class First:
    """A long header packet of a connection that is not known, at the beginning of a datagram; what is sealed begins at `offset`."""

    header: QuicHeader
    offset: int
    datagram: bytes
    address: Address


@dataclass(frozen=True, slots=True)
class Admit:
    """A connection may be made, at a place of `key`. `original` is the destination id of the client's first datagram, `retry` that of
    our Retry.
    """

    original: bytes
    retry: bytes | None
    key: str


class Admission:
    def __init__(self, limits: Limits, random: Random) -> None:
        self._limits = limits
        self._random = random
        self._tokens = QuicRetryTokenHandler()
        self.places = Places(limits)

    def judge(self, first: First, now: float, *, pressed: bool) -> Admit | bytes | None:
        """Admit, answer with a datagram, or None: ignore. `pressed`: more strangers wait than can be handled at once. The cheapest
        comes first, a place last.
        """
        header, size = first.header, len(first.datagram)
        if size < SMALLEST_MAX_DATAGRAM_SIZE or header.packet_type is QuicPacketType.VERSION_NEGOTIATION:
            return None
        if header.version not in VERSIONS:
            return encode_quic_version_negotiation(header.destination_cid, header.source_cid, VERSIONS)
        if (
            header.packet_type is not QuicPacketType.INITIAL
            or len(header.destination_cid) < CONNECTION_ID_BYTES
        ):
            return None
        original, retry = header.destination_cid, None
        if header.token:
            try:
                original = self._shown(header, first.address, now)
            except ValueError:
                return _refusal(header, QuicErrorCode.INVALID_TOKEN)
            retry = header.destination_cid
        elif pressed or self.places.half_open >= self._limits.half_open_retry:
            return self._retry(header, first.address, now)
        if not _opens(header, first.datagram, first.offset):
            return None
        key = address_key(first.address)
        if self.places.known(key) >= self._limits.connections_per_address:
            return _refusal(header, QuicErrorCode.CONNECTION_REFUSED)
        return Admit(original, retry, key) if self.places.make_room(key, now) else None

    def _shown(self, header: QuicHeader, address: Address, now: float) -> bytes:
        """The destination id of the datagram that was answered with a Retry. Raises ValueError."""
        return self._tokens.validate_token(
            address=address, destination_cid=header.destination_cid, token=header.token, now=now
        )

    def _retry(self, header: QuicHeader, address: Address, now: float) -> bytes:
        source = self._random.bytes(CONNECTION_ID_BYTES)
        token = self._tokens.create_token(
            address=address,
            original_destination_connection_id=header.destination_cid,
            retry_source_connection_id=source,
            now=now,
        )
        return encode_quic_retry(VERSIONS[0], source, header.source_cid, header.destination_cid, token)


def _opens(header: QuicHeader, datagram: bytes, offset: int) -> bool:
    """Whether the packet at the datagram's beginning is what it looks like: its keys follow from its destination id (RFC 9001, 5.2)."""
    crypto = CryptoPair()
    crypto.setup_initial(cid=header.destination_cid, is_client=False, version=VERSIONS[0])
    try:
        crypto.decrypt_packet(datagram[: header.packet_length], offset, 0)
    except CryptoError:
        return False
    return True


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
