"""`register` and `whoami`: the account that a profile belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qnpc.cli import ask, options, session
from qnpc.cli.options import JsonOption, NodeOption, PasswordOption, ProfileOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error

if TYPE_CHECKING:
    from qnpc.ports import Ports

app = typer.Typer(rich_markup_mode=None)


@app.command()
def register(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The username.", show_default=False)],
    node: NodeOption = None,
    unattended: Annotated[
        bool,
        typer.Option(
            "--unattended", help="Keep the profile's key in a file, so that it opens without the password."
        ),
    ] = False,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Create an account on a node, and this profile's device."""
    from qnpc import link as node_link

    if node is None:
        raise Error(Code.USAGE, "which node? Use --node LINK, --node - or QNPC_NODE")
    ask.one_stdin(node=node, password_file=password_file)
    link = node_link.parse(ask.stdin_line("a node's link") if node == ask.STDIN else node)
    prompt = "Password" if unattended else "Password (also unlocks this profile)"
    password = ask.password(password_file, prompt, twice=True)
    directory = options.profile_directory(profile)

    async def main(ports: Ports) -> int:
        from qnpc.client import register

        made = await register(directory, name, link, password, unattended=unattended, ports=ports)
        Output(as_json).emit(
            {
                "v": 1,
                "kind": "registered",
                "username": made.username,
                "node": made.node,
                "device": made.device,
                "tls_group": made.tls_group,
            }
        )
        return 0

    return session.run(main)


@app.command()
def whoami(
    profile: ProfileOption = None, password_file: PasswordOption = None, as_json: JsonOption = False
) -> int:
    """The account and device of this profile."""
    return session.perform(session.Where(profile, as_json, password_file), {"do": "whoami"})
