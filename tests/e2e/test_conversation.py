"""Three people talk through a node; all four are processes."""

from __future__ import annotations

from tests.support.processes import DEADLINE, Deployment, qnpc


def texts(events: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(event["from"], event["text"]) for event in events if event["kind"] == "text"]


def test_what_one_types_the_others_see(friends: Deployment) -> None:
    accepted = friends.run("bob", "send", "friends", "-", stdin="hi\n").events[0]
    assert accepted["kind"] == "accepted"
    for name in ("alice", "carol"):
        (message,) = [
            event for event in friends.run(name, "recv", "friends").events if event["kind"] == "text"
        ]
        assert (message["from"], message["text"], message["seq"]) == ("bob", "hi", accepted["seq"])
        assert (message["id"], message["trust"], message["group"]) == (accepted["id"], "tofu", "friends")
        assert texts(friends.run(name, "recv", "friends").events) == []
    assert texts(friends.run("bob", "recv", "friends").events) == []


def test_members_and_whoami_tell_who_is_there(friends: Deployment) -> None:
    members = friends.run("carol", "members", "friends").events
    assert sorted((member["name"], member["admin"], member["self"]) for member in members) == [
        ("alice", True, False),
        ("bob", False, False),
        ("carol", False, True),
    ]
    (me,) = friends.run("alice", "whoami").events
    assert me["username"] == "alice"
    assert me["node"] == friends.listen


def test_a_follower_sees_messages_as_they_come(friends: Deployment) -> None:
    with friends.running("carol", "recv", "friends", "--follow") as carol:
        for n in range(3):
            friends.run("alice", "send", "friends", f"message {n}")
            assert carol.event("text")["text"] == f"message {n}"


def test_chat_in_line_mode_sends_and_shows(friends: Deployment) -> None:
    with (
        friends.running("alice", "chat", "friends") as alice,
        friends.running("bob", "chat", "friends") as bob,
    ):
        bob.type("hello alice")
        assert alice.event("text")["text"] == "hello alice"
        alice.type("hello bob")
        assert bob.event("text")["text"] == "hello bob"
        alice.type("one more before the end")
        assert alice.end_input() == 0
        assert bob.event("text")["text"] == "one more before the end"
        assert bob.end_input() == 0


def test_after_everything_is_killed_they_go_on_with_their_history(friends: Deployment) -> None:
    friends.run("alice", "send", "friends", "before")
    with friends.running("bob", "recv", "friends", "--follow") as bob:
        assert bob.event("text")["text"] == "before"
        assert friends.node is not None
        bob.kill()
    friends.node.kill()
    friends.start()
    friends.run("carol", "send", "friends", "after")
    assert texts(friends.run("bob", "recv", "friends").events)[-1] == ("carol", "after")
    for name in ("alice", "bob", "carol"):
        history = texts(friends.run(name, "history", "friends").events)
        assert history == [("alice", "before"), ("carol", "after")]


def test_a_removed_member_reads_and_sends_no_more(friends: Deployment) -> None:
    friends.run("carol", "recv", "friends")
    friends.run("alice", "remove", "friends", "carol")
    friends.run("alice", "send", "friends", "without carol")
    done = friends.run("carol", "recv", "friends", status=1)
    assert "E017" in done.err
    events = done.events
    assert texts(events) == []
    assert ["carol"] in [event.get("removed") for event in events]
    refused = friends.run("carol", "send", "friends", "am I still here?", status=1)
    assert "E017" in refused.err
    assert texts(friends.run("bob", "recv", "friends").events) == [("alice", "without carol")]
    assert "without carol" not in friends.run("carol", "history", "friends").out


def test_a_message_waits_for_the_node_and_the_next_command_sends_it(friends: Deployment) -> None:
    assert friends.node is not None
    assert friends.node.stop() == 0
    queued = friends.run("bob", "send", "friends", "later", "--timeout", "1", status=3)
    assert queued.events[0]["kind"] == "queued"
    friends.start()
    friends.run("bob", "recv", "friends")
    (message,) = [
        event for event in friends.run("carol", "recv", "friends").events if event["kind"] == "text"
    ]
    assert (message["text"], message["id"]) == ("later", queued.events[0]["id"])


def test_the_node_answers_ping_and_health(deployment: Deployment) -> None:
    link = deployment.link()
    (pong,) = qnpc("ping", "--node", link, "--json").events
    assert pong["tls_group"] == "X25519MLKEM768"
    assert pong["ready"] is True
    assert pong["pin"] in link
    assert pong["round_trip_ms"] > 0
    qnpc("node", "health", "--data-dir", str(deployment.data))
    deployment.close()
    qnpc("node", "health", "--data-dir", str(deployment.data), status=3)


def test_a_chat_that_is_left_while_its_input_stays_open_ends_well(friends: Deployment) -> None:
    """As at a terminal: nobody closes standard input, and a thread still waits for it."""
    with friends.running("alice", "chat", "friends") as alice:
        alice.type("bye")
        alice.type("/quit")
        assert (alice.process.wait(DEADLINE), alice.errors) == (0, [])
