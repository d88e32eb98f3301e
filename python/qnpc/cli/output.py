"""Where lines go: data to standard output, remarks to standard error, each flushed as it is written.

A line that was handed out has reached the operating system when `emit` returns; `recv` counts on that before it lets the client
forget a message.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from qnpc.cli import fail, render

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """`as_json`: one object a line, text exactly as it was sent, with every character beyond ASCII escaped by JSON itself."""

    as_json: bool

    def emit(self, event: Event) -> None:
        """One event as one line (a message may have several) on standard output. Raises OSError, BrokenPipeError."""
        sys.stdout.write(f"{_json(event) if self.as_json else render.human(event)}\n")
        sys.stdout.flush()

    def narrate(self, text: str) -> None:
        """A line for people on standard output, from a command whose JSON is one object at its end."""
        if not self.as_json:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def remark(self, text: str) -> None:
        """For people only: programs that read JSON get their answers from what `emit` wrote."""
        if not self.as_json:
            fail.say(text)


def _json(event: Event) -> str:
    return json.dumps(event, ensure_ascii=True, separators=(",", ":"))
