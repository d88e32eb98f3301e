"""The options that several commands share, said once, and how their values are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from qnpc.errors import Code, Error

ProfileOption = Annotated[
    Path | None,
    typer.Option(
        "--profile", envvar="QNPC_PROFILE", metavar="DIR", help="Where this person's keys and messages are."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
PasswordOption = Annotated[
    str | None,
    typer.Option(
        "--password-file",
        envvar="QNPC_PASSWORD_FILE",
        metavar="FILE",
        help="Read the password from here; - is standard input.",
    ),
]
NodeOption = Annotated[
    str | None,
    typer.Option(
        "--node", envvar="QNPC_NODE", metavar="LINK", help="The node's link; - reads it from standard input."
    ),
]
GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="The group's name.", show_default=False)]

_DURATION = re.compile(r"(\d{1,6})\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def profile_directory(given: Path | None) -> Path:
    if given is not None:
        return given
    from platformdirs import user_data_path

    return user_data_path("qnpc", appauthor=False) / "profile"


def seconds(text: str) -> float:
    """`90s`, `30m`, `12h`, `7d`, `2w` -> seconds. Raises Error(USAGE)."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or int(match[1]) == 0:
        raise Error(Code.USAGE, f"{text!r} is not a time like 90s, 30m, 12h, 7d or 2w")
    return float(int(match[1]) * _SECONDS[match[2]])
