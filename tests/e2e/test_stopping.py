"""A node that is told to stop: what it was sent is kept and answered, it ends soon whoever hangs on it, and its clients go on."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.support.processes import Deployment, Running

SENDS = 120
SOON = 30.0
"""Seconds: two of patience with calls and answers, two with closes, and a slow machine. Who hangs on it is given up on after 60."""


def texts(running: Running, count: int) -> list[str]:
    return [running.event("text")["text"] for _ in range(count)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_in_the_middle_of_sends_loses_nothing_and_clients_go_on(
    friends: Deployment, number: signal.Signals
) -> None:
    words = [f"message {n}" for n in range(SENDS)]
    with (
        friends.running("alice", "chat", "friends") as alice,
        friends.running("bob", "recv", "friends", "--follow") as bob,
    ):
        for word in words[: SENDS // 2]:
            alice.type(word)
        seen = texts(bob, SENDS // 4)
        assert friends.node is not None
        assert friends.node.signal(number, SOON) == 0
        for word in words[SENDS // 2 :]:
            alice.type(word)
        friends.start()
        seen += texts(bob, SENDS - len(seen))
        assert alice.end_input() == 0
    assert seen == words
    history = friends.run("carol", "history", "friends", "--limit", str(2 * SENDS)).events
    assert [event["text"] for event in history if event["kind"] == "text"] == words


@pytest.fixture
def drain() -> float | None:
    """The node's patience, if it is another than its default. Overridden where a test needs more."""
    return None


@pytest.fixture
def stuck(friends: Deployment, drain: float | None) -> Iterator[Deployment]:
    """bob listens, and is stopped in the middle of it: he takes nothing and says nothing any more."""
    assert friends.node is not None
    if drain is not None:
        assert friends.node.stop() == 0
        friends.options = ("--limit", f"drain={drain:g}")
        friends.start()
        friends.options = ()
    bob = friends.running("bob", "recv", "friends", "--follow")
    with friends.running("alice", "chat", "friends") as alice:
        alice.type("the first")
        assert texts(bob, 1) == ["the first"]
        bob.process.send_signal(signal.SIGSTOP)  # from here on there is a minute, until he counts as gone
        for n in range(3):
            alice.type(f"{n}" + 60_000 * "x")
        assert alice.end_input() == 0
    try:
        yield friends
    finally:
        bob.kill()


def test_a_client_that_never_reads_does_not_keep_a_node_from_stopping(stuck: Deployment) -> None:
    assert stuck.node is not None
    assert stuck.node.signal(signal.SIGTERM, SOON) == 0
    assert stuck.node.logged("node.stopping")["signal"] == "SIGTERM"
    assert stuck.node.logged("node.stopped")
    stuck.start()
    stuck.run("alice", "send", "friends", "the last")


@pytest.mark.parametrize("drain", [600.0])
def test_a_second_signal_does_not_wait(stuck: Deployment) -> None:
    """The node would wait for long, so that the second signal finds it waiting, however late that comes."""
    node = stuck.node
    assert node is not None
    node.process.send_signal(signal.SIGTERM)
    node.logged("node.stopping")
    assert node.signal(signal.SIGINT, SOON) == -signal.SIGINT
    assert "node.stopped" not in "".join(node.errors)
    stuck.start()
    stuck.run("alice", "send", "friends", "the last")
    assert "the last" in stuck.run("carol", "recv", "friends").out
