"""`listen`: a node's endpoint, on which admitted strangers become connections."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aioquic.quic.configuration import QuicConfiguration

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.ports import Address, Ports
from qnpc.transport import groups, reasons
from qnpc.transport.admission import CONNECTION_ID_BYTES, VERSIONS, Admission, Admit, First
from qnpc.transport.bounded import BoundedConnection
from qnpc.transport.connection import Connection
from qnpc.transport.endpoint import Endpoint
from qnpc.transport.identity import TlsIdentity
from qnpc.transport.places import Place
from qnpc.transport.stateless import Resets

_NO_ROOM = Error(
    Code.TOO_MANY_LOGINS, "others need the place of a connection on which nobody logs in"
).to_wire()


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

    def on_stranger(first: First, now: float, pressed: bool) -> Connection | None:
        verdict = admission.judge(first, now, pressed=pressed)
        if isinstance(verdict, bytes):
            datagrams.send([verdict], first.address)
        return admitted(verdict, first, now) if isinstance(verdict, Admit) else None

    def on_lost(data: bytes, connection_id: bytes, sender: Address, now: float) -> None:
        reset = resets.answer(data, connection_id, now)
        if reset is not None:
            datagrams.send([reset], sender)

    def admitted(verdict: Admit, first: First, now: float) -> Connection:
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
        connection = Connection(quic, endpoint, limits, first.address, now, on_open=opened, on_failed=_ignore)
        place = Place(admission.places, verdict.key, now, partial(connection.dismiss, _NO_ROOM))
        connection.on_authenticated = place.known
        endpoint.add(connection, first.header.destination_cid, quic.host_cid, on_removed=place.release)
        return connection

    endpoint = Endpoint(ports, datagrams, limits, on_stranger, on_lost, admission.places.begun)
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
