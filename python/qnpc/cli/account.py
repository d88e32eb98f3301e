"""`register`, `login` and `whoami`: the account that a profile belongs to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qnpc.cli import ask, options, session
from qnpc.cli.options import JsonOption, NodeOption, PasswordOption, ProfileOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error

if TYPE_CHECKING:
    from qnpc.link import NodeLink
    from qnpc.ports import Ports

app = typer.Typer(rich_markup_mode=None)


UnattendedOption = Annotated[
    bool,
    typer.Option(
        "--unattended", help="Keep the profile's key in a file, so that it opens without the password."
    ),
]


@app.command()
def register(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The username.", show_default=False)],
    node: NodeOption = None,
    auth_token_file: Annotated[
        str | None,
        typer.Option(
            "--auth-token-file",
            envvar="QNPC_AUTH_TOKEN_FILE",
            metavar="FILE",
            help="Register by the node's auth_token, read from here, instead of by an invite; - is standard input.",
        ),
    ] = None,
    unattended: UnattendedOption = False,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Create an account on a node, and this profile's device."""
    return _enter("registered", name, node, unattended, profile, password_file, as_json, auth_token_file)


@app.command()
def login(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The username.", show_default=False)
    ] = None,
    node: NodeOption = None,
    unattended: UnattendedOption = False,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Renew this profile's session, or add a device to an account.

    A profile renews its session by its device's key, without the account's password. Where there is no profile yet, the
    password adds this device to the account NAME; groups have to invite it.
    """
    from qnpc.client import has_profile

    if has_profile(options.profile_directory(profile)):
        if name is not None or node is not None:
            raise Error(Code.USAGE, "there is a profile here already: it needs neither a name nor a node")
        return session.perform(session.Where(profile, as_json, password_file), {"do": "login"})
    if name is None:
        raise Error(Code.USAGE, "there is no profile here: name the account and its node to add a device")
    return _enter("logged_in", name, node, unattended, profile, password_file, as_json)


def _enter(
    kind: str,
    name: str,
    node: str | None,
    unattended: bool,
    profile: Path | None,
    password_file: str | None,
    as_json: bool,
    auth_token_file: str | None = None,
) -> int:
    from qnpc import link as node_link

    if node is None:
        raise Error(Code.USAGE, "which node? Use --node LINK, --node - or QNPC_NODE")
    ask.one_stdin(node=node, password_file=password_file, auth_token_file=auth_token_file)
    link = node_link.parse(ask.stdin_line("a node's link") if node == ask.STDIN else node)
    if auth_token_file is not None:
        link = _by_token(link, ask.secret(auth_token_file, "token"))
    prompt = "Password" if unattended else "Password (also unlocks this profile)"
    password = ask.password(password_file, prompt, twice=kind == "registered")
    directory = options.profile_directory(profile)

    async def main(ports: Ports) -> int:
        from qnpc.client import login, register

        enter = register if kind == "registered" else login
        made = await enter(directory, name, link, password, unattended=unattended, ports=ports)
        Output(as_json).emit(
            {
                "v": 1,
                "kind": kind,
                "username": made.username,
                "node": made.node,
                "device": made.device,
                "tls_group": made.tls_group,
            }
        )
        return 0

    return session.run(main)


def _by_token(link: NodeLink, token: str) -> NodeLink:
    from qnpc import authtoken

    if not authtoken.acceptable(token):
        raise Error(Code.USAGE, "the token is empty, or not one line of visible text")
    return replace(link, invite=authtoken.invite(token, link.pin))


@app.command()
def whoami(
    profile: ProfileOption = None, password_file: PasswordOption = None, as_json: JsonOption = False
) -> int:
    """The account and device of this profile."""
    return session.perform(session.Where(profile, as_json, password_file), {"do": "whoami"})
