"""Passwords, links and texts: from where they come, and that nobody is asked who is not there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qnpc.cli import ask, options
from qnpc.errors import Code, Error
from tests.cli.run import LINK, qnpc

WORD = "correct horse"


def refused(code: Code, function: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(Error) as caught:
        function(*arguments, **named)
    assert caught.value.kind is code
    return caught.value.sentence


def test_without_a_terminal_nobody_is_asked(tmp_path: Path) -> None:
    done = qnpc("register", "x", "--node", LINK, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--password-file" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_link_may_come_from_standard_input_or_the_environment(tmp_path: Path) -> None:
    """It names a secret; both ways get as far as the password."""
    for done in (
        qnpc("register", "x", "--node", "-", stdin=f"{LINK}\n".encode(), home=tmp_path),
        qnpc("register", "x", home=tmp_path, QNPC_NODE=LINK),
    ):
        assert done.returncode == 2
        assert b"--password-file" in done.stderr


def test_a_link_that_is_none_is_refused_without_repeating_it() -> None:
    done = qnpc("ping", "--node", "qnpc://host/abc#c2VjcmV0")
    assert done.returncode == 1
    assert done.stderr.startswith(b"E001")
    assert b"c2VjcmV0" not in done.stderr


def at_a_terminal(typed: list[str], *arguments: str, home: Path) -> tuple[int, str]:
    """Runs qnpc on a pseudo-terminal, types a line at each colon, and returns the status and all that the terminal showed."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "qnpc", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={**os.environ, "HOME": str(home)},
    )
    os.close(terminal)
    shown, lines = "", list(typed)
    try:
        while True:
            try:
                chunk = os.read(controller, 4096)
            except OSError:  # the other end is closed: the process is gone
                break
            if not chunk:
                break
            shown += chunk.decode()
            if lines and shown.rstrip(" ").endswith(":"):
                os.write(controller, lines.pop(0).encode() + b"\n")
    finally:
        os.close(controller)
    return process.wait(30), shown


def test_at_a_terminal_the_password_is_asked_twice_and_not_shown(tmp_path: Path) -> None:
    status, shown = at_a_terminal([WORD, "something else"], "register", "x", "--node", LINK, home=tmp_path)
    assert status == 2
    assert "Password (also unlocks this profile): " in shown
    assert "Again: " in shown
    assert "the two passwords differ" in shown
    assert WORD not in shown


def test_a_password_file_is_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_bytes(f"{WORD} ü \r\nsecond line\n".encode())
    assert ask.password(str(path), "Password") == f"{WORD} ü ".encode()


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 5000, b"\xff\xfe\n"])
def test_a_password_file_that_holds_none_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_bytes(content)
    refused(Code.USAGE, ask.password, str(path), "Password")


def test_a_missing_password_file_is_named_by_its_trouble(tmp_path: Path) -> None:
    assert "No such file" in refused(Code.USAGE, ask.password, str(tmp_path / "none"), "Password")


class Stdin:
    def __init__(self, data: bytes) -> None:
        import io

        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False


def test_standard_input_is_one_message_without_its_last_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"two\nlines\n"))
    assert ask.stdin_text(100) == "two\nlines"


def test_a_text_may_be_as_long_as_the_limit_and_not_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"x" * 10 + b"\n"))
    assert ask.stdin_text(10) == "x" * 10
    monkeypatch.setattr(sys, "stdin", Stdin(b"x" * 11))
    refused(Code.TOO_LARGE, ask.stdin_text, 10)
    refused(Code.TOO_LARGE, ask.checked_text, "ü" * 6, 10)


def test_a_text_cut_inside_a_character_is_too_long_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin("ü".encode() * 100))
    refused(Code.TOO_LARGE, ask.stdin_text, 9)


def test_what_is_no_text_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"\xff\xfe"))
    refused(Code.USAGE, ask.stdin_text, 10)
    refused(Code.USAGE, ask.checked_text, "\udcff", 10)
    refused(Code.USAGE, ask.checked_text, "", 10)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("2W", 1209600)]
)
def test_a_time_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert options.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1.5h", "7 days", "9999999d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    refused(Code.USAGE, options.seconds, text)
