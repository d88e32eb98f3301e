"""The options of the commands that concern a node, made from the table of its configuration, and the settings they lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qnpc.node.config.table import KEYS

if TYPE_CHECKING:
    from qnpc.node.settings import NodeSettings


def setting(name: str) -> Any:
    """The option of a key. The environment is read with the file, not here."""
    key = KEYS[name]
    if key.flag is None:
        raise LookupError(f"{name} is a secret")
    return typer.Option(
        key.flag, metavar=key.metavar, help=f"{key.help} [env var: {key.env}; default: {key.default}]"
    )


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar="QNPC_CONFIG", metavar="FILE", help="The node's configuration, TOML."),
]
DataOption = Annotated[str | None, setting("data_dir")]


def configured(config: Path | None, **flags: str | None) -> NodeSettings:
    """By the names of keys. Raises Error(USAGE)."""
    from qnpc.node.config.sources import configure

    return configure(config, os.environ, flags)
