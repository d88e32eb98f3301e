"""Why a connection ends, in both directions: an error's wire form as a QUIC application close (RFC 9000,
10.2), and a QUIC close as an error.

The application error code is the number of the code (12 for E012), 0 for a normal close. What is no wire form
never leaves: the other side sees E025.
"""

from __future__ import annotations

from aioquic.quic.events import ConnectionTerminated
from aioquic.quic.packet import QuicErrorCode

from qnpc.errors import BY_NUMBER, Code, Error
from qnpc.link import join_address
from qnpc.ports import Address

PROTOCOL = "qnpc/1"
_REASON_BYTES = 512  # must fit into one packet beside the frame's head

_TRANSPORT: dict[int, tuple[Code, str]] = {
    QuicErrorCode.CONNECTION_REFUSED: (Code.UNREACHABLE, "{peer} refuses more connections from this address"),
    QuicErrorCode.CRYPTO_ERROR + 40: (
        Code.UNREACHABLE,
        "{peer} accepts none of the key exchanges that were offered; it may lack the post-quantum X25519MLKEM768",
    ),
    QuicErrorCode.CRYPTO_ERROR + 120: (
        Code.UNSUPPORTED_VERSION,
        f"{{peer}} does not speak {PROTOCOL}; it may not be a node",
    ),
}
"""Transport errors that have a sentence of their own; 40 is handshake_failure and 120 no_application_protocol
(RFC 8446, 6).
"""


def normalised(reason: str) -> str:
    """`reason` as it may leave: empty, or the wire form of a known code."""
    if not reason:
        return ""
    head, _, _ = reason.partition(" ")
    return reason if head in BY_NUMBER and head < "E100" else Error(Code.INTERNAL).to_wire()


def error_code(reason: str) -> int:
    """The application error code that stands for a normalised reason."""
    return int(reason[1:4]) if reason else 0


def phrase(reason: str) -> str:
    """As much of a normalised reason as fits."""
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")


def from_wire(reason: str) -> Error | None:
    """None for a normal close."""
    return Error.from_wire(reason) if reason else None


def from_event(event: ConnectionTerminated, address: Address) -> Error | None:
    """The error that a close by the peer or by the QUIC library stands for. None for a normal close."""
    if event.frame_type is None:
        if event.reason_phrase or event.error_code == 0:
            return from_wire(event.reason_phrase)
        return Error(BY_NUMBER.get(f"E{event.error_code:03d}", Code.INTERNAL))
    peer = join_address(*address)
    if event.reason_phrase == "Idle timeout":
        return Error(Code.UNREACHABLE, f"{peer} does not answer any more")
    code, sentence = _TRANSPORT.get(
        event.error_code, (Code.UNREACHABLE, "the connection to {peer} broke (QUIC error {code:#x})")
    )
    return Error(code, sentence.format(peer=peer, code=event.error_code))
