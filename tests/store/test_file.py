"""The file: who may read it, what it says without its key, and which files are refused."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store.sqlite import SqliteStore
from qnpc.node.store.sqlite.database import Database
from qnpc.node.store.sqlite.migrations import migrate
from qnpc.node.store.sqlite.statements import MIGRATIONS, split
from tests.store.backends import BACKENDS, KEY, Backend, Counter, Scene


def refused(path: Path, key: bytes | str | None = None) -> Error:
    with pytest.raises(Error) as caught:
        SqliteStore.open(path, random=Counter(), key=key)
    assert str(path) in caught.value.sentence
    return caught.value


def test_only_its_owner_can_read_it(backend: Backend) -> None:
    scene = Scene(backend.open())
    scene.register("alice")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sorted(backend.path.parent.iterdir())}
    assert modes == {"node.db": 0o600, "node.db-shm": 0o600, "node.db-wal": 0o600}
    assert stat.S_IMODE(backend.path.parent.stat().st_mode) == 0o700
    scene.store.close()


def test_a_file_that_was_open_to_others_is_closed_to_them(backend: Backend) -> None:
    backend.open().close()
    backend.path.chmod(0o644)
    backend.open().close()
    assert stat.S_IMODE(backend.path.stat().st_mode) == 0o600


def test_with_a_key_nothing_of_it_can_be_read(tmp_path: Path) -> None:
    for name, key in sorted(BACKENDS.items()):
        backend = Backend(key, tmp_path / name)
        scene = Scene(backend.open())
        (_, bob) = scene.register("alice", "bob")
        scene.say("alice", bob.device, "a canary that sings")
        log = backend.path.with_name("node.db-wal").read_bytes()
        scene.store.close()
        file = backend.path.read_bytes()
        plain = key is None
        assert file.startswith(b"SQLite format 3\0") is plain
        assert (b"a canary that sings" in log + file) is plain
        assert (b"CREATE TABLE" in log + file) is plain


def test_only_its_key_opens_it(tmp_path: Path) -> None:
    backend = Backend(KEY, tmp_path)
    scene = Scene(backend.open())
    scene.register("alice")
    scene.store.close()
    for key in (None, bytes(32), "a passphrase"):
        error = refused(backend.path, key)
        assert error.kind is Code.STORE_UNAVAILABLE
    again = backend.open()
    assert again.account("alice") is not None
    again.close()


def test_a_passphrase_opens_it_again(tmp_path: Path) -> None:
    backend = Backend("it's a păssphrase", tmp_path)
    scene = Scene(backend.open())
    scene.register("alice")
    scene.store.close()
    again = backend.open()
    assert again.account("alice") is not None
    again.close()
    refused(backend.path, "it's a passphrase")
    bad: bytes | str
    for bad in ("", "a\0b", b"31 bytes are no key of any kind"):
        with pytest.raises(Error, match="E111"):
            SqliteStore.open(backend.path, random=Counter(), key=bad)


def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database at all\n" * 500)
    before = garbage.read_bytes()
    for key in (None, KEY):
        assert refused(garbage, key).kind is Code.STORE_UNAVAILABLE
    assert garbage.read_bytes() == before

    foreign = tmp_path / "foreign.db"
    with closing(Database.connect(foreign, None)) as db:
        db.execute_all(["CREATE TABLE account (balance INTEGER)"])
    before = foreign.read_bytes()
    assert "another program" in refused(foreign).sentence
    assert foreign.read_bytes() == before


def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert refused(tmp_path / "file" / "node.db").kind is Code.STORE_UNAVAILABLE
    assert refused(tmp_path).kind is Code.STORE_UNAVAILABLE


def test_migrating_again_changes_nothing(backend: Backend) -> None:
    scene = Scene(backend.open())
    scene.register("alice")
    scene.store.close()
    with closing(Database.connect(backend.path, backend.key)) as db:
        schema = db._connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
        migrate(db, backend.path)
        migrate(db, backend.path)
        assert db._connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == schema
        assert db.one("newest_migration") == (len(MIGRATIONS),)
    again = backend.open()
    assert again.account("alice") is not None
    again.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.open().close()
    broken = [*MIGRATIONS, (len(MIGRATIONS) + 1, "CREATE TABLE half (done);\nCREATE TABLE half (done);\n")]
    monkeypatch.setattr("qnpc.node.store.sqlite.migrations.MIGRATIONS", broken)
    with pytest.raises(Error, match="E024"):
        backend.open()
    monkeypatch.undo()
    backend.open().close()
    with pytest.raises(Exception, match="no such table"):
        backend.count("half")


def test_a_file_of_a_newer_version_is_refused(backend: Backend) -> None:
    backend.open().close()
    with closing(Database.connect(backend.path, backend.key)) as db:
        db.run("add_migration", number=len(MIGRATIONS) + 1)
    assert refused(backend.path, backend.key).kind is Code.UNSUPPORTED_VERSION


def test_scripts_are_cut_at_statements_only() -> None:
    script = "-- one; two\nCREATE TABLE a (b TEXT DEFAULT ';');\n\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM a;\nEND;\n"
    assert len(split(script)) == 2
