"""qnpc as a user runs it: real processes, told apart by their exit status and what they print; nothing here
sleeps.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEADLINE = 120.0


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What `--json` printed."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QNPC_", "PYTHON"))}
    return kept | {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": ""}


def qnpc(
    *arguments: str, stdin: str = "", status: int | None = 0, cwd: Path | None = None, **extra: str
) -> Done:
    """Runs a command to its end. Asserts the exit status unless that is None. `extra`: the environment."""
    done = subprocess.run(
        [sys.executable, "-m", "qnpc", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env=environment() | extra,
        cwd=cwd,
        check=False,
    )
    result = Done(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in result.err, result.err
    assert status is None or result.status == status, (arguments, result)
    return result


class Running:
    """A process that goes on; its lines are waited for with a deadline."""

    def __init__(self, *arguments: str, cwd: Path | None = None, **extra: str) -> None:
        """`extra`: the environment."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qnpc", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | extra,
            cwd=cwd,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.errors: list[str] = []
        self._error_lines: queue.Queue[str | None] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read_out, daemon=True),
            threading.Thread(target=self._read_err, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))
            self._error_lines.put(self.errors[-1])
        self._error_lines.put(None)

    def line(self, wanted: Callable[[str], bool] = bool) -> str:
        """The next line that is wanted; fails when the process ends or the deadline passes before."""
        while True:
            line = self._lines.get(timeout=DEADLINE)
            assert line is not None, ("it ended", self.errors)
            if wanted(line):
                return line

    def logged(self, event: str) -> dict[str, Any]:
        """The next line of a node's log with that event."""
        while True:
            line = self._error_lines.get(timeout=DEADLINE)
            assert line is not None, ("it ended", self.errors)
            said: dict[str, Any] = json.loads(line)
            if said["event"] == event:
                return said

    def event(self, kind: str) -> dict[str, Any]:
        """The next JSON line of that kind."""
        found: dict[str, Any] = json.loads(self.line(lambda line: json.loads(line).get("kind") == kind))
        return found

    def rest(self, kind: str) -> list[dict[str, Any]]:
        """The JSON lines of that kind that it printed and nobody has taken, when it is over."""
        events: list[dict[str, Any]] = [json.loads(line) for line in iter(self._lines.get_nowait, None)]
        return [event for event in events if event["kind"] == kind]

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL: no clean-up runs."""
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        """SIGTERM, then its exit status."""
        return self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals, within: float = DEADLINE) -> int:
        """A signal, then its exit status: negative if the signal itself ended it."""
        self.process.send_signal(number)
        return self._reap(within)

    def end_input(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self._reap()

    def _reap(self, within: float = DEADLINE) -> int:
        status = self.process.wait(within)
        for reader in self._readers:
            reader.join(DEADLINE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return status

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._reap()


class Deployment:
    """A node as a process and profiles beside it, under one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "node"
        self.node: Running | None = None
        self.listen = "127.0.0.1:0"
        self.options: tuple[str, ...] = ()  # of serve
        self.environment: dict[str, str] = {}  # likewise

    def start(self) -> dict[str, Any]:
        """Starts the node, again at the same address, and waits until it listens."""
        where = ("--listen", self.listen, "--data-dir", str(self.data))
        self.node = Running("serve", *where, "--json", *self.options, cwd=None, **self.environment)
        listening = self.node.event("listening")
        self.listen = listening["listen"]
        return listening

    def link(self, uses: int = 1) -> str:
        return qnpc("node", "invite", "--uses", str(uses), "--data-dir", str(self.data)).out.split()[-1]

    def register(self, name: str, link: str | None = None) -> None:
        password = self.path / f"{name}.pw"
        password.write_text(f"password of {name}\n")
        qnpc(
            "register",
            name,
            "--node",
            link or self.link(),
            "--password-file",
            str(password),
            "--unattended",
            "--profile",
            self.profile(name),
        )

    def profile(self, name: str) -> str:
        return str(self.path / name)

    def run(self, name: str, *arguments: str, stdin: str = "", status: int | None = 0) -> Done:
        """A client command of that person, with --json."""
        return qnpc(*arguments, "--json", "--profile", self.profile(name), stdin=stdin, status=status)

    def running(self, name: str, *arguments: str) -> Running:
        return Running(*arguments, "--json", "--profile", self.profile(name))

    def close(self) -> None:
        if self.node is not None and self.node.process.poll() is None:
            self.node.stop()
