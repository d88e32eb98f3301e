"""The attackers' process, so that neither the node nor the honest clients share an interpreter with them.

One command a line, each answered with one line of JSON: `prepare NAME NETWORK COUNT` (connections), `strike SECONDS`, `leave`. The
node's link is the argument. It runs at a lower priority, as it would on a machine of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from qnpc import link
from qnpc.ports import Ports
from tests.hostile.attack import Attack
from tests.hostile.catalogue import ATTACKS
from tests.hostile.processes import obey
from tests.hostile.stranger import Stranger


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


HEARS = 10.0
"""Seconds that a node has to do what is complained about that it did not."""


class Attacker:
    def __init__(self, ports: Ports, node: link.NodeLink) -> None:
        self._ports = ports
        self._node = node
        self._attack: Attack

    async def prepare(self, name: str, network: str, count: str) -> dict[str, Any]:
        stranger = Stranger(self._ports, self._node, int(network))
        self._attack = ATTACKS[name](stranger, int(count))
        await self._attack.prepare()
        return {"connections": len(stranger.connections)}

    async def strike(self, seconds: str) -> dict[str, Any]:
        attack, clock = self._attack, self._ports.clock
        stranger, began, cpu = attack.stranger, clock.monotonic(), _cpu()
        while clock.monotonic() - began < float(seconds):
            await attack.strike()
            await clock.sleep(attack.pause)
        lasted, spent = clock.monotonic() - began, _cpu() - cpu
        stranger.listen()
        while attack.complaint() and clock.monotonic() - began < lasted + HEARS:
            await clock.sleep(0.05)
            stranger.listen()
        return {
            "seconds": lasted,
            "cpu": spent,
            "sent": stranger.sent,
            "sent_bytes": stranger.sent_bytes,
            "heard_bytes": stranger.heard_bytes,
            "ends": stranger.ends,
            "complaint": attack.complaint(),
        }

    async def leave(self) -> dict[str, Any]:
        await self._attack.stranger.close()
        return {}


async def main(node: link.NodeLink) -> None:
    ports = Ports()
    try:
        await obey(Attacker(ports, node))
    finally:
        ports.close()


if __name__ == "__main__":
    os.nice(10)
    asyncio.run(main(link.parse(sys.argv[1])))
