"""`ping`: one call to a node, and what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from qnpc.cli import ask, session
from qnpc.cli.options import JsonOption, NodeOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error, Exit
from qnpc.link import NodeLink

if TYPE_CHECKING:
    from qnpc.ports import Ports

app = typer.Typer(rich_markup_mode=None)


@app.command()
def ping(node: NodeOption = None, as_json: JsonOption = False) -> int:
    """Ask a node whether it is there, and what was negotiated."""
    from qnpc import link as node_link

    if node is None:
        raise Error(Code.USAGE, "which node? Use --node LINK, --node - or QNPC_NODE")
    link = node_link.parse(ask.stdin_line("a node's link") if node == ask.STDIN else node)
    return call(link, Output(as_json))


def call(link: NodeLink, output: Output) -> int:
    """Pings over QUIC with the link's pin and prints the answer. 0 if the node is ready, 3 if not. Raises Error."""

    async def main(ports: Ports) -> int:
        from qnpc.client import ping

        answer = await ping(link, ports)
        output.emit(answer)
        return Exit.DONE if answer["ready"] else Exit.LATER

    return session.run(main)
