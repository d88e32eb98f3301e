"""The table of commands, and what becomes of arguments that are none."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import click
import pytest
import typer

from qnpc.cli.app import COMMANDS, load
from tests.cli.run import qnpc


def all_commands() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, entry in COMMANDS.items():
        command = load(name, entry)
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": inside for inner, inside in command.commands.items()}
    return found


def test_the_table_says_what_the_commands_say() -> None:
    for name, entry in COMMANDS.items():
        assert load(name, entry).get_short_help_str(200) == entry.summary, name


def test_no_module_has_a_command_that_the_table_lacks() -> None:
    for module in sorted({entry.module for entry in COMMANDS.values() if not entry.family}):
        held = typer.main.get_group(import_module(f"qnpc.cli.{module}").app).commands
        assert {(name, module) for name in held} <= {(name, entry.module) for name, entry in COMMANDS.items()}


def test_every_argument_and_option_explains_itself() -> None:
    for name, command in all_commands().items():
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_no_command_takes_a_password_as_an_argument() -> None:
    """Arguments are seen by everyone on the machine."""
    for name, command in all_commands().items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert not options & {"--password", "--pass", "-p"}, name


def test_help_loads_no_command() -> None:
    script = (
        "import sys\n"
        "from qnpc.cli.app import run\n"
        "assert run(['--help']) == 0\n"
        "heavy = {'asyncio', 'capnp', 'aioquic', 'qnpc._core', 'qnpc.client', 'qnpc.node', 'structlog', 'rich', 'platformdirs'}\n"
        "heavy |= {f'qnpc.cli.{name}' for name in ('serve', 'account', 'groups', 'messages', 'chat', 'demo', 'ping', 'node', 'session')}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    for name in COMMANDS:
        assert name.encode() in done.stdout


def test_a_usage_error_loads_no_client() -> None:
    script = (
        "import sys\n"
        "from qnpc.cli.app import run\n"
        "assert run(['send', 'friends']) == 2\n"
        "sys.exit(', '.join(sorted({'asyncio', 'capnp', 'qnpc._core', 'structlog'} & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["inviet"], "Did you mean invite"),
        ([], "Missing command"),
        (["send", "friends"], "TEXT"),
        (["recv"], "GROUP"),
        (["serve", "--lisen", "x"], "--listen"),
        (["send", "g", "t", "--timeout", "soon"], "--timeout"),
        (["node", "invite", "--uses", "0"], "--uses"),
        (["node", "invite", "--expires", "soon"], "'soon'"),
        (["create-group", "g", "--suite", "pq"], "'pq'"),
        (["register", "x"], "--node"),
        (["ping"], "--node"),
        (["send", "g", "-", "--password-file", "-"], "standard input"),
        (["chat", "g", "--password-file", "-"], "standard input"),
        (["register", "x", "--node", "-", "--password-file", "-"], "standard input"),
    ],
)
def test_a_wrong_command_ends_with_2_and_says_what_is_wrong(arguments: list[str], names: str) -> None:
    done = qnpc(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    text = done.stderr.decode()
    assert text.startswith("E111 USAGE")
    assert names in text
    assert text.count("\n") == 1


def test_in_json_mode_a_usage_error_is_an_object() -> None:
    done = qnpc("send", "friends", "--json")
    assert done.returncode == 2
    assert done.stdout == b""
    assert json.loads(done.stderr)["code"] == "E111"


def test_version_and_help_end_with_0() -> None:
    version = qnpc("--version")
    assert (version.returncode, version.stderr) == (0, b"")
    assert version.stdout.startswith(b"qnpc 0.")
    for arguments in (["-h"], ["node", "--help"], ["node", "invite", "-h"], ["send", "--help"]):
        done = qnpc(*arguments)
        assert (done.returncode, done.stderr) == (0, b""), arguments
        assert b"Usage: qnpc" in done.stdout


def test_a_reader_that_went_away_is_no_error() -> None:
    shell = f"{sys.executable} -m qnpc --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, timeout=60, check=False)
    assert done.stderr == b""
    assert done.returncode in (0, 141)  # 0: all was written before the reader went


def test_a_closed_output_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m qnpc --help > /dev/full"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"E025 INTERNAL: No space left on device")
    assert b"Traceback" not in done.stderr
