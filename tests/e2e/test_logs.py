"""What a node and its clients write down about themselves tells nothing that is a secret, and nobody's name."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import DEADLINE, Deployment, Running, environment, qnpc

TOKEN = "zyzzyva-token-waxwing"
PASSWORD = "zyzzyva-password-waxwing"
TEXT = "zyzzyva-text-waxwing"
GROUP = "zyzzyva-group-waxwing"
NAMES = ("zyzzyva.alice", "zyzzyva.bob")


def test_no_secret_no_plaintext_and_no_name_is_in_what_they_write(tmp_path: Path) -> None:
    debug = tmp_path / "debug"
    debug.mkdir()
    made = Deployment(tmp_path)
    made.environment = {
        "QNPC_AUTH_TOKEN": TOKEN,
        "QNPC_DB_KEY": "zyzzyva-key-waxwing",
        "QNPC_LOG_LEVEL": "debug",
        "QNPC_DEBUG": str(debug / "node"),
    }
    listening = made.start()
    link = f"qnpc://{listening['listen']}/{listening['pin']}"
    for name, word in (("token", TOKEN), ("password", PASSWORD)):
        (tmp_path / name).write_text(f"{word}\n")
    invite = qnpc(
        "node",
        "invite",
        "--data-dir",
        str(made.data),
        QNPC_DB_KEY="zyzzyva-key-waxwing",
        QNPC_DEBUG=str(debug / "host"),
    ).out.strip()
    said: list[str] = []

    def run(name: str, *arguments: str, status: int = 0) -> str:
        """As that person; what was written to standard error is kept for the search."""
        given = ("--profile", made.profile(name), "--password-file", str(tmp_path / "password"))
        done = qnpc(*arguments, *given, status=status, QNPC_DEBUG=str(debug / name))
        said.append(done.err)
        return done.out

    alice, bob = NAMES
    run(alice, "register", alice, "--node", link, "--auth-token-file", str(tmp_path / "token"))
    run(bob, "register", bob, "--node", invite)
    run("eve", "register", "zyzzyva.eve", "--node", invite, status=1)
    run(alice, "create-group", GROUP)
    run(alice, "invite", GROUP, bob)
    run(bob, "join", GROUP)
    run(bob, "send", GROUP, TEXT)
    assert TEXT in run(alice, "recv", GROUP)
    assert made.node is not None
    assert made.node.stop() == 0

    events = [json.loads(line)["event"] for line in made.node.errors]
    assert {"node.started", "account.registered", "call.refused", "group.created", "node.stopped"} <= {
        *events
    }
    assert (debug / "node").read_text().count("node.started") == 1
    written = [*made.node.errors, *said, *(path.read_text() for path in sorted(debug.iterdir()))]
    secret = invite.partition("#")[2]
    for canary in (
        "zyzzyva",
        "waxwing",
        secret,
        *(word.encode().hex() for word in (TOKEN, PASSWORD, TEXT, GROUP)),
    ):
        assert [text for text in written if canary in text] == [], canary


def test_log_lines_are_objects_where_no_terminal_is(deployment: Deployment) -> None:
    node = deployment.node
    assert isinstance(node, Running)
    assert node.stop() == 0
    for line in node.errors:
        assert list(json.loads(line))[:3] == ["at", "level", "event"], line
    assert [json.loads(line)["event"] for line in node.errors][-2:] == ["node.stopping", "node.stopped"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_log_lines_are_for_people_at_a_terminal(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "qnpc", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=environment()) as node:
        os.close(terminal)
        assert node.stdout is not None
        assert node.stdout.readline().startswith(b"listening udp/127.0.0.1:")
        node.terminate()
        assert node.wait(DEADLINE) == 0
    shown = b""
    while b"node.stopped" not in shown:
        shown += os.read(controller, 4096)
    os.close(controller)
    (started,) = [line for line in shown.decode().splitlines() if "node.started" in line]
    assert " info node.started address=127.0.0.1:" in started
    assert "{" not in started
