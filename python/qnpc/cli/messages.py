"""`send`, `recv` and `history`: one message out, the new ones in, the old ones again."""

from __future__ import annotations

from typing import Annotated

import typer

from qnpc.cli import ask, session
from qnpc.cli.options import GroupArgument, JsonOption, PasswordOption, ProfileOption
from qnpc.limits import DEFAULT

app = typer.Typer(rich_markup_mode=None)


@app.command()
def send(
    group: GroupArgument,
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-", help="What to say; - reads standard input to its end.")
    ],
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", min=0.0, metavar="SECONDS", help="How long to wait for the node; then it is queued."
        ),
    ] = DEFAULT.send_timeout,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Send a message."""
    ask.one_stdin(text=text, password_file=password_file)
    limit = DEFAULT.text
    said = ask.stdin_text(limit) if text == ask.STDIN else ask.checked_text(text, limit)
    where = session.Where(profile, as_json, password_file)
    return session.perform(where, {"do": "send", "group": group, "text": said, "timeout": timeout})


@app.command()
def recv(
    group: GroupArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as messages come.")] = False,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the messages that were not shown yet."""
    where = session.Where(profile, as_json, password_file)
    return session.perform(where, {"do": "recv", "group": group, "follow": follow})


@app.command()
def history(
    group: GroupArgument,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many at most.")] = 50,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the latest messages of a group again."""
    where = session.Where(profile, as_json, password_file)
    return session.perform(where, {"do": "history", "group": group, "limit": limit})
