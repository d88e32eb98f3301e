"""A delivery benchmark with few members: that its figures belong together, and that it tells of what went wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from qnpc.benchmarks import delivery
from qnpc.benchmarks.load import Load
from qnpc.benchmarks.process import node_process
from qnpc.cli import bench
from qnpc.errors import Error, Exit
from qnpc.limits import DEFAULT
from qnpc.ports import Link, Ports
from tests.benchmarks.meddling import Meddling
from tests.support.processes import qnpc

MEMBERS = 5
MESSAGES = 30


def test_the_command_reports_what_it_measured() -> None:
    done = qnpc("bench", "delivery", "--members", "5", "--messages", "30", "--in-flight", "4", "--json")
    (report,) = done.events
    assert {name: report[name] for name in ("v", "kind", "bench", "members", "in_flight", "messages")} == {
        "v": 1,
        "kind": "bench",
        "bench": "delivery",
        "members": 5,
        "in_flight": 4,
        "messages": 30,
    }
    assert [report[name] for name in ("lost", "doubled", "misordered", "altered")] == [0, 0, 0, 0]
    assert report["deliveries"] == MEMBERS * MESSAGES
    assert report["deliveries_per_s"] == pytest.approx(report["deliveries"] / report["seconds"], rel=0.05)
    share = report["node_us_per_delivery"] * report["deliveries"] / 1e6 / report["seconds"]
    assert share == pytest.approx(report["cpu_share"]["node"], abs=0.02)
    assert 0 < report["p50_ms"] <= report["p99_ms"] <= report["seconds"] * 1000
    assert report["bottleneck"] in {"node", "load", "both", "neither"}
    assert (report["suite"], report["tls_group"]) == ("0x004F", "X25519MLKEM768")
    assert report["limits_raised"] == {"connections_per_address": 13, "datagram": 1452}
    assert report["cores"] >= 1
    assert 0.5 < report["reading_us"] < 500
    assert set(report["versions"]) >= {"qnpc", "python", "aioquic", "pycapnp", "sqlite"}
    assert "synchronous=FULL" in report["store"]


def test_large_deliveries_are_recognised() -> None:
    """Many messages at once make a delivery of several segments: that they arrive must not be taken for a loss."""
    done = qnpc("bench", "delivery", "--members", "3", "--messages", "130", "--in-flight", "64", "--json")
    assert (done.events[0]["lost"], done.events[0]["deliveries"]) == (0, 390)


def test_people_get_a_table() -> None:
    done = qnpc("bench", "delivery", "--members", "1", "--messages", "5", "--suite", "0x0001")
    rows = dict(line.split("   ", 1) for line in done.out.splitlines() if not line.startswith(" "))
    assert {name.strip(): value.strip() for name, value in rows.items()}["suite"] == "0x0001"


def test_a_suite_that_is_none_is_refused() -> None:
    assert "0x004F" in qnpc("bench", "delivery", "--suite", "7", status=Exit.USAGE).err


@pytest.mark.parametrize(
    ("what", "faults", "stall"),
    [("lose", ["lost"], 6.0), ("double", ["doubled"], 60.0), ("change", ["lost", "altered"], 6.0)],
)
async def test_a_delivery_that_went_wrong_is_told(
    tmp_path: Path, ports: Ports, what: str, faults: list[str], stall: float
) -> None:
    """What does not come is waited for as long as `stall`. Where all comes, nothing ends the wait but its coming."""
    report = await _meddled(tmp_path, ports, what, stall)
    assert [name for name in ("lost", "doubled", "misordered", "altered") if report[name]] == faults
    assert report["deliveries"] == MEMBERS * report["messages"] - report["lost"]
    with pytest.raises(Error, match="did not hold") as refusal:
        bench.check(report)
    assert refusal.value.kind.exit == Exit.REFUSED


async def _meddled(path: Path, ports: Ports, what: str, stall: float) -> dict[str, Any]:
    """The report of a run in which one delivery of one member goes wrong: one of up to four messages. The first is the Welcome."""

    def meddle(member: int, link: Link) -> Link:
        return Meddling(link, what, 4) if member == 2 else link

    limits = dataclasses.replace(DEFAULT, connections_per_address=MEMBERS + 8)
    async with node_process(path / "node", delivery.raised(MEMBERS)) as node:
        load = Load(ports, limits, MEMBERS, 4, stall=stall, meddle=meddle)
        try:
            await load.assemble(node, 0x0001)
            return await delivery.measure(ports, node, load, MESSAGES, warm_up=2)
        finally:
            await load.close()
