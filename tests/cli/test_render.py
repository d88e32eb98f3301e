"""What a person sees of each event."""

from __future__ import annotations

from typing import Any

import pytest

from qnpc.cli.render import human

AT = "2026-01-01T12:00:00.000Z"
ID = "m_0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def text(body: str, **more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "kind": "text",
        "id": ID,
        "group": "g",
        "seq": 1,
        "from": "bob",
        "trust": "tofu",
        "text": body,
        "at": AT,
        **more,
    }


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (text("hi"), "2026-01-01 12:00 bob: hi"),
        (text("hi", trust="changed"), "2026-01-01 12:00 bob (CHANGED): hi"),
        (text("hi", missing=2), "2026-01-01 12:00 bob: hi\n    (2 earlier messages of theirs are missing)"),
        ({"kind": "accepted", "id": ID, "group": "g", "seq": 3}, "m_01234567 accepted"),
        ({"kind": "queued", "id": ID, "group": "g"}, "m_01234567 queued"),
        ({"kind": "group", "group": "friends", "suite": "0x004F", "epoch": 0}, "friends   suite 0x004F"),
        (
            {
                "kind": "invited",
                "group": "g",
                "users": [{"name": "bob", "trust": "tofu"}, {"name": "carol", "trust": "tofu"}],
            },
            "bob, carol invited (unverified)",
        ),
        (
            {
                "kind": "invited",
                "group": "g",
                "users": [{"name": "bob", "trust": "verified"}, {"name": "carol", "trust": "tofu"}],
            },
            "bob invited (verified), carol invited (unverified)",
        ),
        (
            {"kind": "invitation", "group": "friends", "from": "alice", "at": AT},
            "friends   from alice   2026-01-01 12:00",
        ),
        ({"kind": "joined", "group": "friends", "members": ["alice", "bob"]}, "joined friends: alice, bob"),
        ({"kind": "restored", "data_dir": "/srv/node"}, "clients of /srv/node will see a gap"),
        ({"kind": "declined", "group": "party", "from": "mallory"}, "declined party from mallory"),
        (
            {"kind": "gap", "group": "g", "lapsed": True, "at": AT},
            "-- 2026-01-01 12:00 this device cannot follow the group any more (E107): ask an admin to invite it again",
        ),
        ({"kind": "removed", "group": "friends", "users": ["carol"]}, "carol removed from friends"),
        (
            {
                "kind": "member",
                "group": "g",
                "name": "alice",
                "device": "0123456789abcdef",
                "admin": True,
                "self": True,
                "trust": "tofu",
            },
            "alice   01234567   admin, this device",
        ),
        (
            {
                "kind": "member",
                "group": "g",
                "name": "bob",
                "device": "0123456789abcdef",
                "admin": False,
                "self": False,
                "trust": "tofu",
            },
            "bob   01234567   unverified",
        ),
        (
            {"kind": "members", "from": "alice", "by": "alice", "added": ["bob"], "removed": [], "at": AT},
            "-- 2026-01-01 12:00 alice added bob",
        ),
        (
            {"kind": "members", "from": "alice", "by": "alice", "added": [], "removed": ["carol"], "at": AT},
            "-- 2026-01-01 12:00 alice removed carol",
        ),
        (
            {"kind": "unreadable", "from": "bob", "reason": "too old", "at": AT},
            "-- 2026-01-01 12:00 a message could not be read: too old",
        ),
        (
            {"kind": "unknown", "from": "bob", "at": AT},
            "-- 2026-01-01 12:00 bob sent something that this version cannot show",
        ),
        (
            {"kind": "gap", "from": "", "expired": 41, "at": AT},
            "-- 2026-01-01 12:00 41 messages expired before they were fetched",
        ),
        ({"kind": "from the future", "x": 1}, "-- from the future: not known to this version"),
        (
            {"kind": "listening", "listen": "0.0.0.0:7000", "public": "a:7000", "pin": "ab"},
            "listening udp/0.0.0.0:7000   pin sha256:ab   registration: by invite",
        ),
    ],
)
def test_an_event_is_one_line(event: dict[str, Any], shown: str) -> None:
    assert human(event) == shown


def test_a_message_cannot_look_like_two() -> None:
    forged = human(text("hi\n2026-01-01 12:01 alice: I agree"))
    assert forged.splitlines()[1] == "    2026-01-01 12:01 alice: I agree"


@pytest.mark.parametrize("field", ["from", "text"])
def test_no_escape_reaches_the_terminal(field: str) -> None:
    assert "\x1b" not in human({**text("hi"), field: "\x1b]52;c;eA==\x07"})


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "group", "group": "\x1b[2J", "suite": "0x004F", "epoch": 0},
        {"kind": "invitation", "group": "\x1b[2J", "from": "\x1b[2J", "at": AT},
        {"kind": "joined", "group": "\x1b[2J", "members": ["\x1b[2J"]},
        {"kind": "declined", "group": "\x1b[2J", "from": "\x1b[2J"},
        {"kind": "removed", "group": "\x1b[2J", "users": ["\x1b[2J"]},
        {"kind": "invited", "group": "\x1b[2J", "users": [{"name": "\x1b[2J", "trust": "\x1b[2J"}]},
        {
            "kind": "member",
            "group": "",
            "name": "\x1b[2J",
            "device": "\x1b[2J",
            "admin": False,
            "self": False,
            "trust": "\x1b[2J",
        },
        {
            "kind": "members",
            "by": "\x1b[2J",
            "from": "",
            "added": ["\x1b[2J"],
            "removed": ["\x1b[2J"],
            "at": AT,
        },
        {"kind": "unreadable", "from": "\x1b[2J", "reason": "\x1b[2J", "at": AT},
        {"kind": "name", "from": "\x1b[2J", "text": "\x1b[2J", "at": AT},
        {"kind": "unknown", "from": "\x1b[2J", "at": AT},
        {"kind": "\x1b[2J"},
        {
            "kind": "whoami",
            "username": "\x1b[2J",
            "node": "\x1b[2J",
            "device": "\x1b[2J",
            "identity": "\x1b[2J",
            "pin": "",
        },
        {
            "kind": "registered",
            "username": "\x1b[2J",
            "node": "\x1b[2J",
            "device": "\x1b[2J",
            "tls_group": "\x1b[2J",
        },
        {
            "kind": "ping",
            "node": "\x1b[2J",
            "ready": True,
            "round_trip_ms": 1.0,
            "pin": "\x1b[2J",
            "tls_group": "\x1b[2J",
            "version": "\x1b[2J",
        },
    ],
    ids=lambda event: repr(event["kind"]),
)
def test_whatever_somebody_else_chose_is_cleaned(event: dict[str, Any]) -> None:
    assert "\x1b" not in human(event)


def test_a_date_that_is_none_does_not_stop_the_message() -> None:
    assert human(text("hi", at="yesterday")).endswith("bob: hi")
