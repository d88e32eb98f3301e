"""Where a peer's inner failures are told: a structured log that is handed in, or else the standard library's, silent unless
the program that uses us wants to hear."""

from __future__ import annotations

import logging
from typing import Protocol


class Log(Protocol):
    """What of a structured logger is used here."""

    def error(self, event: str, **fields: object) -> object: ...


class StandardLog:
    """One line to the logger `qnpc.rpc`."""

    _logger = logging.getLogger("qnpc.rpc")

    def error(self, event: str, **fields: object) -> None:
        self._logger.error("%s %s", event, fields)
