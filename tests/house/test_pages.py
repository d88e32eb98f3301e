"""Pages of the book that are made from tables say what the tables say."""

from __future__ import annotations

import dataclasses

import typer

from docs import pages
from qnpc.cli.app import COMMANDS, load
from qnpc.limits import Limits
from qnpc.node.config.table import KEYS
from qnpc.node.settings import NodeSettings, default_listen
from tests.house.sources import ROOT


def test_the_pages_are_current() -> None:
    for name in pages.PAGES:
        page = (ROOT / "docs" / name).read_text("utf-8")
        assert page == pages.current(page), "run `make docs`"


def test_every_key_and_every_limit_is_on_its_page() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    for name in (*KEYS, *(field.name for field in dataclasses.fields(Limits))):
        assert f"\n| `{name}` | " in page, name


def test_the_example_is_the_file_that_nodes_are_started_with() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    example = [f"    {line}" for line in (ROOT / "tests/support/node.toml").read_text().splitlines()]
    assert "\n".join(example) in page


def test_serve_has_every_key_as_a_flag_and_its_help() -> None:
    options = {
        option: parameter
        for parameter in load("serve", COMMANDS["serve"]).params
        for option in parameter.opts
    }
    assert {key.flag for key in KEYS.values() if not key.secret} == {
        option for option in options if option not in ("--config", "--json")
    }
    for key in KEYS.values():
        if key.flag is not None:
            parameter = options[key.flag]
            assert isinstance(parameter, typer.core.TyperOption)
            assert str(parameter.help).startswith(key.help)
            assert key.env in str(parameter.help)


def test_settings_have_a_field_for_every_key() -> None:
    fields = {field.name for field in dataclasses.fields(NodeSettings)}
    assert set(KEYS) - fields == {"store_backend", "db_path"}
    assert fields - set(KEYS) == {"database"}


def test_the_default_that_is_told_is_the_default() -> None:
    host, port = default_listen()
    assert KEYS["listen"].default == f"{host}:{port}"
    assert KEYS["log_level"].default == NodeSettings.__dataclass_fields__["log_level"].default
