"""`listen`: a node's endpoint, on which admitted strangers become connections."""

from __future__ import annotations

from collections.abc import Callable

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicHeader

from qnpc.errors import Error
from qnpc.limits import Limits
from qnpc.ports import Address, Ports
from qnpc.transport import groups, reasons
from qnpc.transport.admission import CONNECTION_ID_BYTES, VERSIONS, Admission, Admit
from qnpc.transport.bounded import BoundedConnection
from qnpc.transport.connection import Connection
from qnpc.transport.endpoint import Endpoint
from qnpc.transport.identity import TlsIdentity
from qnpc.transport.stateless import Resets


async def listen(
    ports: Ports,
    address: Address,
    identity: TlsIdentity,
    limits: Limits,
    on_connection: Callable[[Connection], None],
) -> Endpoint:
    """A server on `address` (port 0: any free one). `on_connection` is called once per connection, when its
    handshake is complete, with a link to be started.

    Raises OSError when the address cannot be bound.
    """
    datagrams = await ports.datagrams.bind(address)
    admission = Admission(limits, ports.random)
    resets = Resets(identity.key, ports.random)
    configuration = _configuration(identity, limits)
    accepted = groups.offered(require_hybrid=False)

    def on_stranger(header: QuicHeader, size: int, sender: Address, now: float) -> Connection | None:
        verdict = admission.judge(header, size, sender, now)
        if isinstance(verdict, bytes):
            datagrams.send([verdict], sender)
        return admitted(verdict, header.destination_cid, sender, now) if isinstance(verdict, Admit) else None

    def on_lost(data: bytes, connection_id: bytes, sender: Address, now: float) -> None:
        reset = resets.answer(data, connection_id, now)
        if reset is not None:
            datagrams.send([reset], sender)

    def admitted(verdict: Admit, destination: bytes, sender: Address, now: float) -> Connection:
        place = admission.place(sender)

        def opened(connection: Connection) -> None:
            place.established()
            on_connection(connection)

        quic = BoundedConnection(
            configuration=configuration,
            groups=accepted,
            reset_token=resets.token,
            original_destination_connection_id=verdict.original,
            retry_source_connection_id=verdict.retry,
        )
        connection = Connection(quic, endpoint, limits, sender, now, on_open=opened, on_failed=_ignore)
        endpoint.add(connection, destination, quic.host_cid, on_removed=place.release)
        return connection

    endpoint = Endpoint(ports, datagrams, limits, on_stranger, on_lost)
    return endpoint


def _configuration(identity: TlsIdentity, limits: Limits) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=False,
        alpn_protocols=[reasons.PROTOCOL],
        certificate=identity.chain[0],
        certificate_chain=identity.chain[1:],
        private_key=identity.key,
        connection_id_length=CONNECTION_ID_BYTES,
        idle_timeout=limits.idle,
        max_datagram_size=limits.datagram,
        max_data=limits.receive_window_before_login,
        max_stream_data=limits.receive_window_before_login,
        supported_versions=VERSIONS,
    )


def _ignore(_error: Error | None) -> None:
    """A handshake that fails concerns nobody."""
