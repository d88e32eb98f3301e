"""QUIC: ordered bytes between a client and a node, with a pinned key and a post-quantum key exchange.

The only importer of the QUIC library; nothing outside may know which one it is. What is outside sees `TlsIdentity`, `listen`, `connect`,
`Endpoint` and `Connection`, which is a `ports.Link` over the one stream there is: bidirectional stream 0, opened by the client.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qnpc.limits import Limits
from qnpc.ports import Address, LinkReceiver, Ports, Random


class TlsIdentity:
    """A node's certificate and private key. `pin` is SHA-256 of its SubjectPublicKeyInfo (DER), 32 bytes."""

    pin: bytes

    @classmethod
    def load_or_create(
        cls, cert_path: Path, key_path: Path, *, now: float, random: Random | None = None
    ) -> TlsIdentity:
        """Raises Error(BAD_REQUEST) with a sentence that names the file."""
        raise NotImplementedError


class Connection:
    """A ports.Link; made by `listen` and `connect` alone."""

    @property
    def peer_address(self) -> Address:
        raise NotImplementedError

    @property
    def tls_group(self) -> str:
        """`X25519MLKEM768` or `X25519`."""
        raise NotImplementedError

    @property
    def peer_pin(self) -> bytes | None:
        """Client side: the server's pin. Server side: None."""
        raise NotImplementedError

    @property
    def round_trip(self) -> float | None:
        """Smoothed, seconds."""
        raise NotImplementedError

    @property
    def handshake_time(self) -> float:
        """Seconds."""
        raise NotImplementedError

    def start(self, receiver: LinkReceiver) -> None:
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        raise NotImplementedError

    @property
    def queued(self) -> int:
        raise NotImplementedError

    def close(self, reason: str = "") -> None:
        raise NotImplementedError


class Endpoint:
    """A listening socket and its connections."""

    @property
    def address(self) -> Address:
        raise NotImplementedError

    @property
    def connections(self) -> int:
        raise NotImplementedError

    async def close(self, reason: str = "") -> None:
        raise NotImplementedError


async def listen(
    ports: Ports, address: Address, identity: TlsIdentity, limits: Limits, on_connection: Callable[[Connection], None]
) -> Endpoint:
    """Raises OSError when the address cannot be bound."""
    raise NotImplementedError


async def connect(
    ports: Ports, address: Address, limits: Limits, *, pin: bytes | None, require_hybrid: bool = True
) -> Connection:
    """Returns after the handshake, the pin verified. Raises Error(PIN_MISMATCH), Error(UNREACHABLE), Error(UNSUPPORTED_VERSION)."""
    raise NotImplementedError
