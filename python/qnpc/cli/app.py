"""The table of commands, and the way from arguments to an exit status.

`qnpc --help` shows the table and loads no command; a command loads its own module and no other. A test holds the table against
what the modules say.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any

import click
import typer
from typer.core import TyperGroup

from qnpc.cli import fail


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table: the module in this package, and the line that `--help` shows."""

    module: str
    summary: str
    family: bool = False
    """The module is a group of commands under this name (`node invite`), not a command."""


COMMANDS: dict[str, Entry] = {
    "demo": Entry("demo", "A node and three people on this machine; checks itself."),
    "serve": Entry("serve", "Run a node."),
    "node": Entry("node", "Look after a node: invites, health, backups.", family=True),
    "bench": Entry("bench", "Measure this machine: deliveries, latency, cryptography, groups.", family=True),
    "ping": Entry("ping", "Ask a node whether it is there, and what was negotiated."),
    "register": Entry("account", "Create an account on a node, and this profile's device."),
    "login": Entry("account", "Renew this profile's session, or add a device to an account."),
    "whoami": Entry("account", "The account and device of this profile."),
    "create-group": Entry("groups", "Create a group."),
    "invite": Entry("groups", "Invite people to a group."),
    "join": Entry("groups", "Join a group; without a name, list the invitations."),
    "decline": Entry("groups", "Forget an invitation."),
    "members": Entry("groups", "Who is in a group."),
    "remove": Entry("groups", "Remove people from a group."),
    "groups": Entry("groups", "The groups of this profile."),
    "send": Entry("messages", "Send a message."),
    "recv": Entry("messages", "Show the messages that were not shown yet."),
    "history": Entry("messages", "Show the latest messages of a group again."),
    "chat": Entry("chat", "Write and read in a group, line by line."),
}


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and summaries, and loads a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else load(cmd_name, entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return click.Group.resolve_command(self, ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], COMMANDS)
            if close:
                sentence = f"{error.message.rstrip('.')}. Did you mean {' or '.join(close)}?"
                raise click.UsageError(sentence, ctx) from None
            raise


def load(name: str, entry: Entry) -> click.Command:
    """Imports the command's module. Raises KeyError if the table promises what the module does not have."""
    family = typer.main.get_group(import_module(f"qnpc.cli.{entry.module}").app)
    return family if entry.family else family.commands[name]


app = typer.Typer(
    name="qnpc",
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"qnpc {version('qnpc')}")
        raise typer.Exit


@app.callback()
def _root(
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """End-to-end encrypted group chat that one person can host and anyone can script.

    Data go to standard output, the rest to standard error. Exit status: 0 done, 1 refused, 2 usage, 3 try later,
    4 trust.
    """


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status. No exception leaves it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # where a character cannot be shown, its number is
            stream.reconfigure(errors="backslashreplace")
    try:
        return _dispatch(list(arguments))
    except BaseException as error:
        return fail.report(error, as_json="--json" in arguments)


def _dispatch(arguments: list[str]) -> int:
    command: click.Command = typer.main.get_command(app)
    try:
        with command.make_context("qnpc", arguments) as context:
            result: Any = command.invoke(context)
    except click.exceptions.Exit as done:
        result = done.exit_code
    sys.stdout.flush()
    return int(result or 0)
