"""A word that is said in a group is found nowhere: not at the node, not in a profile, not in a log."""

from __future__ import annotations

from pathlib import Path

from tests.support.processes import Deployment, Running

CANARY = "zyzzyva-canary-7311"


def containing(path: Path, word: bytes) -> list[Path]:
    return [file for file in sorted(path.rglob("*")) if file.is_file() and word in file.read_bytes()]


def test_a_canary_is_in_no_file_and_no_log(friends: Deployment) -> None:
    friends.run("bob", "send", "friends", f"say {CANARY} softly")
    assert CANARY in friends.run("alice", "recv", "friends").out
    node = friends.node
    assert isinstance(node, Running)
    assert node.stop() == 0
    assert friends.data.is_dir()
    assert any(friends.data.rglob("*.db"))
    assert containing(friends.path, CANARY.encode()) == []
    assert containing(friends.path, CANARY.encode("utf-16-le")) == []
    assert CANARY not in "\n".join(node.errors)


def test_names_and_passwords_are_not_where_they_need_not_be(friends: Deployment) -> None:
    friends.close()
    assert containing(friends.data, b"friends") == []  # the node does not know what a group is called
    for name in ("alice", "bob", "carol"):
        password = f"password of {name}".encode()
        assert [file.name for file in containing(friends.path, password)] == [f"{name}.pw"]
    for file in sorted(friends.path.rglob("*")):
        if file.is_file() and not file.name.endswith(".pw"):
            assert file.stat().st_mode & 0o077 == 0, file
