"""Those who come while an attack lasts, in a process of their own: somebody new registers, and a member comes back.

One command a line, each answered with one line of JSON: `settle DIRECTORY` makes the member, who leaves again; `come DIRECTORY NAME` lets
both come at once and tells the seconds that each took, null for one who did not get in. The node's link and process id are the arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from qnpc import link
from qnpc.client import open_client, register
from qnpc.errors import Error
from qnpc.ports import Ports
from tests.hostile.gauge import Gauge
from tests.hostile.honest import CHEAP, PATIENCE, person
from tests.hostile.processes import obey


class Visitors:
    def __init__(self, ports: Ports, node: link.NodeLink, pid: int) -> None:
        self._ports = ports
        self._node = node
        self._gauge = Gauge(pid, ports.clock)

    async def settle(self, directory: str) -> dict[str, Any]:
        async with person(Path(directory), "carol", self._node, self._ports) as member:
            await member.online()
        return {}

    async def come(self, directory: str, name: str) -> dict[str, Any]:
        path = Path(directory) / name

        async def enter() -> None:
            await register(
                path, name, self._node, b"pw", unattended=True, ports=self._ports, stretching=CHEAP
            )

        async def come_back() -> None:
            # A client of its own each time: one that is cut off again and again waits longer each time by itself.
            async with open_client(path.with_name("carol"), ports=self._ports) as member:
                await member.online()

        entered, returned = await asyncio.gather(self._timed(enter), self._timed(come_back))
        return {"entered": entered, "returned": returned}

    async def _timed(self, way: Callable[[], Awaitable[None]]) -> float | None:
        """Seconds, without those in which the machine gave the node or this process no processor."""
        clock = self._ports.clock
        began, waited = clock.monotonic(), self._gauge.kept_waiting()
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(2 * PATIENCE):
                await way()
            return max(0.0, clock.monotonic() - began - (self._gauge.kept_waiting() - waited))
        return None


async def main(node: link.NodeLink, pid: int) -> None:
    ports = Ports()
    try:
        await obey(Visitors(ports, node, pid))
    finally:
        ports.close()


if __name__ == "__main__":
    asyncio.run(main(link.parse(sys.argv[1]), int(sys.argv[2])))
