"""A failure is a line and an exit status, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qnpc.cli import fail
from qnpc.errors import Code, Error


def report(
    error: BaseException, capsys: pytest.CaptureFixture[str], *, as_json: bool = False
) -> tuple[int, str]:
    status = fail.report(error, as_json=as_json)
    out, err = capsys.readouterr()
    assert out == ""
    return status, err


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.NOT_A_MEMBER, 1),
        (Code.USAGE, 2),
        (Code.NO_PROFILE, 2),
        (Code.UNREACHABLE, 3),
        (Code.RATE_LIMITED, 3),
        (Code.PIN_MISMATCH, 4),
        (Code.IDENTITY_CHANGED, 4),
    ],
)
def test_the_exit_status_is_the_codes(code: Code, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(Error(code), capsys)[0] == status


def test_a_person_reads_what_it_is_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    _, line = report(Error(Code.RATE_LIMITED, "slower, please", retry_after=12), capsys)
    assert line == "E011 RATE_LIMITED: slower, please. Wait and try again. Again in 12 s.\n"


def test_a_program_reads_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    _, line = report(Error(Code.RATE_LIMITED, "slower, please", retry_after=12), capsys, as_json=True)
    assert json.loads(line) == {
        "v": 1,
        "kind": "error",
        "code": "E011",
        "name": "RATE_LIMITED",
        "message": "slower, please",
        "retry_after": 12,
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_a_peers_sentence_cannot_steer_the_terminal(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _, line = report(Error(Code.NOT_FOUND, "\x1b]52;c;eA==\x07\nE017"), capsys, as_json=as_json)
    assert "\x1b" not in line
    assert line.count("\n") == 1


def test_what_nobody_foresaw_is_one_line_and_keeps_its_text_to_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(fail.DEBUG, raising=False)
    status, line = report(KeyError("secret"), capsys)
    assert status == 1
    assert line.startswith("E025 INTERNAL: something went wrong inside (KeyError)")
    assert line.count("\n") == 1
    assert "secret" not in line


def test_its_traceback_goes_where_qnpc_debug_says_for_the_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "debug.log"
    monkeypatch.setenv(fail.DEBUG, str(log))
    try:
        raise KeyError("what")
    except KeyError as error:
        report(error, capsys)
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    status, line = report(OSError(28, "No space left on device", "state.db"), capsys)
    assert (status, line) == (1, "E025 INTERNAL: No space left on device: state.db. Its log says more.\n")


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), 130), (SystemExit(3), 3), (SystemExit("text"), 1)]
)
def test_an_interruption_is_quiet(
    error: BaseException, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, capsys) == (status, "")


def test_of_several_failures_the_refusal_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    group = ExceptionGroup("tasks", [ValueError("first"), ExceptionGroup("inner", [Error(Code.QUEUE_FULL)])])
    status, line = report(group, capsys)
    assert status == 3
    assert line.startswith("E012")
