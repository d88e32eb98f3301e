"""Two Peers joined by a Link in memory: one serves the demo, the other calls it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qnpc.limits import DEFAULT, Limits
from qnpc.rpc import Peer, Remote
from tests.rpc.demo import Store
from tests.support.links import MemoryLink, memory_links

SMALL = replace(DEFAULT, message_before_login=4096, message_after_login=65536, calls_in_flight=8, exports=16)


@dataclass
class Pair:
    client: Peer
    server: Peer
    client_link: MemoryLink
    server_link: MemoryLink
    store: Store
    root: Remote

    async def close(self) -> None:
        self.client.close()
        await self.client.wait_closed()
        await self.server.wait_closed()

    async def settled(self) -> dict[str, int]:
        """The server's tables after everything sent so far was handled."""
        import asyncio

        for _ in range(100):
            await asyncio.sleep(0)  # turns of the loop, no time
        return self.server.sizes


def pair(
    *, chunk: int = 1 << 20, limits: Limits = DEFAULT, client_limits: Limits | None = None, store: Store | None = None
) -> Pair:
    client_link, server_link = memory_links(chunk)
    store = Store() if store is None else store
    server = Peer(server_link, limits, bootstrap=store)
    store.peer = server
    client = Peer(client_link, limits if client_limits is None else client_limits)
    server.start()
    client.start()
    return Pair(client, server, client_link, server_link, store, client.bootstrap())
