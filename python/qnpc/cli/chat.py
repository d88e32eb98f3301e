"""`chat`: write and read in one group, line by line.

Each line of standard input is a message; what others say is printed as it comes. At the end of input (or `/quit`) nothing is left
behind: the command ends when every line was accepted by the node or is queued in the profile.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from qnpc.cli import ask, fail, session
from qnpc.cli.options import JsonOption, PasswordOption, ProfileOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error, Exit
from qnpc.limits import DEFAULT

if TYPE_CHECKING:
    import asyncio

    from qnpc.client import Client

app = typer.Typer(rich_markup_mode=None)

QUIT = "/quit"

_CHUNK = 65536

_LOOK_BACK = 1000
"""How far back in history a line is looked for that was queued and may have been accepted since."""


@app.command()
def chat(
    group: Annotated[
        str | None,
        typer.Argument(metavar="[GROUP]", help="The group's name; not needed where there is one only."),
    ] = None,
    profile: ProfileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> int:
    """Write and read in a group, line by line."""
    ask.one_stdin(password_file=password_file, lines=ask.STDIN)
    where = session.Where(profile, as_json, password_file)

    async def work(client: Client) -> int:
        name = group if group is not None else await _only_group(client)
        return await Chat(client, name, where.output).run()

    return session.with_client(where, work)


async def _only_group(client: Client) -> str:
    names = [event["group"] async for event in session.stream(client, {"do": "groups"})]
    if len(names) != 1:
        which = f"one of {', '.join(names)}" if names else "there is none yet"
        raise Error(Code.USAGE, f"which group? {which}")
    return str(names[0])


class Chat:
    """One conversation. `status` is that of the process: the first line that was not accepted decides it."""

    def __init__(self, client: Client, group: str, output: Output) -> None:
        self._client = client
        self._group = group
        self._output = output
        self._status = Exit.DONE
        self._queued: list[str] = []

    async def run(self) -> int:
        """Raises Error if the group cannot be read, or no longer: lines still unsent are queued by then."""
        import asyncio

        reading = asyncio.create_task(self._read())
        writing = asyncio.create_task(self._write())
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                await reading
            await writing
            await self._settle()
        finally:
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
        return self._status

    async def _read(self) -> None:
        request = {"do": "recv", "group": self._group, "follow": True}
        async with contextlib.aclosing(session.stream(self._client, request)) as events:
            async for event in events:
                self._output.emit(event)

    async def _write(self) -> None:
        """Hands each line over as it comes, in order; the answers may overlap."""
        import asyncio

        lines = read_lines(asyncio.get_running_loop())
        async with asyncio.TaskGroup() as sends:
            while (line := await lines.get()) is not None and line != QUIT:
                if line:
                    sends.create_task(self._send(line))

    async def _send(self, line: str) -> None:
        try:
            text = ask.checked_text(line, DEFAULT.text)
            request = {"do": "send", "group": self._group, "text": text, "timeout": DEFAULT.send_timeout}
            async for event in session.stream(self._client, request):
                if event["kind"] == "queued":
                    self._queued.append(event["id"])
                if self._output.as_json or event["kind"] != "accepted":
                    self._output.emit(event)
        except Error as error:  # one line that cannot be sent does not end the conversation
            self._note(error.kind.exit)
            fail.say(fail.describe(error, as_json=self._output.as_json))

    async def _settle(self) -> None:
        """What was queued when its time was out may have been accepted since: the status is that of the end."""
        if not self._queued:
            return
        request = {"do": "history", "group": self._group, "limit": len(self._queued) + _LOOK_BACK}
        async for event in session.stream(self._client, request):
            if event["id"] in self._queued and event.get("state") == "accepted":
                self._queued.remove(event["id"])
                if self._output.as_json:
                    said = {name: event[name] for name in ("id", "group", "seq")}
                    self._output.emit({"v": 1, "kind": "accepted", **said})
        if self._queued:
            self._note(Exit.LATER)

    def _note(self, status: Exit) -> None:
        if self._status is Exit.DONE:
            self._status = status


def read_lines(loop: asyncio.AbstractEventLoop) -> asyncio.Queue[str | None]:
    """Standard input line by line, None at its end.

    A thread reads, since an event loop cannot wait for files, terminals and pipes alike; it is a daemon, so that a read that never
    returns does not hold up the end of the process. It reads the descriptor and not `sys.stdin`, whose lock a waiting read would hold:
    the interpreter takes that lock at its end, and aborts when it cannot."""
    import asyncio

    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def put(line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody listens any more
            loop.call_soon_threadsafe(queue.put_nowait, line)

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):
            for raw in _lines(sys.stdin.fileno()):
                # Bytes that are no text become surrogates, and the check before sending refuses them.
                put(raw.decode(errors="surrogateescape").rstrip("\r"))
        put(None)

    threading.Thread(target=read, name="qnpc-stdin", daemon=True).start()
    return queue


def _lines(descriptor: int) -> Iterator[bytes]:
    """What a descriptor holds, line by line without their newlines; the last one may lack its own."""
    line = bytearray()
    while chunk := os.read(descriptor, _CHUNK):
        first, *others = chunk.split(b"\n")
        line += first
        for other in others:
            yield bytes(line)
            line = bytearray(other)
    if line:
        yield bytes(line)
