"""`serve`: runs a node until it is told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from qnpc.cli import hosting, session
from qnpc.cli.hosting import ConfigOption, DataOption, setting
from qnpc.cli.options import JsonOption
from qnpc.cli.output import Output
from qnpc.link import join_address

if TYPE_CHECKING:
    from qnpc.node.app import NodeApp
    from qnpc.ports import Ports

app = typer.Typer(rich_markup_mode=None)


@app.command()
def serve(
    config: ConfigOption = None,
    listen: Annotated[str | None, setting("listen")] = None,
    public: Annotated[str | None, setting("public")] = None,
    data_dir: DataOption = None,
    tls_cert: Annotated[str | None, setting("tls_cert")] = None,
    tls_key: Annotated[str | None, setting("tls_key")] = None,
    store_backend: Annotated[str | None, setting("store_backend")] = None,
    db_path: Annotated[str | None, setting("db_path")] = None,
    suites: Annotated[str | None, setting("suites")] = None,
    log_level: Annotated[str | None, setting("log_level")] = None,
    limits: Annotated[list[str] | None, setting("limits")] = None,
    as_json: JsonOption = False,
) -> int:
    """Run a node.

    A flag counts before the environment, the environment before the configuration's file. The file has the same keys
    with underscores (listen, data_dir, ...), auth_token and db_key besides, and a table [limits]; those two may also
    be in the environment (QNPC_AUTH_TOKEN, QNPC_DB_KEY). Relative paths, also those in the file, are relative to the
    directory that the command is started in. SIGTERM and SIGINT let what is under way end; a second one does not wait.
    """
    settings = hosting.configured(
        config,
        listen=listen,
        public=public,
        data_dir=data_dir,
        tls_cert=tls_cert,
        tls_key=tls_key,
        store_backend=store_backend,
        db_path=db_path,
        suites=suites,
        log_level=log_level,
        limits=" ".join(limits or ()),
    )

    async def main(ports: Ports) -> int:
        import structlog

        from qnpc.cli import signals
        from qnpc.node import interpreter
        from qnpc.node.app import NodeApp

        told = signals.first()
        node = NodeApp(settings, ports)
        await node.start()
        interpreter.share()
        collecting = asyncio.create_task(interpreter.collect_when_quiet(ports.clock), name="collecting")
        try:
            Output(as_json).emit(listening(node))
            name = await told
            structlog.get_logger("qnpc.node").info("node.stopping", signal=name)
        finally:
            collecting.cancel()
            await node.stop()
        return 0

    return session.run(main, node_log=settings.log_level)


def listening(node: NodeApp) -> dict[str, object]:
    """What a script waits for: from here on the node answers."""
    return {
        "v": 1,
        "kind": "listening",
        "listen": join_address(*node.address),
        "public": node.settings.public_address(node.address),
        "pin": node.pin.hex(),
    }
