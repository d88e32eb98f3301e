"""The short way out, for a connection that has nothing to send but its stream's bytes: most of what a node does.

For every packet aioquic asks about each kind of frame there is, and goes round once more to learn that nothing is left. Here that is asked
once; packets are then put together directly (RFC 9000, 17.3.1 and 19.8), an acknowledgement that is due in front (19.3). Anything else,
be it a handshake, another frame, a path that is not validated or a congestion window that is nearly full, goes the library's way, also in
the middle. What the library keeps (packet numbers, what is in flight, pacing, flow control) is as if it had sent them itself: a test
compares the two, datagram by datagram. The names used of its insides are asserted in `private`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aioquic import tls
from aioquic.buffer import Buffer, encode_uint_var, size_uint_var  # type: ignore[attr-defined]
from aioquic.quic.connection import QuicConnectionState
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import PACKET_FIXED_BIT, QuicFrameType, QuicPacketType, push_ack_frame
from aioquic.quic.packet_builder import PACKET_NUMBER_SEND_SIZE, QuicDeliveryHandler, QuicSentPacket
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream, QuicStreamSender

from qnpc.ports import Address
from qnpc.transport.private import OpenConnection

_LENGTH = 0x02  # a STREAM frame says how long it is
_OFFSET = 0x04
_TWO_BYTES = 0x4000  # a variable-length integer in two bytes (RFC 9000, 16)
_FRAME = 3  # bytes of a STREAM frame beside its id, its offset and its data: type and length
_ACK_ROOM = 64  # of an acknowledgement of one range


@dataclass(slots=True)
class _Established:
    """What a connection keeps for life once its handshake is confirmed; looking each up costs a microsecond."""

    space: QuicPacketSpace
    crypto: CryptoPair
    handshakes: QuicStreamSender


class SendingConnection(OpenConnection):
    """Sends as `OpenConnection` does, in less time."""

    _established: _Established | None = None

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Address]]:
        established = self._established
        if established is None:
            if not self._handshake_confirmed:
                return super().datagrams_to_send(now)
            established = self._establish()
        space = established.space
        stream = self._only_stream(established)
        if stream is None or len(space.ack_queue) > 1:
            return super().datagrams_to_send(now)
        due = space.ack_at is not None and space.ack_at <= now
        if not due and not len(stream.sender._pending):
            self._loss._pacer.next_send_time(now=now)  # what it has saved up is counted at each look
            self._pacing_at = None
            return []
        return self._send_stream(stream, established, due, now)

    def _establish(self) -> _Established:
        epoch = tls.Epoch.ONE_RTT
        self._established = _Established(
            self._spaces[epoch], self._cryptos[epoch], self._crypto_streams[epoch].sender
        )
        return self._established

    def _only_stream(self, established: _Established) -> QuicStream | None:
        """The stream, if its bytes and acknowledgements are all that there can be to send."""
        if (
            self._state is not QuicConnectionState.CONNECTED
            or self._close_pending
            or self._probe_pending
            or self._ping_pending
            or self._handshake_done_pending
            or self._retire_connection_ids
            or self._streams_blocked_pending
            or self._datagrams_pending
            or self._remote_preferred_address is not None
            or self._quic_logger is not None
            or len(self._streams) != 1
            or len(self._streams_queue) != 1
            or len(self._network_paths) != 1
            or not established.handshakes.buffer_is_empty
            or established.crypto._update_key_requested
        ):
            return None
        path = self._network_paths[0]
        if not path.is_validated or path.remote_challenges:
            return None
        for issued in self._host_cids:
            if not issued.was_sent:
                return None
        stream = self._streams_queue[0]
        sender, receiver = stream.sender, stream.receiver
        if (
            stream.is_blocked
            or sender.reset_pending
            or sender.is_finished
            or sender._buffer_fin is not None
            or receiver.is_finished
            or receiver.stop_pending
        ):
            return None
        return stream if self._limits_are_sent(stream) else None

    def _limits_are_sent(self, stream: QuicStream) -> bool:
        """Whether the peer knows how much it may send, now and after what was consumed."""
        receiver, data = stream.receiver, self._local_max_data
        consumed = data.used - (receiver.highest_offset - receiver._buffer_start)
        bidi, uni = self._local_max_streams_bidi, self._local_max_streams_uni
        return (
            bidi.value == bidi.sent
            and uni.value == uni.sent
            and self.receive_limit(consumed, data.value) == data.sent
            and self.receive_limit(receiver._buffer_start, stream.max_stream_data_local)
            == stream.max_stream_data_local_sent
        )

    def _send_stream(
        self, stream: QuicStream, established: _Established, due: bool, now: float
    ) -> list[tuple[bytes, Address]]:
        sender, loss, path = stream.sender, self._loss, self._network_paths[0]
        stream_id = stream.stream_id or 0
        space, crypto = established.space, established.crypto
        cid = self._peer_cid.cid
        pacer, pending = loss._pacer, sender._pending
        room = self._max_datagram_size - 1 - len(cid) - PACKET_NUMBER_SEND_SIZE - crypto.aead_tag_size
        sent: list[tuple[bytes, Address]] = []
        self._pacing_at = None
        while due or len(pending):
            if loss.congestion_window - loss.bytes_in_flight < self._max_datagram_size:
                return sent + super().datagrams_to_send(now)
            if not due or space.ack_at == now:  # one that is late is not held back
                self._pacing_at = pacer.next_send_time(now=now)
                if self._pacing_at is not None:
                    break
            handlers: list[tuple[QuicDeliveryHandler, Any]] = []
            payload = b""
            if due:
                due = False
                handlers.append((self._on_ack_delivery, (space, space.largest_received_packet)))
                payload = self._ack(space, now)
            frame = self._frame(stream, stream_id, room - len(payload))
            if frame is not None:
                offset, data = frame
                handlers.append((sender.on_data_delivery, (offset, offset + len(data), False)))
                payload += _head(stream_id, offset, len(data)) + data
            elif not payload:
                break  # the peer's flow control
            packet = QuicSentPacket(
                tls.Epoch.ONE_RTT,
                frame is not None,
                frame is not None,
                False,
                self._packet_number,
                QuicPacketType.ONE_RTT,
                now,
                0,
                handlers,
            )
            datagram = self._seal(crypto, cid, payload, packet)
            loss.on_packet_sent(packet=packet, space=space)
            pacer.update_after_send(now=now)
            sent.append((datagram, path.addr))
            path.bytes_sent += len(datagram)
            if frame is None:
                break
            if not self._ack_eliciting_sent_since_receipt:
                self._close_at = now + self._idle_timeout()
                self._ack_eliciting_sent_since_receipt = True
        if not len(pending):
            sender.buffer_is_empty = True
        return sent

    def _ack(self, space: QuicPacketSpace, now: float) -> bytes:
        """An ACK frame for the one range that was received."""
        delay = (
            int((now - (space.largest_received_time or now)) * 1_000_000) >> self._local_ack_delay_exponent
        )
        buffer = Buffer(capacity=_ACK_ROOM)
        buffer.push_uint_var(QuicFrameType.ACK)
        push_ack_frame(buffer, space.ack_queue, delay, _ACK_ROOM)
        space.ack_at = None
        return buffer.data

    def _frame(self, stream: QuicStream, stream_id: int, room: int) -> tuple[int, bytes] | None:
        """Offset and data of the next frame of at most `room` bytes; None if there is none, or the peer does not want it yet."""
        sender = stream.sender
        if not len(sender._pending):
            return None
        highest = sender.highest_offset
        overhead = _FRAME + size_uint_var(stream_id)
        if sender.next_offset:
            overhead += size_uint_var(sender.next_offset)
        allowed = min(
            highest + self._remote_max_data - self._remote_max_data_used, stream.max_stream_data_remote
        )
        frame = sender.get_frame(room - overhead, allowed)
        if frame is None or frame.offset is None:
            return None
        self._remote_max_data_used += sender.highest_offset - highest
        return frame.offset, frame.data

    def _seal(self, crypto: CryptoPair, cid: bytes, payload: bytes, packet: QuicSentPacket) -> bytes:
        """A datagram of one packet with a short header."""
        number = packet.packet_number
        first = PACKET_FIXED_BIT | self._spin_bit << 5 | crypto.key_phase << 2 | PACKET_NUMBER_SEND_SIZE - 1
        header = bytes((first,)) + cid + (number & 0xFFFF).to_bytes(PACKET_NUMBER_SEND_SIZE, "big")
        datagram = crypto.encrypt_packet(header, payload, number)
        packet.sent_bytes = len(datagram)
        self._packet_number = number + 1
        return datagram


def _head(stream_id: int, offset: int, length: int) -> bytes:
    kind = QuicFrameType.STREAM_BASE | _LENGTH
    where = b""
    if offset:
        kind |= _OFFSET
        where = encode_uint_var(offset)
    return bytes((kind,)) + encode_uint_var(stream_id) + where + (length | _TWO_BYTES).to_bytes(2, "big")
