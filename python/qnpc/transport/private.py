"""Every private name of aioquic that this package touches (here and in `sending`), so that an upgrade breaks
here, at import, and nowhere else.

`OpenConnection` turns the insides into methods with plain names and decides nothing: what is allowed is
`bounded`'s business. aioquic draws its keys, nonces and connection ids from the operating system itself; that
randomness is not replaceable. Nothing here may be imported from outside `qnpc.transport`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from aioquic import tls
from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicReceiveContext
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import pull_quic_transport_parameters, push_quic_transport_parameters
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream
from cryptography import x509

from qnpc.transport.protection import ProtectedPair

_NAMES: dict[str, tuple[str, ...]] = {
    "QuicConnection": (
        "_ack_delay",
        "_ack_eliciting_sent_since_receipt",
        "_close_at",
        "_close_event",
        "_close_pending",
        "_crypto_streams",
        "_cryptos",
        "_datagrams_pending",
        "_handle_crypto_frame",
        "_handle_stream_frame",
        "_handshake_confirmed",
        "_handshake_done_pending",
        "_host_cids",
        "_idle_timeout",
        "_initialize",
        "_local_ack_delay_exponent",
        "_local_max_data",
        "_local_max_streams_bidi",
        "_local_max_streams_uni",
        "_logger",
        "_loss",
        "_max_datagram_size",
        "_network_paths",
        "_on_ack_delivery",
        "_pacing_at",
        "_packet_number",
        "_peer_cid",
        "_ping_pending",
        "_probe_pending",
        "_quic_logger",
        "_remote_max_data",
        "_remote_max_data_used",
        "_remote_preferred_address",
        "_replenish_connection_ids",
        "_retire_connection_ids",
        "_serialize_transport_parameters",
        "_spaces",
        "_spin_bit",
        "_streams",
        "_streams_blocked_pending",
        "_streams_queue",
        "_write_connection_limits",
        "_write_stream_limits",
    ),
    "CryptoPair": ("_update_key_requested",),
    "QuicPacketRecovery": ("_logger", "_pacer", "_rtt_initialized", "_rtt_smoothed"),
    "QuicPacketSpace": ("ack_at", "ack_eliciting_in_flight", "ack_queue", "sent_packets"),
    "QuicStreamReceiver": ("_buffer_start", "_ranges"),
    "QuicStreamSender": ("_buffer_fin", "_buffer_start", "_buffer_stop", "_pending"),
    "tls.Context": (
        "_ec_private_keys",
        "_peer_certificate",
        "_receive_buffer",
        "_set_peer_certificate",
        "_supported_groups",
    ),
    "tls": ("CURVE_TO_GROUP", "GROUP_TO_CURVE", "decode_public_key", "ec", "encode_public_key"),
}


def _assert_names() -> None:
    connection = QuicConnection(configuration=QuicConfiguration(is_client=True))
    stream = QuicStream()
    owners: dict[str, object] = {
        "CryptoPair": CryptoPair(),
        "QuicConnection": connection,
        "QuicPacketRecovery": connection._loss,
        "QuicPacketSpace": QuicPacketSpace(),
        "QuicStreamReceiver": stream.receiver,
        "QuicStreamSender": stream.sender,
        "tls.Context": tls.Context(is_client=True),
        "tls": tls,
    }
    missing = [
        f"{owner}.{name}"
        for owner, names in _NAMES.items()
        for name in names
        if not hasattr(owners[owner], name)
    ]
    if missing:
        raise ImportError(
            f"this version of aioquic does not fit qnpc, it lacks {', '.join(missing)}; install aioquic>=1.7.2,<1.8"
        )


_assert_names()


class _Silence:
    """Stands for aioquic's logger: its warnings are about peers, not about us, and the process's logging is
    not ours to configure.
    """

    def debug(self, *_args: object) -> None: ...

    info = warning = error = debug


_SILENCE = cast("Any", _Silence())

_PARAMETERS = 1500
"""Bytes: transport parameters fit a datagram."""


class OpenConnection(QuicConnection):
    """A QUIC connection whose insides a subclass can see and bound."""

    def __init__(
        self,
        *,
        configuration: QuicConfiguration,
        original_destination_connection_id: bytes | None = None,
        retry_source_connection_id: bytes | None = None,
    ) -> None:
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=original_destination_connection_id,
            retry_source_connection_id=retry_source_connection_id,
        )
        self._logger = _SILENCE
        self._loss._logger = _SILENCE
        self._promised_ack_delay = 25  # milliseconds, as the library says it

    # -- what a subclass decides; to raise QuicConnectionError or tls.Alert closes the connection -------------------------------

    def groups(self) -> list[int]:
        """TLS groups, preferred first."""
        raise NotImplementedError

    def certificate_arrives(self, certificate: x509.Certificate) -> None:
        """The peer's, before its signature is checked."""

    def crypto_arrives(self, end: int, frame_type: int) -> None:
        """`end`: how far behind the next expected byte a CRYPTO frame reaches; nothing of it is stored
        yet.
        """

    def crypto_taken(self, ranges: int, waiting: int, frame_type: int) -> None:
        """`ranges` out of order and `waiting` bytes of an unfinished TLS message are held."""

    def stream_taken(self, ranges: Sequence[range], frame_type: int) -> None:
        """`ranges` of a stream's bytes are held out of order."""

    def receive_limit(self, consumed: int, limit: int) -> int:
        """The new flow control limit, given the bytes that are consumed for good and the `limit` so far."""
        raise NotImplementedError

    def reset_token(self, connection_id: bytes) -> bytes | None:
        """The stateless reset token of an id that we issue; None: a random one."""
        return None

    # -- aioquic's hooks ------------------------------------------------------------------------------------------------------------

    def _serialize_transport_parameters(self) -> bytes:
        said = pull_quic_transport_parameters(Buffer(data=super()._serialize_transport_parameters()))
        said.max_ack_delay = self._promised_ack_delay
        buffer = Buffer(capacity=_PARAMETERS)
        push_quic_transport_parameters(buffer, said)
        return buffer.data

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self._cryptos[tls.Epoch.ONE_RTT] = ProtectedPair()
        context = self.tls
        context._supported_groups = cast("Any", self.groups())
        set_peer_certificate = context._set_peer_certificate

        def checked(message: tls.Certificate) -> None:
            set_peer_certificate(message)
            if context._peer_certificate is not None:
                self.certificate_arrives(context._peer_certificate)

        context._set_peer_certificate = checked  # type: ignore[assignment, method-assign]

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        start = buf.tell()
        end = buf.pull_uint_var() + buf.pull_uint_var()
        buf.seek(start)
        receiver = self._crypto_streams[context.epoch].receiver
        self.crypto_arrives(end - receiver.starting_offset(), frame_type)
        super()._handle_crypto_frame(context, frame_type, buf)
        self.crypto_taken(len(receiver._ranges), len(self.tls._receive_buffer), frame_type)

    def _handle_stream_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        start = buf.tell()
        stream_id = buf.pull_uint_var()
        buf.seek(start)
        super()._handle_stream_frame(context, frame_type, buf)
        stream = self._streams.get(stream_id)
        if stream is not None and len(stream.receiver._ranges) > 1:
            self.stream_taken(stream.receiver._ranges, frame_type)

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        limit = self._local_max_data
        held = sum(s.receiver.highest_offset - s.receiver._buffer_start for s in self._streams.values())
        limit.value = self.receive_limit(limit.used - held, limit.value)
        # aioquic doubles the limit when `used` comes near it: it must not see it
        used, limit.used = limit.used, 0
        try:
            super()._write_connection_limits(builder, space)
        finally:
            limit.used = used

    def _write_stream_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream
    ) -> None:
        receiver = stream.receiver
        if stream.max_stream_data_local and not receiver.is_finished:
            stream.max_stream_data_local = self.receive_limit(
                receiver._buffer_start, stream.max_stream_data_local
            )
        highest, receiver.highest_offset = receiver.highest_offset, 0  # as above
        try:
            super()._write_stream_limits(builder, space, stream)
        finally:
            receiver.highest_offset = highest

    def _replenish_connection_ids(self) -> None:
        super()._replenish_connection_ids()
        self._set_reset_tokens()

    def _set_reset_tokens(self) -> None:
        for issued in self._host_cids:
            token = self.reset_token(issued.cid)
            if token is not None:
                issued.stateless_reset_token = token

    # -- the insides, by plain names --------------------------------------------------------------------------------------------------

    def dismantle(self) -> None:
        """Of no use afterwards. The library's objects hold one another, and would stay until the garbage collector comes by: strangers
        who come and go could make it much.
        """
        inner = self.__dict__.get("tls")  # there is none before the first packet
        if inner is not None:
            inner.__dict__.clear()
        self.__dict__.clear()

    def limit_peer_streams(self, count: int) -> None:
        """How many streams of each kind the peer may open at once. Before the first datagram only."""
        for limit in (self._local_max_streams_bidi, self._local_max_streams_uni):
            limit.value = limit.sent = count

    def delay_acks(self, seconds: float, promised: int) -> None:
        """How long an acknowledgement may wait for company, and the milliseconds that the peer is told of (max_ack_delay of RFC 9000,
        18.2): it waits so much longer before it takes a packet for lost. Before the first datagram only.
        """
        self._ack_delay = seconds
        self._promised_ack_delay = promised

    def hasten_ack(self, now: float) -> None:
        """An acknowledgement that waits leaves with the next datagram."""
        space = self._spaces.get(tls.Epoch.ONE_RTT)
        if space is not None and space.ack_at is not None:
            space.ack_at = min(space.ack_at, now)

    def forget_bare_acks(self, most: int) -> None:
        """Of the packets that only acknowledged, so many are remembered at most, the last ones."""
        space = self._spaces.get(tls.Epoch.ONE_RTT)
        if space is None or len(space.sent_packets) <= most:
            return
        bare = [number for number, packet in space.sent_packets.items() if not packet.in_flight]
        for number in bare[: max(0, len(bare) - most)]:
            del space.sent_packets[number]

    @property
    def sees_gap(self) -> bool:
        """A packet of the peer's is missing."""
        space = self._spaces.get(tls.Epoch.ONE_RTT)
        return space is not None and len(space.ack_queue) > 1

    @property
    def close_event(self) -> events.ConnectionTerminated | None:
        """Why the connection ends, as soon as one side has said so; aioquic's own event comes three timeouts
        later.
        """
        return self._close_event

    @property
    def peer_reset_token(self) -> bytes:
        """What the peer gave for the id that we use for it; empty if it gave none."""
        return self._peer_cid.stateless_reset_token or b""

    @property
    def awaits_ack(self) -> bool:
        """Something is sent that the peer must acknowledge, and has not."""
        return any(space.ack_eliciting_in_flight for space in self._spaces.values())

    def has_stream(self, stream_id: int) -> bool:
        return stream_id in self._streams

    def backlog(self, stream_id: int) -> int:
        """Bytes of a stream that are unsent or unacknowledged."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else stream.sender._buffer_stop - stream.sender._buffer_start

    @property
    def round_trip(self) -> float | None:
        """Smoothed, in seconds."""
        return self._loss._rtt_smoothed if self._loss._rtt_initialized else None


def key_exchanges(context: tls.Context) -> list[Any]:
    """The private keys that a handshake generated, other than the plain X25519 one."""
    return cast("list[Any]", context._ec_private_keys)
