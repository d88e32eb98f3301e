"""What anybody may ask a node about itself."""

from __future__ import annotations

from qnpc.errors import Error
from qnpc.node.dispatch import NodeCap
from qnpc.node.store.contract import Store
from qnpc.node.version import VERSION
from qnpc.wire import WIRE_VERSION, Empty, Health, NodeHealthResults, NodeInfo, NodeInfoResults


async def info(node: NodeCap, params: Empty) -> NodeInfoResults:
    services = node.services
    return NodeInfoResults(
        NodeInfo(
            version=VERSION,
            wire=WIRE_VERSION,
            pin=services.pin,
            registration="invite",
            suites=services.suites,
            max_payload=services.limits.payload,
        )
    )


async def health(node: NodeCap, params: Empty) -> NodeHealthResults:
    """Ready means that the store answers."""
    services = node.services
    detail = ""
    try:
        await services.query(_touch)
    except Error as error:
        detail = error.sentence
    uptime = int((services.monotonic() - services.started) * 1000)
    return NodeHealthResults(Health(not detail, detail, node.visitor.tls_group, uptime))


def _touch(store: Store) -> None:
    store.token(b"")
