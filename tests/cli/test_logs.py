"""A node's log: lines for who watches, objects for who reads, and neither more than they should know."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import structlog

from qnpc.cli import fail, logs


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Gone(StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's logging is its own again afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), logging.getLogger("qnpc").level
    monkeypatch.setattr("threading.excepthook", None)
    monkeypatch.setattr("sys.unraisablehook", None)
    monkeypatch.delenv(fail.DEBUG, raising=False)
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    logging.getLogger("qnpc").setLevel(level)
    structlog.reset_defaults()


def heard(monkeypatch: pytest.MonkeyPatch, stream: StringIO, level: str = "info") -> structlog.BoundLogger:
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure(node_log=level)
    log: structlog.BoundLogger = structlog.get_logger("qnpc.node")
    return log


def test_a_program_reads_one_object_a_line_with_stable_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    log = heard(monkeypatch, stream)
    log.info("node.started", address="[::1]:7000", count=3, nothing=None)
    log.warning("odd", text="two\nlines \x1b[2J ä")
    first, second = stream.getvalue().splitlines()
    said = json.loads(first)
    assert list(said) == ["at", "level", "event", "address", "count", "nothing"]
    assert said["at"].endswith("Z")
    assert (said["level"], said["event"], said["count"], said["nothing"]) == ("info", "node.started", 3, None)
    assert json.loads(second)["text"] == "two\nlines \x1b[2J ä"
    assert second.isascii()
    assert second.isprintable()


def test_a_person_reads_lines_that_nobody_can_steer(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    heard(monkeypatch, stream).warning("odd.thing", text="two\nlines \x1b[2J", number=3, nothing=None)
    (line,) = stream.getvalue().splitlines()
    assert " warning odd.thing text=two" in line
    assert line.endswith(" number=3")
    assert line.isprintable()


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
        (logs.SILENT, []),
    ],
)
def test_the_level_says_how_much_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, level: str, told: list[str]
) -> None:
    debug = tmp_path / "debug.log"
    monkeypatch.setenv(fail.DEBUG, str(debug))
    stream = StringIO()
    log = heard(monkeypatch, stream, level)
    for method in ("debug", "info", "warning", "error"):
        getattr(log, method)("event")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == told
    assert debug.read_text().count("'event': 'event'") == 4  # there everything is
    assert debug.stat().st_mode & 0o077 == 0


def test_of_a_failure_its_kind_is_told_and_its_text_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    debug = tmp_path / "debug.log"
    monkeypatch.setenv(fail.DEBUG, str(debug))
    stream = StringIO()
    log = heard(monkeypatch, stream)
    try:
        raise KeyError("canary")
    except KeyError:
        log.exception("push.failed", device="0011")
    said = json.loads(stream.getvalue())
    assert (said["level"], said["event"], said["error"], said["device"]) == (
        "error",
        "push.failed",
        "KeyError",
        "0011",
    )
    assert "canary" not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()
    assert "canary" in debug.read_text()


def test_of_a_library_it_is_told_that_it_complained(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    heard(monkeypatch, stream)
    logging.getLogger("asyncio").error("canary", exc_info=(ValueError, ValueError("canary"), None))
    logging.getLogger("asyncio").info("canary")
    said = json.loads(stream.getvalue())
    assert (said["level"], said["event"]) == ("error", "library")
    assert (said["logger"], said["error"]) == ("asyncio", "ValueError")
    assert "canary" not in stream.getvalue()


def test_a_node_goes_on_when_nobody_reads_its_log_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    heard(monkeypatch, Gone()).info("node.started")
