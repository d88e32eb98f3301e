"""Where log lines and stray failures go: of a node to standard error, of a command nowhere, and of both into QNPC_DEBUG's file.

A node's line has a moment (`at`, UTC), a `level`, an `event` and the event's own values: a line of text where somebody watches, one JSON
object with these keys where a program reads. Tracebacks and what libraries say are for QNPC_DEBUG's file alone: the line names their
kind. Whatever happens in a thread, a callback or a destructor has no person in front of it; unless it is caught here, the interpreter
would write its traceback over what somebody reads.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, MutableMapping
from typing import Any

from qnpc import safe
from qnpc.cli import fail

Fields = MutableMapping[str, Any]

SILENT = "silent"
"""The level of a node that is heard in QNPC_DEBUG's file alone."""


def configure(*, node_log: str | None) -> None:
    """Once, before anything runs. `node_log`: see `session.run`."""
    root = logging.getLogger()
    path = os.environ.get(fail.DEBUG)
    if path:
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            root.addHandler(logging.FileHandler(path, encoding="utf-8", errors="backslashreplace"))
            logging.getLogger("qnpc").setLevel(logging.DEBUG)
    root.addHandler(logging.NullHandler())  # without one the root writes to standard error by itself
    if node_log is not None:
        _configure_node(node_log)
    threading.excepthook = lambda stray: _stray(stray.exc_value)
    sys.unraisablehook = lambda stray: _stray(stray.exc_value)


def _configure_node(level: str) -> None:
    """Only the node speaks through structlog, which takes long to import."""
    import structlog

    heard = level != SILENT
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            _keep,
            _above(level) if heard else _drop,
            _line if sys.stderr is not None and sys.stderr.isatty() else _object,
        ],
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,
    )
    if heard:
        logging.getLogger().addHandler(_Libraries(logging.WARNING))


class _StandardError:
    """Writes what the processors made of an event. If standard error is gone, nobody is told and the node goes on."""

    def __init__(self, *_: object) -> None: ...

    def msg(self, text: str) -> None:
        fail.say(text)

    debug = info = warning = error = critical = exception = msg


class _Libraries(logging.Handler):
    """Tells that a library complained; what it said may hold anything, and is in QNPC_DEBUG's file."""

    def emit(self, record: logging.LogRecord) -> None:
        import structlog

        if record.name.split(".")[0] != "qnpc":
            error = record.exc_info[0] if record.exc_info else None
            log = structlog.get_logger("qnpc.node")
            log.log(record.levelno, "library", logger=record.name, error=error.__name__ if error else None)


def _stray(error: BaseException | None) -> None:
    if error is not None:
        fail.keep(error)


def _keep(logger: Any, method: str, event: Fields) -> Fields:
    logging.getLogger("qnpc").log(_number(str(event["level"])), "%s", event)
    return event


def _above(level: str) -> Callable[[Any, str, Fields], Fields]:
    lowest = _number(level)

    def passes(logger: Any, method: str, event: Fields) -> Fields:
        return event if _number(str(event["level"])) >= lowest else _drop(logger, method, event)

    return passes


def _drop(logger: Any, method: str, event: Fields) -> Fields:
    import structlog

    raise structlog.DropEvent


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)


def _line(logger: Any, method: str, event: Fields) -> str:
    head, rest = _parts(event)
    values = [f"{name}={safe.line(str(value))}" for name, value in rest.items() if value is not None]
    return " ".join([*map(safe.line, head.values()), *values])


def _object(logger: Any, method: str, event: Fields) -> str:
    head, rest = _parts(event)
    return json.dumps({**head, **rest}, ensure_ascii=True, separators=(",", ":"), default=str)


def _parts(event: Fields) -> tuple[dict[str, str], Fields]:
    """What every line has, in its order, and the rest. Of a traceback the kind of the exception is left."""
    trace = event.pop("exception", None)
    if trace:
        event.setdefault("error", str(trace).rstrip().rpartition("\n")[2].partition(":")[0])
    head = {name: str(event.pop(name, "")) for name in ("at", "level", "event")}
    return head, event
