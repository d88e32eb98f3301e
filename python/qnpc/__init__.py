"""qnpc: end-to-end encrypted group chat that one person can host and anyone can script.

    import asyncio, qnpc

    async def main():
        async with qnpc.open("./ping", trust="tofu") as me:
            async for m in me.messages(consumer="ping"):
                if m.text == "!ping":
                    sent = await m.reply("pong")
                    await sent.accepted()

    asyncio.run(main())

These names are the public interface; nothing else is promised.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qnpc.client import Client, Contact, Group, Message, Registered, Sent
    from qnpc.errors import Error

__all__ = [
    "Client",
    "Contact",
    "Error",
    "Group",
    "Message",
    "Registered",
    "Sent",
    "login",
    "open",
    "register",
]

# The command line imports this package for every command: what takes long to import comes when it is asked for.
_LAZY = {
    "Client": "qnpc.client",
    "Contact": "qnpc.client",
    "Error": "qnpc.errors",
    "Group": "qnpc.client",
    "Message": "qnpc.client",
    "Registered": "qnpc.client",
    "Sent": "qnpc.client",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def open(  # noqa: A001 - `qnpc.open` is the name that a reader expects
    profile: str | Path, *, trust: str, password: str | None = None
) -> AbstractAsyncContextManager[Client]:
    """Opens a profile and connects in the background; `async with` closes it.

    `trust` has no default: "tofu" believes a contact's first key. `password` None is for profiles that open by
    themselves. Raises Error(E101, E102, E103, E110) on entering."""
    from qnpc.client import open_client

    secret = None if password is None else password.encode()
    return open_client(Path(profile), trust=trust, password=secret)


async def register(
    profile: str | Path, username: str, node: str, password: str, *, unattended: bool = False
) -> Registered:
    """An account at the node of this link, and a profile for it.

    `node` is a link with an invite; `password` guards the account and, unless `unattended`, the profile. Raises
    Error(E004, E007, E008, E104, E105, E111)."""
    return await _enter("register", profile, username, node, password, unattended)


async def login(
    profile: str | Path, username: str, node: str, password: str, *, unattended: bool = False
) -> Registered:
    """A further device of an account, by its password, and a profile for it. Groups have to invite it.

    Raises Error(E006, E009, E010, E104, E105, E111)."""
    return await _enter("login", profile, username, node, password, unattended)


async def _enter(
    how: str, profile: str | Path, username: str, node: str, password: str, unattended: bool
) -> Registered:
    from qnpc import client, link
    from qnpc.ports import Ports

    enter = client.register if how == "register" else client.login
    ports = Ports()
    try:
        return await enter(
            Path(profile), username, link.parse(node), password.encode(), unattended=unattended, ports=ports
        )
    finally:
        ports.close()
