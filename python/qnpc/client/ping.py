"""Ping: one `Node.health` over QUIC, and what was negotiated for it. Needs no profile."""

from __future__ import annotations

import asyncio

from qnpc import transport
from qnpc.client.events import Event, event
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits
from qnpc.link import NodeLink, join_address
from qnpc.ports import Ports
from qnpc.rpc import Peer
from qnpc.wire import NODE, Empty


async def ping(link: NodeLink, ports: Ports, limits: Limits = DEFAULT) -> Event:
    """The round trip is that of the call itself. Raises Error(PIN_MISMATCH, UNREACHABLE)."""
    connection = await transport.connect(ports, (link.host, link.port), limits, pin=link.pin)
    peer = Peer(connection, limits)
    peer.start()
    try:
        async with asyncio.timeout(limits.call_timeout):
            node = peer.bootstrap()
            info = (await peer.call(node, NODE.info, Empty())).info
            before = ports.clock.monotonic()
            health = (await peer.call(node, NODE.health, Empty())).health
            after = ports.clock.monotonic()
    except TimeoutError as error:
        raise Error(Code.UNREACHABLE, "the node does not answer in time") from error
    finally:
        peer.close()
        await peer.wait_closed()
    return event(
        "ping",
        node=join_address(link.host, link.port),
        ready=health.ready,
        detail=health.detail,
        round_trip_ms=round((after - before) * 1000, 3),
        pin=(connection.peer_pin or b"").hex(),
        tls_group=connection.tls_group,
        version=info.version,
    )
