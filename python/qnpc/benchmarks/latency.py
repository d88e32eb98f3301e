"""`bench latency`: from a client's `send` of a text until the other client hands it out, with nothing else going on.

Both are whole clients with durable profiles: the text is stored before it is encrypted and once more before it leaves, the node makes it
durable before it pushes, and the other side decrypts and stores before it shows. One message at a time; both clients are in this process.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from qnpc.benchmarks import report
from qnpc.benchmarks.devices import CHEAP, INVITE_SECONDS
from qnpc.benchmarks.process import node_process
from qnpc.client import Client, Group, Kdf, Message, Stretching, open_client, register
from qnpc.node.admin import create_invite
from qnpc.ports import Ports

MESSAGES = 300
TEXT = 100
"""Characters of a message: a line of chat."""

PATIENCE = 10.0
"""Seconds after which what has not come is lost."""

SHORTCUTS = ("passwords are stretched with 8 KiB and one pass",)

_WARM_UP = 20
_PEOPLE = ("sender", "receiver")
_GROUP = "bench"
_STRETCHING = Stretching(Kdf(8, 1, 1), CHEAP)

Stream = AsyncGenerator[Message, None]


async def run(ports: Ports, *, messages: int | None) -> dict[str, object]:
    """The report. Raises Error when something was refused, so that there is nothing to report."""
    count = MESSAGES if messages is None else messages
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qnpc-bench-")))
        node = await stack.enter_async_context(node_process(scratch / "node", {}))
        invite = await create_invite(node.data_dir, len(_PEOPLE), INVITE_SECONDS, ports)
        for name in _PEOPLE:
            secret = ports.random.bytes(16).hex().encode()
            path = scratch / name
            await register(path, name, invite, secret, unattended=True, ports=ports, stretching=_STRETCHING)
        sender, receiver = [
            await stack.enter_async_context(open_client(scratch / name, ports=ports)) for name in _PEOPLE
        ]
        group = await _meet(sender, receiver)
        online = await sender.online()
        result = await _talk(ports, group, receiver, count)
        ordered = sorted(result.times)
        return {
            "messages": count,
            "suite": f"0x{group.suite:04X}",
            "tls_group": online.tls_group,
            "p50_ms": report.milliseconds(report.quantile(ordered, 0.5)),
            "p99_ms": report.milliseconds(report.quantile(ordered, 0.99)),
            "lost": result.lost,
            "altered": result.altered,
            "limits_raised": {},
            "shortcuts": list(SHORTCUTS),
            **report.surroundings(ports, scratch),
        }


async def _meet(sender: Client, receiver: Client) -> Group:
    """A group of the two, as the sender sees it."""
    group = await sender.create_group(_GROUP)
    await (await group.invite(receiver.username)).accepted(PATIENCE)
    async with asyncio.timeout(PATIENCE):
        while True:
            change = receiver.state.change
            if await receiver.invitations():
                break
            await change.wait()
    await receiver.join(_GROUP)
    return group


@dataclass(slots=True)
class _Talk:
    """`times`: seconds that each message took which came."""

    times: list[float] = field(default_factory=list)
    lost: int = 0
    altered: int = 0


async def _talk(ports: Ports, group: Group, receiver: Client, count: int) -> _Talk:
    now = ports.clock.monotonic
    result = _Talk()

    async def shown(stream: Stream) -> tuple[Message, float]:
        message = await anext(stream)
        return message, now()

    messages = cast("Stream", receiver.messages("bench", group.name, from_start=True))
    async with aclosing(messages):
        for number in range(_WARM_UP + count):
            text = f"{number:0{TEXT}d}"
            waiting = asyncio.ensure_future(shown(messages))
            await receiver.read(lambda _: None)  # the acknowledgement of the last one is written now
            began = now()
            sent = await group.send(text)
            try:
                async with asyncio.timeout(PATIENCE):
                    message, ended = await waiting
                    await sent.accepted()
            except TimeoutError:
                result.lost += _WARM_UP + count - number
                return result
            if (message.id, message.text) != (sent.id, text):
                result.altered += 1
            elif number >= _WARM_UP:
                result.times.append(ended - began)
    return result
