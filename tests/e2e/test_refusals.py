"""What bad input gets: one clear line with a code and an exit status, never a traceback, and nothing is lost."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.support.processes import Deployment, qnpc


def refused(done: object, code: str) -> None:
    err = getattr(done, "err", "")
    assert code in err, done
    assert len(err.strip().splitlines()) == 1, done


def test_a_wrong_password_does_not_open_a_profile(deployment: Deployment, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("right\n")
    wrong.write_text("wrong\n")
    profile = deployment.profile("dave")
    link = deployment.link()
    qnpc("register", "dave", "--node", link, "--password-file", str(right), "--profile", profile)
    bad = qnpc("whoami", "--profile", profile, "--password-file", str(wrong), status=1)
    refused(bad, "E101")
    assert "dave" in qnpc("whoami", "--profile", profile, "--password-file", str(right)).out
    refused(qnpc("whoami", "--profile", profile, status=2), "E111")  # no terminal, no prompt


def test_a_taken_name(friends: Deployment, tmp_path: Path) -> None:
    link = friends.link()
    password = tmp_path / "pw"
    password.write_text("x\n")
    again = ["register", "alice", "--node", link, "--password-file", str(password), "--profile"]
    refused(qnpc(*again, str(tmp_path / "other"), status=1), "E007")
    assert not (tmp_path / "other").exists()  # nothing is left behind
    free = ["register", "alicia", "--node", link, "--password-file", str(password), "--profile"]
    qnpc(*free, str(tmp_path / "other"))  # and the invite was not spent


def test_a_changed_pin_stops_with_its_own_exit_status(deployment: Deployment, tmp_path: Path) -> None:
    link = deployment.link()
    start = link.index("/", len("qnpc://")) + 1
    changed = link[:start] + ("0" if link[start] != "0" else "1") + link[start + 1 :]
    password = tmp_path / "pw"
    password.write_text("x\n")
    profile = str(tmp_path / "eve")
    asked = ["register", "eve", "--password-file", str(password), "--profile", profile, "--node"]
    refused(qnpc(*asked, changed, status=4), "E104")
    refused(qnpc("ping", "--node", changed, status=4), "E104")
    qnpc(*asked, link)


def test_a_spent_invite(deployment: Deployment, tmp_path: Path) -> None:
    link = deployment.link(1)
    deployment.register("erin", link)
    password = tmp_path / "pw"
    password.write_text("x\n")
    spent = ["register", "frank", "--node", link, "--password-file", str(password)]
    refused(qnpc(*spent, "--profile", str(tmp_path / "frank"), status=1), "E004")


def test_an_unreachable_node(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        link = f"qnpc://127.0.0.1:{silent.getsockname()[1]}/{'00' * 32}"
        refused(qnpc("ping", "--node", link, status=3), "E105")


def test_an_unknown_user_and_an_unknown_group(friends: Deployment) -> None:
    refused(qnpc("invite", "friends", "nobody", "--profile", friends.profile("alice"), status=1), "E013")
    refused(qnpc("send", "foes", "hi", "--profile", friends.profile("alice"), status=1), "E013")
    friends.run("alice", "send", "friends", "still works")


def test_a_second_process_on_the_profile(friends: Deployment) -> None:
    with friends.running("alice", "recv", "friends", "--follow") as follower:
        friends.run("bob", "send", "friends", "are you there?")
        follower.event("text")
        refused(qnpc("whoami", "--profile", friends.profile("alice"), status=3), "E103")


def test_a_damaged_vault(friends: Deployment) -> None:
    vault = Path(friends.profile("bob")) / "vault.qpce"
    whole = vault.read_bytes()
    for damaged in (b"", b"QPCE", whole[:-1], whole[:-20] + bytes(20), b"X" + whole[1:]):
        vault.write_bytes(damaged)
        refused(qnpc("whoami", "--profile", friends.profile("bob"), status=1), "E102")
    vault.write_bytes(whole)
    friends.run("bob", "send", "friends", "still works")


def test_no_profile(tmp_path: Path) -> None:
    refused(qnpc("whoami", "--profile", str(tmp_path / "none"), status=2), "E110")


def test_a_message_over_the_limit(friends: Deployment) -> None:
    long = "x" * (64 * 1024 + 1)
    refused(qnpc("send", "friends", "-", "--profile", friends.profile("alice"), stdin=long, status=1), "E003")
    friends.run("alice", "send", "friends", "-", stdin=long[:-1])
    (message,) = [e for e in friends.run("bob", "recv", "friends").events if e["kind"] == "text"]
    assert message["text"] == long[:-1]


def test_only_an_admin_changes_members(friends: Deployment) -> None:
    refused(qnpc("remove", "friends", "alice", "--profile", friends.profile("bob"), status=1), "E027")
    assert len(friends.run("bob", "members", "friends").events) == 3


def test_no_prompt_without_a_terminal(deployment: Deployment, tmp_path: Path) -> None:
    done = qnpc("register", "gina", "--node", deployment.link(), "--profile", str(tmp_path / "g"), status=2)
    assert "--password-file" in done.err


def test_garbage_on_the_wire_disturbs_nobody(friends: Deployment) -> None:
    host, port = friends.listen.rsplit(":", 1)
    with friends.running("bob", "recv", "friends", "--follow") as bob:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for n in range(200):
                stranger.sendto(bytes([n, 0xC0, 0xFF]) * (n + 1), (host, int(port)))
        friends.run("alice", "send", "friends", "undisturbed")
        assert bob.event("text")["text"] == "undisturbed"
