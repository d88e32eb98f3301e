"""A latency benchmark with few messages: its figures belong together."""

from __future__ import annotations

from tests.support.processes import qnpc


def test_the_command_reports_what_it_measured() -> None:
    (report,) = qnpc("bench", "latency", "--messages", "10", "--json").events
    assert (report["kind"], report["bench"], report["messages"]) == ("bench", "latency", 10)
    assert 0 < report["p50_ms"] <= report["p99_ms"]
    assert (report["lost"], report["altered"]) == (0, 0)
    assert (report["suite"], report["tls_group"]) == ("0x004F", "X25519MLKEM768")
