"""Where log lines and stray failures go: of a node to standard error, of a command nowhere, and of both into QNPC_DEBUG's file.

Whatever happens in a thread, a callback or a destructor has no person in front of it; unless it is caught here, the interpreter
would write its traceback over what somebody reads.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

from qnpc import safe
from qnpc.cli import fail

Fields = MutableMapping[str, Any]


def configure(*, node_log: bool | None) -> None:
    """Once, before anything runs. `node_log`: see `session.run`."""
    if node_log is not None:
        _configure_node(to_stderr=node_log)
    root = logging.getLogger()
    path = os.environ.get(fail.DEBUG)
    if path:
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            root.addHandler(logging.FileHandler(path, encoding="utf-8", errors="backslashreplace"))
    root.addHandler(logging.NullHandler())  # without one the root writes to standard error by itself
    threading.excepthook = lambda stray: _stray(stray.exc_value)
    sys.unraisablehook = lambda stray: _stray(stray.exc_value)


def _configure_node(*, to_stderr: bool) -> None:
    """Only the node speaks through structlog, which takes long to import."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _keep,
            _line if to_stderr else _drop,
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _stray(error: BaseException | None) -> None:
    if error is not None:
        fail.keep(error)


def _keep(logger: Any, method: str, event: Fields) -> Fields:
    logging.getLogger("qnpc").log(
        logging.getLevelNamesMapping().get(method.upper(), logging.INFO), "%s", event
    )
    return event


def _drop(logger: Any, method: str, event: Fields) -> str:
    import structlog

    raise structlog.DropEvent


def _line(logger: Any, method: str, event: Fields) -> str:
    """One line: moment, level, what happened, and its values. A traceback stays in QNPC_DEBUG's file."""
    event.pop("exception", None)
    head = [str(event.pop(name, "")) for name in ("timestamp", "level", "event")]
    rest = [f"{name}={safe.line(str(value))}" for name, value in event.items()]
    return " ".join([*map(safe.line, head), *rest])
