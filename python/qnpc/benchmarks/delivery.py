"""`bench delivery`: how many deliveries one node makes, and what each costs it.

A group of real MLS; one device sends, `in_flight` messages at a time, and each is in flight until the last of `members` others has it. The
node does for it all that it ever does: the checks, a durable append, a push to each member over its own connection, an acknowledgement from
each. The sender gets a copy too, which costs the node as much as any other and is not counted.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from qnpc.benchmarks import report
from qnpc.benchmarks.ledger import Ledger
from qnpc.benchmarks.load import Load
from qnpc.benchmarks.process import NodeProcess, node_process
from qnpc.limits import DEFAULT
from qnpc.ports import Ports

DELIVERIES = 50_000
"""How many a run makes when it is not told how many messages to send."""

SHORTCUTS = (
    "members share the decryption of a message; at each of them every delivery is compared byte by byte and held against the order",
    "members have no profiles, their passwords are stretched with 8 KiB and one pass",
    "KeyPackages and the Welcome go from hand to hand",
)
"""What the load leaves out, said in the report."""

_WARM_UP = 4  # windows that are sent before anything is counted


DATAGRAM = 1452
"""What every Ethernet carries, and the loopback in any case; the node's own default is what every path in the world carries."""


def raised(members: int, datagram: int = DATAGRAM) -> dict[str, int]:
    """The limits that so many members from one address would meet, and what they are raised to; and the size of datagrams."""
    return {"connections_per_address": members + 8, "datagram": datagram}


async def run(
    ports: Ports,
    *,
    members: int,
    in_flight: int,
    messages: int | None,
    suite: int,
    datagram: int = DATAGRAM,
) -> dict[str, object]:
    """The report. Raises Error when the node refused something, so that there is nothing to report."""
    count = max(in_flight, DELIVERIES // members) if messages is None else messages
    lifted = raised(members, datagram)
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qnpc-bench-")))
        node = await stack.enter_async_context(node_process(scratch / "node", lifted))
        load = Load(ports, replace(DEFAULT, **lifted), members, in_flight)
        stack.push_async_callback(load.close)
        await load.assemble(node, suite)
        return {
            "members": members,
            "in_flight": in_flight,
            "suite": f"0x{suite:04X}",
            **await measure(ports, node, load, count, warm_up=_WARM_UP * in_flight),
            "limits_raised": lifted,
            "shortcuts": list(SHORTCUTS),
            **report.surroundings(ports, scratch),
        }


async def measure(
    ports: Ports, node: NodeProcess, load: Load, count: int, *, warm_up: int
) -> dict[str, object]:
    """What an assembled load shows: its figures, and what it lost. Raises Error."""
    await load.send(warm_up, counted=False)
    before = await _Moment.now(ports, node)
    await load.send(count, counted=True)
    after = await _Moment.now(ports, node)
    return {
        "tls_group": load.tls_group,
        "entry_bytes": load.entry_bytes,
        **_figures(load.ledger, after - before),
    }


@dataclass(frozen=True, slots=True)
class _Moment:
    """In seconds: the time, and the CPU time that each process has used."""

    at: float
    node: float
    load: float

    @classmethod
    async def now(cls, ports: Ports, node: NodeProcess) -> _Moment:
        used = await node.cpu_seconds()
        return cls(ports.clock.monotonic(), used, report.cpu_seconds())

    def __sub__(self, before: _Moment) -> _Moment:
        return _Moment(self.at - before.at, self.node - before.node, self.load - before.load)


def _figures(ledger: Ledger, passed: _Moment) -> dict[str, object]:
    times = sorted(ledger.times)
    delivered = max(1, ledger.delivered)
    shares = (passed.node / passed.at, passed.load / passed.at)
    return {
        "messages": ledger.messages,
        "deliveries": ledger.delivered,
        "seconds": round(passed.at, 3),
        "deliveries_per_s": round(ledger.delivered / passed.at),
        "node_us_per_delivery": round(passed.node / delivered * 1e6, 1),
        "load_us_per_delivery": round(passed.load / delivered * 1e6, 1),
        "p50_ms": report.milliseconds(report.quantile(times, 0.5)),
        "p99_ms": report.milliseconds(report.quantile(times, 0.99)),
        "lost": ledger.lost,
        "doubled": ledger.doubled,
        "misordered": ledger.misordered,
        "altered": ledger.altered,
        "bottleneck": report.bottleneck(*shares),
        "cpu_share": {"node": round(shares[0], 2), "load": round(shares[1], 2)},
    }
