"""`serve`: runs a node until it is told to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from qnpc.cli import options, session
from qnpc.cli.options import DataOption, JsonOption
from qnpc.cli.output import Output
from qnpc.link import join_address, split_address

if TYPE_CHECKING:
    from qnpc.node.app import NodeApp
    from qnpc.ports import Ports

app = typer.Typer(rich_markup_mode=None)


@app.command()
def serve(
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            envvar="QNPC_LISTEN",
            metavar="HOST:PORT",
            help="Where to listen; 0.0.0.0:7000 if not said.",
        ),
    ] = None,
    public: Annotated[
        str | None,
        typer.Option(
            "--public",
            envvar="QNPC_PUBLIC",
            metavar="HOST:PORT",
            help="The address that links to this node carry.",
        ),
    ] = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> int:
    """Run a node."""
    import asyncio

    from qnpc.node.app import NodeApp
    from qnpc.node.settings import NodeSettings, default_listen

    settings = NodeSettings(
        listen=default_listen() if listen is None else split_address(listen),
        data_dir=options.data_directory(data_dir),
        public=None if public is None else join_address(*split_address(public)),
    )

    async def main(ports: Ports) -> int:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        node = NodeApp(settings, ports)
        await node.start()
        try:
            Output(as_json).emit(listening(node))
            await stopped.wait()
        finally:
            await node.stop()
        return 0

    return session.run(main, node_log=True)


def listening(node: NodeApp) -> dict[str, object]:
    """What a script waits for: from here on the node answers."""
    return {
        "v": 1,
        "kind": "listening",
        "listen": join_address(*node.address),
        "public": node.settings.public_address(node.address),
        "pin": node.pin.hex(),
    }
