"""Groups: create one, invite and join, see who is in it, remove somebody."""

from __future__ import annotations

from typing import Annotated

import typer

from qnpc.cli import session
from qnpc.cli.options import GroupArgument, JsonOption, PasswordOption, ProfileOption
from qnpc.errors import Code, Error

app = typer.Typer(rich_markup_mode=None)

Users = Annotated[list[str], typer.Argument(metavar="NAME...", help="Usernames.", show_default=False)]


@app.command("create-group")
def create_group(
    group: GroupArgument,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            metavar="0x004F|0x0001",
            help="The ciphersuite; the default is post-quantum.",
            show_default=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Create a group."""
    request: session.Request = {"do": "create_group", "name": group}
    if suite is not None:
        request["suite"] = _suite(suite)
    return session.perform(session.Where(profile, as_json, password_file), request)


@app.command()
def invite(
    group: GroupArgument,
    users: Users,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Invite people to a group."""
    where = session.Where(profile, as_json, password_file)
    return session.perform(where, {"do": "invite", "group": group, "users": users})


@app.command()
def join(
    group: Annotated[str | None, typer.Argument(metavar="[GROUP]", help="The group's name.")] = None,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Join a group; without a name, list the invitations."""
    where = session.Where(profile, as_json, password_file)
    if group is None:
        return session.perform(where, {"do": "invitations"}, empty="no invitations")
    return session.perform(where, {"do": "join", "group": group})


@app.command()
def decline(
    group: Annotated[str, typer.Argument(metavar="GROUP", help="The group's name or id.")],
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Forget an invitation."""
    where = session.Where(profile, as_json, password_file)
    return session.perform(where, {"do": "decline", "group": group})


@app.command()
def members(
    group: GroupArgument,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Who is in a group."""
    return session.perform(session.Where(profile, as_json, password_file), {"do": "members", "group": group})


@app.command()
def remove(
    group: GroupArgument,
    users: Users,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Remove people from a group."""
    where = session.Where(profile, as_json, password_file)
    return session.perform(where, {"do": "remove", "group": group, "users": users})


@app.command()
def groups(
    profile: ProfileOption = None, password_file: PasswordOption = None, as_json: JsonOption = False
) -> int:
    """The groups of this profile."""
    where = session.Where(profile, as_json, password_file)
    return session.perform(
        where, {"do": "groups"}, empty="no groups yet: `qnpc create-group NAME` or `qnpc join`"
    )


def _suite(text: str) -> int:
    """`0x004F`, `79`: which suites there are is the client's and the node's to say. Raises Error(USAGE)."""
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:
        raise Error(Code.USAGE, f"{text!r} is not a ciphersuite's number, like 0x004F")
    return number
