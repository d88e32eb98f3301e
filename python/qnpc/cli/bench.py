"""`bench`: what this machine does, measured with the real thing and reported with what it left out. Deliveries and latency are here, the
core beside its peers is in benchcore.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from qnpc.cli import benchcore, session
from qnpc.cli.options import JsonOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error, Exit

if TYPE_CHECKING:
    from qnpc.ports import Ports

app = typer.Typer(
    rich_markup_mode=None, help="Measure this machine: deliveries, latency, cryptography, groups."
)
app.command()(benchcore.crypto)
app.command()(benchcore.mls)

_FAULTS = ("lost", "doubled", "misordered", "altered")

MessagesOption = Annotated[
    int | None,
    typer.Option(
        "--messages", min=1, metavar="N", help="How many messages; enough for some seconds if not said."
    ),
]


@app.command()
def delivery(
    members: Annotated[
        int, typer.Option("--members", min=1, max=900, metavar="N", help="Who each message is delivered to.")
    ] = 100,
    in_flight: Annotated[
        int,
        typer.Option(
            "--in-flight", min=1, max=64, metavar="N", help="Messages that are on their way at a time."
        ),
    ] = 8,
    messages: MessagesOption = None,
    suite: Annotated[
        str, typer.Option("--suite", metavar="NUMBER", help="The group's ciphersuite: 0x004F or 0x0001.")
    ] = "0x004F",
    datagram: Annotated[
        int,
        typer.Option(
            "--datagram",
            min=1200,
            max=1452,
            metavar="BYTES",
            help="The largest UDP payload; a node's default is 1200.",
        ),
    ] = 1452,
    as_json: JsonOption = False,
) -> int:
    """How much one node delivers. Ends with 1 if anything was lost, doubled or out of order."""
    number = _suite(suite)

    async def measure(ports: Ports) -> dict[str, object]:
        from qnpc.benchmarks import delivery

        return await delivery.run(
            ports,
            members=members,
            in_flight=in_flight,
            messages=messages,
            suite=number,
            datagram=datagram,
        )

    return _run("delivery", measure, as_json)


@app.command()
def latency(messages: MessagesOption = None, as_json: JsonOption = False) -> int:
    """How long a message takes from one client to another. Ends with 1 if one was lost."""

    async def measure(ports: Ports) -> dict[str, object]:
        from qnpc.benchmarks import latency

        return await latency.run(ports, messages=messages)

    return _run("latency", measure, as_json)


def _run(name: str, measure: Callable[[Ports], Awaitable[dict[str, object]]], as_json: bool) -> int:
    async def main(ports: Ports) -> int:
        result = await measure(ports)
        Output(as_json).emit({"v": 1, "kind": "bench", "bench": name, **result})
        check(result)
        return Exit.DONE

    return session.run(main, node_log=None)


def check(result: dict[str, object]) -> None:
    """Raises Error(INTERNAL), which ends with 1, for a report that shows what must not happen."""
    broken = [f"{result[fault]} {fault}" for fault in _FAULTS if result.get(fault)]
    if broken:
        raise Error(Code.INTERNAL, f"the benchmark did not hold: {', '.join(broken)}")


def _suite(text: str) -> int:
    """Raises Error(USAGE)."""
    try:
        number = int(text, 0)
    except ValueError:
        number = 0
    if number not in (0x004F, 0x0001):
        raise Error(Code.USAGE, f"{text!r} is not a ciphersuite: 0x004F or 0x0001")
    return number
