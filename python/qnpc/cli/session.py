"""From a command to a client: opens the profile, puts one request to it, prints what comes back.

`perform` is all that most commands are. The event loop, the ports and what happens to stray failures live here too, so that a
command never sees them.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from qnpc.cli import ask, options
from qnpc.cli.output import Event, Output
from qnpc.errors import Exit

if TYPE_CHECKING:  # a usage error is answered before any of this is loaded
    from qnpc.client import Client
    from qnpc.ports import Ports

Request = dict[str, Any]

LATER = {"queued"}
"""Kinds of event after which the process ends with 3: it is not lost, and not done."""


@dataclass(frozen=True, slots=True)
class Where:
    """The options that every command on a profile has."""

    profile: Path | None
    as_json: bool
    password_file: str | None

    @property
    def output(self) -> Output:
        return Output(self.as_json)


def perform(where: Where, request: Request, *, empty: str = "") -> int:
    """Puts one request to the profile's client, prints each event, and returns the exit status.

    `empty` is what a person is told when nothing came. Raises Error."""
    output = where.output

    async def work(client: Client) -> int:
        status, quiet = Exit.DONE, True
        async with contextlib.aclosing(stream(client, request)) as events:
            async for event in events:
                output.emit(event)
                quiet = False
                if event["kind"] in LATER:
                    status = Exit.LATER
        if quiet and empty:
            output.remark(empty)
        return status

    return with_client(where, work)


def stream(client: Client, request: Request) -> AsyncGenerator[Event, None]:
    """The request's events; asking for the next one acknowledges the last. To be closed by whoever stops early."""
    return cast("AsyncGenerator[Event, None]", client.request(request))


def with_client(where: Where, work: Callable[[Client], Awaitable[int]]) -> int:
    """Opens the profile (asking for its password if it has one), runs `work` on its client, and closes it. Raises Error."""
    from qnpc.client import needs_password, open_client

    profile = options.profile_directory(where.profile)
    password = None
    if needs_password(profile):
        password = ask.password(where.password_file, "Password")

    async def main(ports: Ports) -> int:
        async with open_client(profile, trust="tofu", password=password, ports=ports) as client:
            return await work(client)

    return run(main)


def run(main: Callable[[Ports], Awaitable[int]], *, node_log: str | None = None) -> int:
    """Runs `main` on a new event loop with the real ports. `node_log`: from which level on a node that runs in this process
    is heard on standard error, or `logs.SILENT`; None: none does."""
    import asyncio

    from qnpc.cli import logs
    from qnpc.ports import Ports

    logs.configure(node_log=node_log)
    ports = Ports()

    async def entry() -> int:
        return await main(ports)

    try:
        return asyncio.run(entry())
    finally:
        ports.close()
