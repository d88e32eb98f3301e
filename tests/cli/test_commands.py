"""Which request each command makes of the client, and what becomes of the answer.

The client here is a stand-in that keeps the request and plays events back: what a client does with a request is its own tests' matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qnpc.cli import logs
from qnpc.cli.app import run
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from tests.cli.run import LINK, PIN

ID = "m_0123456789abcdef0123456789abcdef"
ACCEPTED = {"v": 1, "kind": "accepted", "id": ID, "group": "g", "seq": 1}
QUEUED = {"v": 1, "kind": "queued", "id": ID, "group": "g"}


@dataclass
class StandIn:
    """`answers` maps a request's `do` to its events; an exception among them is raised there."""

    answers: dict[str, list[dict[str, Any] | Exception]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    opened: list[tuple[Path, bytes | None]] = field(default_factory=list)
    registered: list[tuple[Any, ...]] = field(default_factory=list)
    locked: bool = False
    ready: bool = True

    async def request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(request)
        for answer in self.answers.get(request["do"], []):
            if isinstance(answer, Exception):
                raise answer
            yield answer

    @asynccontextmanager
    async def open_client(
        self, profile: Path, *, trust: str, password: bytes | None, ports: object
    ) -> AsyncIterator[StandIn]:
        assert trust == "tofu"
        self.opened.append((profile, password))
        yield self

    async def register(
        self, profile: Path, username: str, link: Any, password: bytes, *, unattended: bool, ports: object
    ) -> SimpleNamespace:
        self.registered.append((profile, username, link.pin.hex(), password, unattended))
        return SimpleNamespace(username=username, node="127.0.0.1:9", device="cd" * 32, tls_group="a-group")

    async def ping(self, link: Any, ports: object) -> dict[str, Any]:
        answer = {"node": "127.0.0.1:9", "ready": self.ready, "round_trip_ms": 1.25, "pin": link.pin.hex()}
        return {"v": 1, "kind": "ping", **answer, "tls_group": "a-group", "version": "0.1.0"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    standing = StandIn()
    module = SimpleNamespace(
        needs_password=lambda profile: standing.locked,
        open_client=standing.open_client,
        register=standing.register,
        login=standing.register,
        has_profile=lambda profile: False,
        ping=standing.ping,
    )
    monkeypatch.setitem(sys.modules, "qnpc.client", module)
    # It changes what the whole process does with stray failures, and pytest watches these itself.
    monkeypatch.setattr(logs, "configure", lambda **_: None)
    for name in ("QNPC_PROFILE", "QNPC_NODE", "QNPC_PASSWORD_FILE", "QNPC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return standing


Typed = Callable[[bytes], None]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Typed]:
    """Says what standard input holds; a file, since a chat reads the descriptor."""
    with contextlib.ExitStack() as files:

        def say(data: bytes) -> None:
            path = tmp_path / "typed"
            path.write_bytes(data)
            monkeypatch.setattr(sys, "stdin", files.enter_context(path.open()))

        yield say


def test_login_without_a_profile_hands_over_what_was_given(client: StandIn, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("correct horse\n")
    arguments = ["login", "alice", "--node", LINK, "--profile", str(tmp_path / "p")]
    assert run([*arguments, "--password-file", str(tmp_path / "pw"), "--unattended"]) == 0
    assert [made[1:] for made in client.registered] == [("alice", "ab" * 32, b"correct horse", True)]
    assert run(["login", "--profile", str(tmp_path / "p")]) == 2  # no profile, no name


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ("whoami", {"do": "whoami"}),
        ("create-group g", {"do": "create_group", "name": "g"}),
        ("create-group g --suite 0x0001", {"do": "create_group", "name": "g", "suite": 1}),
        ("invite g bob carol", {"do": "invite", "group": "g", "users": ["bob", "carol"]}),
        ("join", {"do": "invitations"}),
        ("join g", {"do": "join", "group": "g"}),
        ("decline g", {"do": "decline", "group": "g"}),
        ("members g", {"do": "members", "group": "g"}),
        ("remove g carol", {"do": "remove", "group": "g", "users": ["carol"]}),
        ("groups", {"do": "groups"}),
        ("send g hi", {"do": "send", "group": "g", "text": "hi", "timeout": 30.0}),
        ("send g hi --timeout 2.5", {"do": "send", "group": "g", "text": "hi", "timeout": 2.5}),
        ("send g -- -hi", {"do": "send", "group": "g", "text": "-hi", "timeout": 30.0}),
        ("recv g", {"do": "recv", "group": "g", "follow": False}),
        ("recv g --follow", {"do": "recv", "group": "g", "follow": True}),
        ("history g", {"do": "history", "group": "g", "limit": 50}),
        ("history g -n 3", {"do": "history", "group": "g", "limit": 3}),
    ],
)
def test_a_command_is_one_request(arguments: str, request_: dict[str, Any], client: StandIn) -> None:
    assert run(arguments.split()) == 0
    assert client.asked == [request_]


def test_a_profile_is_named_by_flag_or_environment_or_is_the_platforms(
    client: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["groups", "--profile", str(tmp_path / "a")])
    monkeypatch.setenv("QNPC_PROFILE", str(tmp_path / "b"))
    run(["groups"])
    monkeypatch.delenv("QNPC_PROFILE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    run(["groups"])
    first, second, third = (profile for profile, _ in client.opened)
    assert (first, second) == (tmp_path / "a", tmp_path / "b")
    assert third.is_relative_to(tmp_path)


def test_a_locked_profile_takes_its_password_from_the_file(client: StandIn, tmp_path: Path) -> None:
    client.locked = True
    (tmp_path / "pw").write_text("correct horse\n")
    assert run(["groups", "--password-file", str(tmp_path / "pw")]) == 0
    assert client.opened[0][1] == b"correct horse"


def test_a_locked_profile_without_a_terminal_says_which_flag(
    client: StandIn, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    client.locked = True
    typed(b"")
    assert run(["groups"]) == 2
    assert "--password-file" in capsys.readouterr().err
    assert client.opened == []


def test_an_accepted_message_ends_with_0_a_queued_one_with_3(
    client: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    client.answers["send"] = [ACCEPTED]
    assert run(["send", "g", "hi"]) == 0
    assert capsys.readouterr().out == "m_01234567 accepted\n"
    client.answers["send"] = [QUEUED]
    assert run(["send", "g", "hi"]) == 3
    assert capsys.readouterr().out == "m_01234567 queued\n"


def test_standard_input_is_sent_whole(client: StandIn, typed: Typed) -> None:
    typed("Grüße\nzwei\n".encode())
    run(["send", "g", "-"])
    assert client.asked[0]["text"] == "Grüße\nzwei"


def test_a_message_over_the_limit_is_refused_before_anything_is_opened(
    client: StandIn, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(b"x" * (DEFAULT.text + 1))
    assert run(["send", "g", "-"]) == 1
    assert capsys.readouterr().err.startswith("E003")
    assert client.opened == []


def test_a_refusal_after_some_events_leaves_them_printed(
    client: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    client.answers["history"] = [ACCEPTED, Error(Code.NOT_A_MEMBER)]
    assert run(["history", "g", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == ACCEPTED
    assert json.loads(err)["name"] == "NOT_A_MEMBER"


def test_json_carries_the_text_exactly_and_no_escape(
    client: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    text = {"v": 1, "kind": "text", "text": "\x1b]52;c;eA==\x07 \u202e \x9b ü"}
    client.answers["recv"] = [text]
    run(["recv", "g", "--json"])
    out = capsys.readouterr().out
    assert json.loads(out) == text
    assert out.isascii()
    assert out.rstrip("\n").isprintable()


def test_where_nothing_came_a_person_is_told_and_a_program_is_not(
    client: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["join"]) == 0
    assert capsys.readouterr() == ("", "no invitations\n")
    assert run(["join", "--json"]) == 0
    assert capsys.readouterr() == ("", "")


class Recorder(io.StringIO):
    """Standard output that knows what was flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = ""

    def flush(self) -> None:
        self.flushed = self.getvalue()


def test_recv_asks_for_the_next_only_when_the_last_has_left(
    client: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking acknowledges: a crash between the two must repeat the message, never lose it."""
    out = Recorder()
    monkeypatch.setattr(sys, "stdout", out)
    asked_after: list[int] = []

    async def request(_: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        for number in range(3):
            asked_after.append(out.flushed.count("\n"))
            yield {"v": 1, "kind": "accepted", "id": f"m_{number:032x}"}
        asked_after.append(out.flushed.count("\n"))

    monkeypatch.setattr(client, "request", request)
    assert run(["recv", "g", "--json"]) == 0
    assert asked_after == [0, 1, 2, 3]


def test_register_hands_over_what_was_given(
    client: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pw").write_text("correct horse\n")
    arguments = ["register", "alice", "--node", LINK, "--profile", str(tmp_path / "p")]
    assert run([*arguments, "--password-file", str(tmp_path / "pw"), "--unattended"]) == 0
    assert client.registered == [(tmp_path / "p", "alice", PIN, b"correct horse", True)]
    assert capsys.readouterr().out == "alice@127.0.0.1:9   device cdcdcdcd   tls a-group\n"


def test_the_password_may_come_from_standard_input(client: StandIn, typed: Typed) -> None:
    typed(b"correct horse\n")
    assert run(["register", "alice", "--node", LINK, "--password-file", "-", "--profile", "p"]) == 0
    assert client.registered[0][3:] == (b"correct horse", False)


def test_ping_ends_with_3_where_the_node_is_not_ready(
    client: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ping", "--node", LINK]) == 0
    shown = f"127.0.0.1:9 ready   1.2 ms   pin sha256:{PIN}   tls a-group   qnpc 0.1.0\n"
    assert capsys.readouterr().out == shown
    client.ready = False
    assert run(["ping", "--node", LINK]) == 3


# -- chat: line mode -------------------------------------------------------------------------------------------------------


def sends(client: StandIn) -> list[str]:
    return [request["text"] for request in client.asked if request["do"] == "send"]


def test_every_line_is_a_message_and_the_end_of_input_waits_for_all(
    client: StandIn, monkeypatch: pytest.MonkeyPatch, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    following(client, monkeypatch)
    client.answers["send"] = [ACCEPTED]
    typed(b"one\n\ntwo\nthree")
    assert run(["chat", "g"]) == 0
    assert sends(client) == ["one", "two", "three"]
    assert capsys.readouterr() == ("", "")


def test_quit_ends_and_what_stands_after_it_is_not_sent(
    client: StandIn, monkeypatch: pytest.MonkeyPatch, typed: Typed
) -> None:
    following(client, monkeypatch)
    client.answers["send"] = [ACCEPTED]
    typed(b"one\n/quit\ntwo\n")
    assert run(["chat", "g"]) == 0
    assert sends(client) == ["one"]


def test_a_queued_line_is_told_and_ends_with_3(
    client: StandIn, monkeypatch: pytest.MonkeyPatch, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    following(client, monkeypatch)
    client.answers["send"] = [QUEUED]
    typed(b"one\n")
    assert run(["chat", "g"]) == 3
    assert capsys.readouterr().out == "m_01234567 queued\n"


def test_a_queued_line_that_was_accepted_before_the_end_is_no_failure(
    client: StandIn, monkeypatch: pytest.MonkeyPatch, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    following(client, monkeypatch)
    client.answers["send"] = [QUEUED]
    client.answers["history"] = [
        {"v": 1, "kind": "text", "id": ID, "group": "g", "seq": 1, "state": "accepted"}
    ]
    typed(b"one\n")
    assert run(["chat", "g", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [QUEUED, ACCEPTED]


def test_a_line_that_cannot_be_sent_does_not_end_the_chat(
    client: StandIn, monkeypatch: pytest.MonkeyPatch, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    following(client, monkeypatch)
    client.answers["send"] = [ACCEPTED]
    typed(b"\xff\xfe\ngood\n")
    assert run(["chat", "g"]) == 2
    assert sends(client) == ["good"]
    assert capsys.readouterr().err.startswith("E111")


def test_a_group_that_cannot_be_read_ends_the_chat(
    client: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client.answers["recv"] = [Error(Code.NOT_FOUND, "there is no group g")]
    read_end, write_end = os.pipe()  # a standard input on which nothing ever comes
    with os.fdopen(read_end) as stdin:
        with os.fdopen(write_end, "wb"):
            monkeypatch.setattr(sys, "stdin", stdin)
            assert run(["chat", "g"]) == 1
        for thread in threading.enumerate():
            if thread.name == "qnpc-stdin":
                thread.join(5)
    assert capsys.readouterr().err.startswith("E013")


def test_a_failure_that_nobody_foresaw_ends_the_chat_with_a_line(
    client: StandIn, monkeypatch: pytest.MonkeyPatch, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    following(client, monkeypatch)
    client.answers["send"] = [RuntimeError("inside")]
    typed(b"one\n")
    assert run(["chat", "g"]) == 1
    assert capsys.readouterr().err.startswith("E025 INTERNAL: something went wrong inside (RuntimeError)")


@pytest.mark.parametrize(("groups", "status"), [(["g"], 0), ([], 2), (["g", "h"], 2)])
def test_a_bare_chat_takes_the_only_group(
    groups: list[str], status: int, client: StandIn, monkeypatch: pytest.MonkeyPatch, typed: Typed
) -> None:
    following(client, monkeypatch)
    client.answers["groups"] = [{"v": 1, "kind": "group", "group": group} for group in groups]
    typed(b"")
    assert run(["chat"]) == status


def following(client: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """recv --follow goes on for ever, as it does."""
    plain = client.request

    async def request(request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        async for event in plain(request):
            yield event
        if request["do"] == "recv":
            await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(client, "request", request)
