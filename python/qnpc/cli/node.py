"""`node invite`, `node health` and `node restored`: what whoever hosts a node does beside running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qnpc.cli import hosting, options, ping, session
from qnpc.cli.hosting import ConfigOption, DataOption
from qnpc.cli.options import JsonOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error
from qnpc.link import NodeLink, split_address

if TYPE_CHECKING:
    from qnpc.ports import Ports

app = typer.Typer(rich_markup_mode=None, help="Look after a node: invites, health, backups.")

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@app.command()
def invite(
    uses: Annotated[
        int, typer.Option("--uses", min=1, metavar="N", help="How many accounts it lets in.")
    ] = 1,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it lasts, like 90s, 30m, 12h, 7d, 2w.")
    ] = "7d",
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make a link that lets people register. It is a secret."""
    lasts = options.seconds(expires)
    settings = hosting.configured(config, data_dir=data_dir)

    async def main(ports: Ports) -> int:
        from qnpc.node.admin import create_invite

        link = await create_invite(settings.data_dir, uses, lasts, ports, key=settings.db_key)
        Output(as_json).emit(
            {"v": 1, "kind": "invite", "link": str(link), "uses": uses, "expires_in": int(lasts)}
        )
        return 0

    return session.run(main, node_log="silent")


@app.command()
def restored(config: ConfigOption = None, data_dir: DataOption = None, as_json: JsonOption = False) -> int:
    """Say that a node's data were put back from a copy, before it is started again: its clients show a gap."""
    settings = hosting.configured(config, data_dir=data_dir)

    async def main(ports: Ports) -> int:
        from qnpc.node.admin import declare_restored

        await declare_restored(settings.data_dir, ports, key=settings.db_key)
        Output(as_json).emit({"v": 1, "kind": "restored", "data_dir": str(settings.data_dir)})
        return 0

    return session.run(main, node_log="silent")


@app.command()
def health(config: ConfigOption = None, data_dir: DataOption = None, as_json: JsonOption = False) -> int:
    """Call the node that serves a directory. Ends with 0 if it is ready."""
    from qnpc.node.datadir import DataDir

    directory = hosting.configured(config, data_dir=data_dir).data_dir
    notice = DataDir(directory).notice()
    if notice.pid is None:
        raise Error(Code.UNREACHABLE, f"no node serves {directory} now")
    host, port = split_address(notice.listen)
    return ping.call(NodeLink(_EVERYWHERE.get(host, host), port, notice.pin), Output(as_json))
