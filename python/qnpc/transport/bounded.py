"""A QUIC connection on which a hostile peer can spend only what is granted: fixed receive windows, few gaps,
few streams.

aioquic doubles its windows on the highest offset it has seen, keeps any number of gaps and searches them one
by one: a few crafted frames would hold hundreds of megabytes or burn seconds of CPU, before any login. Here a
limit slides by what was consumed and never grows, and what is past a bound closes this connection with a code
(RFC 9000, 4 and 21). An honest peer on a lossy path must never meet a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnectionError
from aioquic.quic.packet import QuicErrorCode
from cryptography import x509

from qnpc.ports import Address
from qnpc.transport.sending import SendingConnection

PEER_STREAMS = 4
"""Of each kind. Only stream 0 is spoken on; the others exist so that a peer who opens one is told why that is
wrong.
"""

CRYPTO_BYTES = 16 * 1024
"""Out of order, or of one unfinished TLS message: CRYPTO frames have no flow control (RFC 9000, 7.5)."""

CRYPTO_GAPS = 16

STREAM_GAPS = 64
GAP_BYTES = 256
"""More than STREAM_GAPS pieces out of order are believed only when they average this size: loss makes gaps
between packets, not within them.
"""

BARE_ACKS = 16
"""Packets that only acknowledge are acknowledged themselves when something else is (RFC 9000, 13.2.4): a peer to which nothing else is
sent would make as many of them as it likes.
"""

_LOOK = 32
"""Sendings between two looks at them."""

ACK_DELAYS = {True: (0.02, 25), False: (0.075, 80)}
"""Of a client, and of a node: seconds that an acknowledgement waits for company, and milliseconds that are promised. What a client asks is
answered sooner than that, and the acknowledgement rides on the answer. What it answers is not: each member's acknowledgement of a push
would cost a node a datagram of its own, every second of its sendings, where in a busy group the next push is about to leave. The price is
paid by a client whose last datagram was lost: it learns of it 55 ms later.
"""


class BoundedConnection(SendingConnection):
    """`groups` are the TLS groups, preferred first; `check` sees the peer's certificate and raises a
    `tls.Alert` to refuse it; `reset_token` gives the stateless reset token of each id that a server issues.
    """

    def __init__(
        self,
        *,
        configuration: QuicConfiguration,
        groups: Sequence[int],
        check: Callable[[x509.Certificate], None] | None = None,
        reset_token: Callable[[bytes], bytes] | None = None,
        original_destination_connection_id: bytes | None = None,
        retry_source_connection_id: bytes | None = None,
    ) -> None:
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=original_destination_connection_id,
            retry_source_connection_id=retry_source_connection_id,
        )
        self._groups = list(groups)
        self._check = check
        self._reset_token = reset_token
        self._set_reset_tokens()
        self._window = configuration.max_data
        self._sendings = 0
        self.limit_peer_streams(PEER_STREAMS)
        self.delay_acks(*ACK_DELAYS[configuration.is_client])

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Address]]:
        self._sendings += 1
        if not self._sendings % _LOOK:
            self.forget_bare_acks(BARE_ACKS)
        return super().datagrams_to_send(now)

    def widen(self, window: int) -> None:
        """From now on the peer may send so many bytes ahead."""
        self._window = window

    def groups(self) -> list[int]:
        return list(self._groups)

    def reset_token(self, connection_id: bytes) -> bytes | None:
        return None if self._reset_token is None else self._reset_token(connection_id)

    def certificate_arrives(self, certificate: x509.Certificate) -> None:
        if self._check is not None:
            self._check(certificate)

    def receive_limit(self, consumed: int, limit: int) -> int:
        target = consumed + self._window
        return target if target - limit >= self._window // 2 else limit

    def crypto_arrives(self, end: int, frame_type: int) -> None:
        if end > CRYPTO_BYTES:
            raise _excess(QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type)

    def crypto_taken(self, ranges: int, waiting: int, frame_type: int) -> None:
        if ranges > CRYPTO_GAPS or waiting > CRYPTO_BYTES:
            raise _excess(QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type)

    def stream_taken(self, ranges: Sequence[range], frame_type: int) -> None:
        excess = len(ranges) - STREAM_GAPS
        if excess > 0 and excess * GAP_BYTES > sum(map(len, ranges)):
            raise _excess(QuicErrorCode.INTERNAL_ERROR, frame_type)


def _excess(code: QuicErrorCode, frame_type: int) -> QuicConnectionError:
    return QuicConnectionError(
        error_code=cast("int", code), frame_type=frame_type, reason_phrase="too much out of order"
    )
