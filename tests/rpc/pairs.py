"""Two Peers joined by a Link in memory: one serves the demo, the other calls it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qnpc.limits import DEFAULT, Limits
from qnpc.rpc import Peer, Remote
from tests.rpc.demo import Store
from tests.support.links import MemoryLink, memory_links, turns

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


def pair(
    *,
    chunk: int = 1 << 20,
    limits: Limits = DEFAULT,
    client_limits: Limits | None = None,
    store: Store | None = None,
) -> Pair:
    client_link, server_link = memory_links(chunk)
    store = Store() if store is None else store
    server = Peer(server_link, limits, bootstrap=store)
    store.peer = server
    client = Peer(client_link, limits if client_limits is None else client_limits)
    server.start()
    client.start()
    return Pair(client, server, client_link, server_link, store, client.bootstrap())


EMPTY = {"questions": 0, "answers": 0, "exports": 1, "imports": 0, "bytes": 0, "handlers": 0}


async def clean(p: Pair) -> None:
    """Nothing is left in the tables but what is still held: the bootstrap object. Then close."""
    p.root.release()
    await turns()
    assert p.server.sizes == EMPTY
    assert p.client.sizes == EMPTY | {"exports": 0}
    await p.close()
