"""A node on a network in memory, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from qnpc.limits import DEFAULT
from qnpc.ports import Address
from qnpc.transport import TlsIdentity
from tests.support.network import Network, run
from tests.transport.peers import Node, node

SERVER: Address = ("10.0.0.1", 7000)
CLIENT = "10.0.0.2"


def scene(
    network: Network, identity: TlsIdentity, play: Callable[[Node], Awaitable[None]], limits: object = None
) -> None:
    """Runs `play` with a node on the network."""

    async def main() -> None:
        async with node(identity, network.ports(SERVER[0]), limits or DEFAULT, SERVER) as server:  # type: ignore[arg-type]
            await play(server)

    run(main())
