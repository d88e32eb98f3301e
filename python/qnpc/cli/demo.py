"""`demo`: a node and three people, who talk, remove one of them and find out whether that held.

Everything that is printed was measured in this run: the suite by the group, the TLS group by each connection, deliveries by what each
person's client showed. The exit status is 0 only if every claim held.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qnpc.cli import ask, session
from qnpc.cli.options import JsonOption, NodeOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error, Exit

if TYPE_CHECKING:
    from qnpc.link import NodeLink
    from qnpc.ports import Ports

app = typer.Typer(rich_markup_mode=None)

INVITE_TTL = 600.0


@app.command()
def demo(node: NodeOption = None, as_json: JsonOption = False) -> int:
    """A node and three people on this machine; checks itself."""
    from qnpc import link as node_link

    output = Output(as_json)
    given = None
    if node is not None:
        given = node_link.parse(ask.stdin_line("a node's link") if node == ask.STDIN else node)

    async def main(ports: Ports) -> int:
        from qnpc.cli.play import Play

        async with AsyncExitStack() as undo:
            scratch = Path(
                undo.enter_context(tempfile.TemporaryDirectory(prefix="qnpc-", ignore_cleanup_errors=True))
            )
            if given is None:
                link = await _own_node(scratch / "node", ports, undo)
                suffix = ""
            else:
                link = given
                suffix = f"-{ports.random.bytes(3).hex()}"
            play = Play(scratch, link, suffix, ports, output.narrate)
            result = await play.run()
        output.emit({"v": 1, "kind": "demo", **result.summary()})
        if result.broken:
            raise Error(Code.INTERNAL, f"the demo did not hold: {'; '.join(result.broken)}")
        return Exit.DONE

    return session.run(main, node_log="silent")


async def _own_node(directory: Path, ports: Ports, undo: AsyncExitStack) -> NodeLink:
    """A node in this process, on a port that the system chooses, and a link with an invite for three."""
    from qnpc.cli.play import PEOPLE
    from qnpc.node.admin import create_invite
    from qnpc.node.app import NodeApp
    from qnpc.node.settings import NodeSettings

    node = NodeApp(NodeSettings(listen=("127.0.0.1", 0), data_dir=directory), ports)
    await node.start()
    undo.push_async_callback(node.stop)
    return await create_invite(directory, len(PEOPLE), INVITE_TTL, ports)
