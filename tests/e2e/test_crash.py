"""The node dies in the middle of many sends: nothing is lost, nothing is doubled, the order is one."""

from __future__ import annotations

from tests.support.processes import Deployment

SENDS = 200


def test_every_message_is_in_history_once_and_in_order_although_the_node_is_killed(
    friends: Deployment,
) -> None:
    words = [f"message {n}" for n in range(SENDS)]
    with (
        friends.running("alice", "chat", "friends") as alice,
        friends.running("bob", "recv", "friends", "--follow") as bob,
    ):
        for word in words[: SENDS // 2]:
            alice.type(word)
        seen = [bob.event("text") for _ in range(SENDS // 4)]
        assert friends.node is not None
        friends.node.kill()
        for word in words[SENDS // 2 :]:
            alice.type(word)
        friends.start()
        seen += [bob.event("text") for _ in range(SENDS - len(seen))]
        assert alice.end_input() == 0
    assert [event["text"] for event in seen] == words
    assert len({event["id"] for event in seen}) == SENDS
    sequence = [event["seq"] for event in seen]
    assert sequence == sorted(sequence)
    for name in ("alice", "carol"):
        history = friends.run(name, "history", "friends", "--limit", str(2 * SENDS)).events
        told = [event for event in history if event["kind"] == "text"]
        assert [event["text"] for event in told] == words
        assert [event["id"] for event in told] == [event["id"] for event in seen]
        assert [event["seq"] for event in told] == sequence


def test_a_reader_that_is_killed_repeats_at_most_one_line(friends: Deployment) -> None:
    shown = []
    for part in range(3):
        for n in range(4):
            friends.run("alice", "send", "friends", f"line {4 * part + n}")
        with friends.running("bob", "recv", "friends", "--follow") as bob:
            shown += [bob.event("text") for _ in range(3)]
            bob.kill()
            shown += bob.rest("text")  # it may have shown more before it died
    shown += [event for event in friends.run("bob", "recv", "friends").events if event["kind"] == "text"]
    once = list({event["id"]: event["text"] for event in shown}.values())
    assert once == [f"line {n}" for n in range(12)]
    assert len(shown) <= 12 + 3
