"""`bench crypto` and `bench mls`: who wins is measured on the same work, in turn, and a loss is called one."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from qnpc.benchmarks.core import asymmetric, report, sealed, symmetric
from qnpc.benchmarks.core.groups import OPERATIONS
from qnpc.benchmarks.core.race import OURS, Result, race
from qnpc.ports import Ports
from tests.support.processes import qnpc

PEERLESS = {"envelope", "OPAQUE"}
BATCHES = ("encrypt_many 16 x 20, 2 threads", "process_many 16 x 20, 2 threads")
NEVER_BY_RINE = {"update", "process update", *BATCHES}


class Stopwatch(Ports().clock.__class__):  # type: ignore[misc]
    """Time that passes only where work says so."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def works(self, *seconds: float) -> Callable[[], None]:
        """Work that takes these times in turn, over and over."""
        turns = [*seconds]

        def work() -> None:
            self.time += turns[0]
            turns.append(turns.pop(0))

        return work


def test_the_ratio_is_the_best_peers_time_by_ours() -> None:
    clock = Stopwatch()
    contestants = {OURS: clock.works(2e-3), "slow": clock.works(9e-3), "fast": clock.works(3e-3)}
    row = race(clock, "a race", contestants).row()
    assert row == {
        "name": "a race",
        "ours_us": 2000.0,
        "peers": {"slow": 9000.0, "fast": 3000.0},
        "ratio": 1.5,
    }


def test_a_disturbance_decides_nothing() -> None:
    """A turn in ten meets something else that the machine does."""
    clock = Stopwatch()
    disturbed = clock.works(*[2e-3] * 9, 90e-3)
    result = race(clock, "a race", {OURS: disturbed, "peer": clock.works(2e-3)})
    assert result.ratio == pytest.approx(1.0)


def test_what_is_lost_is_named_and_what_has_no_peer_is_neither() -> None:
    results = [
        Result("won", {OURS: 1.0, "peer": 2.0}),
        Result("even", {OURS: 1.0, "peer": 1.0}),
        Result("lost", {OURS: 1.01, "peer": 1.0, "worse": 5.0}),
        Result("alone", {OURS: 1.0}),
    ]
    assert report.summary(results) == {"won": 2, "lost": ["lost"]}
    assert results[3].row()["ratio"] is None


@pytest.mark.parametrize("table", [symmetric, asymmetric, sealed], ids=lambda table: table.__name__)
def test_every_contestant_does_its_work(ports: Ports, table: object) -> None:
    rows = list(table.rows(ports.random))  # type: ignore[attr-defined]
    for name, contestants in rows:
        assert OURS in contestants, name
        assert len(contestants) > 1 or name.split()[0] in PEERLESS, f"nobody to compare {name} with"
        for work in contestants.values():
            work()
    names = [name for name, _ in rows]
    assert len(set(names)) == len(names)


def test_mls_is_measured_saved_compared_and_drawn(tmp_path: Path) -> None:
    saved, drawn = tmp_path / "before.json", tmp_path / "mls.svg"
    done = qnpc("bench", "mls", "--members", "2,5", "--json", "--save", str(saved), "--plot", str(drawn))
    (whole,) = done.events
    rows = {row["name"]: row for row in whole["rows"]}
    expected = {
        f"{suite} n={n} {operation}"
        for suite in ("0x0001", "0x004F")
        for n in (2, 5)
        for operation in OPERATIONS
    }
    batches = {f"{suite} n=5 {operation}" for suite in ("0x0001", "0x004F") for operation in BATCHES}
    assert set(rows) == expected | batches
    assert all(rows[name]["speedup"] > 0 for name in batches)
    assert all(rows[name]["cpu_us"]["qnpc"] > 0 for name in expected)
    assert all(row["ours_us"] > 0 for row in rows.values())
    assert rows["0x0001 n=5 add"]["add_commit_bytes"] > rows["0x0001 n=2 add"]["add_commit_bytes"] > 500
    assert json.loads(saved.read_text())["rows"] == whole["rows"]

    texts = [element.text for element in ET.parse(drawn).iter() if element.text]  # noqa: S314  # our own
    contested = [name for name, row in rows.items() if row["ratio"] is not None]
    assert set(contested) <= set(texts)

    again = qnpc("bench", "mls", "--members", "5", "--json", "--compare", str(saved))
    for row in again.events[0]["rows"]:
        assert row["before_us"] == rows[row["name"]]["ours_us"]


@pytest.mark.skipif(
    importlib.util.find_spec("rine_mls") is None, reason="rine-mls is not installed (extra `bench`)"
)
def test_the_peer_does_all_but_updates() -> None:
    done = qnpc("bench", "mls", "--members", "2", "--json")
    for row in done.events[0]["rows"]:
        operation = row["name"].split(" ", 2)[2]
        assert (row["ratio"] is None) == (operation in NEVER_BY_RINE)


@pytest.mark.parametrize("sizes", ["", "1", "2,x", "1001"])
def test_sizes_that_are_none_are_a_usage_error(sizes: str) -> None:
    done = qnpc("bench", "mls", "--members", sizes, status=2)
    assert "not a list of sizes" in done.err


def test_a_file_that_is_no_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    done = qnpc("bench", "crypto", "--compare", str(tmp_path / "x.json"), status=2)
    assert "x.json" in done.err
