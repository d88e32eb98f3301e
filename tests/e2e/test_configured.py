"""A node out of a configuration file, word for word as hosts have it, with what they override; and what a wrong one is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Done, Running, qnpc

FILE = Path(__file__).parents[1] / "support" / "node.toml"
ANYWHERE = {"QNPC_LISTEN": "127.0.0.1:0"}


class Host:
    """Serves out of one directory, in which node.toml is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.node: Running | None = None
        shutil.copy(FILE, path / "node.toml")
        for name in ("token", "password"):
            (path / name).write_text({"token": "devtoken\n", "password": "correct horse\n"}[name])

    def change(self, *pairs: tuple[str, str]) -> None:
        text = (self.path / "node.toml").read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        (self.path / "node.toml").write_text(text)

    def serve(self, *arguments: str, **environment: str) -> str:
        """Its link, without an invite."""
        self.node = Running(
            "serve",
            "--config",
            "node.toml",
            "--json",
            *arguments,
            cwd=self.path,
            **{**ANYWHERE, **environment},
        )
        said = self.node.event("listening")
        return f"qnpc://{said['listen']}/{said['pin']}"

    def stop(self) -> None:
        assert self.node is not None
        assert self.node.stop() == 0

    def register(self, name: str, link: str, *arguments: str, status: int = 0) -> Done:
        given = ("--node", link, "--password-file", "password", "--unattended", "--profile", name)
        return qnpc("register", name, *given, *arguments, cwd=self.path, status=status)

    def by_token(self, name: str, link: str, status: int = 0) -> Done:
        return self.register(name, link, "--auth-token-file", "token", status=status)

    def refused(self, *arguments: str, **environment: str) -> str:
        done = qnpc("serve", "--config", "node.toml", *arguments, cwd=self.path, status=2, **environment)
        assert done.err.startswith("E111 USAGE")
        assert done.err.count("\n") == 1
        return done.err


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    if made.node is not None and made.node.process.poll() is None:
        made.node.stop()


@pytest.mark.parametrize(
    ("backend", "db_key", "ending"),
    [("file", "", "der"), ("file", "", "pem"), ("sql", "", "pem"), ("sql", "a passphrase", "der")],
)
def test_the_file_starts_a_node(host: Host, backend: str, db_key: str, ending: str) -> None:
    host.change(
        (".der", f".{ending}"),
        ('backend = "file"', f'backend = "{backend}"'),
        ('key = ""', f'key = "{db_key}"'),
    )
    link = host.serve()
    data = host.path / "data"
    for name in ("cert", "key"):
        made = (data / f"server-{name}.{ending}").read_bytes()
        assert made.startswith(b"-----BEGIN ") is (ending == "pem")
    database = data / ("node.db" if backend == "file" else "qnpc.db")
    assert database.read_bytes().startswith(b"SQLite format 3\0") is (not db_key)
    assert sorted(path.name for path in data.glob("*.db")) == [database.name]
    host.by_token("alice", link)
    invite = qnpc("node", "invite", "--config", "node.toml", cwd=host.path).out.strip()
    host.register("carol", invite)
    qnpc("node", "health", "--config", "node.toml", cwd=host.path)
    qnpc("node", "health", "--data-dir", "data", cwd=host.path)
    host.stop()
    assert host.serve().endswith(link.rpartition("/")[2])  # the same pin


def test_the_token_lets_in_only_who_knows_it_and_only_while_it_is_configured(host: Host) -> None:
    link = host.serve()
    assert "E004" in host.register("eve", link, status=1).err
    (host.path / "token").write_text("wrong\n")
    assert "E004" in host.by_token("eve", link, status=1).err
    (host.path / "token").write_text("devtoken\n")
    host.by_token("alice", link)
    host.stop()
    host.change(("devtoken", ""))
    link = host.serve()
    assert "E004" in host.by_token("eve", link, status=1).err
    host.stop()
    link = host.serve(QNPC_AUTH_TOKEN="devtoken")
    host.by_token("bob", link)


def test_invites_beside_a_moved_database(host: Host) -> None:
    host.serve("--store-backend", "sql", "--db-path", "elsewhere/here.db")
    made = qnpc("node", "invite", "--data-dir", "data", cwd=host.path).out.strip()
    host.register("alice", made)
    host.stop()
    assert not (host.path / "data" / "node.db").exists()
    host.serve("--store-backend", "sql", "--db-path", "elsewhere/secret.db", QNPC_DB_KEY="key")
    qnpc("node", "invite", "--data-dir", "data", cwd=host.path, status=3)
    made = qnpc("node", "invite", "--data-dir", "data", cwd=host.path, QNPC_DB_KEY="key").out.strip()
    host.register("bob", made)


def test_what_overrides_what(host: Host) -> None:
    host.serve(
        "--data-dir", "by-flag", "--limit", "payload=1000", QNPC_DATA_DIR="by-env", QNPC_LOG_LEVEL="debug"
    )
    assert (host.path / "by-flag" / "node.json").exists()
    assert not (host.path / "by-env").exists()
    assert not (host.path / "data" / "node.json").exists()
    node = host.node
    assert node is not None
    said = json.loads((host.path / "by-flag" / "node.json").read_text())
    qnpc("ping", "--node", f"qnpc://{said['listen']}/{said['pin']}")
    assert node.logged("connection.opened")["level"] == "debug"
    assert node.logged("connection.closed")["address"] == "127.0.0.1"


def test_one_clear_error(host: Host) -> None:
    assert host.refused(QNPC_LISTEN="a:b:c").startswith("E111 USAGE: QNPC_LISTEN: expected an address")
    later = host.refused("--store-backend", "sql", "--db-path", "postgresql://u:hidden@h/d")
    assert "later version" in later
    assert "hidden" not in later
    for old, new, says in (
        ("listen =", "lisen =", '"listen"'),
        ('"0.0.0.0:7000"', "7000", "listen in node.toml: expected an address"),
        ('db_key = ""', "[limits]\npayloads = 3", '"payload"'),
    ):
        shutil.copy(FILE, host.path / "node.toml")
        host.change((old, new))
        assert says in host.refused()
    assert not (host.path / "data").exists()
    done = qnpc("node", "invite", "--config", "node.toml", cwd=host.path, status=2)
    assert "payloads" in done.err
