"""The store in one SQLite file: batches through one connection, reads through others.

A batch is one transaction and one fsync. What it holds is decided by the table RULES; nothing of a batch is
visible before its COMMIT, and after an exception from `commit` either all of it stands or nothing does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnpc import files, ports
from qnpc.errors import Code, Error
from qnpc.node.store import contract as c
from qnpc.node.store.sqlite import accounts, delivery, groups, keys
from qnpc.node.store.sqlite.batch import Batch
from qnpc.node.store.sqlite.database import CONFLICTS, Database, unavailable
from qnpc.node.store.sqlite.migrations import prepare
from qnpc.node.store.sqlite.readers import Readers


@dataclass(frozen=True, slots=True)
class Rule:
    """Who handles an item. `guarded`: it may be refused after it has written, so it runs within a
    savepoint."""

    handle: Callable[[Batch, Any], object]
    guarded: bool = True


RULES: dict[type, Rule] = {
    c.CreateInvite: Rule(accounts.create_invite),
    c.SetInvite: Rule(accounts.set_invite),
    c.Register: Rule(accounts.register),
    c.BindDevice: Rule(accounts.bind_device),
    c.IssueToken: Rule(accounts.issue_token),
    c.Logout: Rule(accounts.logout, guarded=False),
    c.ReapTokens: Rule(accounts.reap_tokens, guarded=False),
    c.PutKeyPackages: Rule(keys.put_key_packages),
    c.TakeKeyPackages: Rule(keys.take_key_packages),
    c.PutHybridKey: Rule(keys.put_hybrid_key),
    c.Append: Rule(delivery.append, guarded=False),
    c.CreateGroup: Rule(groups.create_group),
    c.CommitGroup: Rule(groups.commit_group),
    c.Ack: Rule(delivery.ack, guarded=False),
    c.Collect: Rule(delivery.collect, guarded=False),
}


class SqliteStore:
    """contract.Store. Blocking; `commit` from one thread, reads from any."""

    def __init__(
        self,
        path: Path,
        key: bytes | str | None,
        random: ports.Random,
        hooks: ports.StoreHooks,
        writer: Database,
    ) -> None:
        self._path = path
        self._random = random
        self._hooks = hooks
        self._writer = writer
        self._readers = Readers(lambda: _reader(path, key))
        writer.run("draw_incarnation", value=self._draw())
        self.incarnation = self._incarnation()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        random: ports.Random,
        hooks: ports.StoreHooks | None = None,
        key: bytes | str | None = None,
    ) -> SqliteStore:
        """Opens the file, makes it (mode 0600, its folder 0700 if that is new) or brings it to this version's
        schema.

        `key` encrypts it with SQLCipher: 32 bytes are the raw key, a text is a passphrase, stretched at each
        opening (0.1 s). Raises Error: E002 if a newer version wrote it, E024 if it cannot
        be opened or read; the sentence names the path."""
        failure = f"{path} cannot be opened as a store" + (
            ", or the key is not its key" if key is not None else ""
        )
        try:
            _make_private(path)
        except OSError as error:
            raise Error(Code.STORE_UNAVAILABLE, failure) from error
        with unavailable(failure):
            writer = Database.connect(path, key)
            try:
                prepare(writer, path)
                return cls(path, key, random, hooks or ports.NoHooks(), writer)
            except BaseException:
                writer.close()
                raise

    def renew_incarnation(self) -> int:
        """For a log that was restored from a backup: cursors into what it had been since no longer count.
        Called before the node serves."""
        with unavailable():
            self._writer.run("renew_incarnation", value=self._draw())
            self.incarnation = self._incarnation()
        return self.incarnation

    def commit(self, batch: Sequence[c.Item]) -> list[object | Error]:
        if not batch:
            return []
        db = self._writer
        with unavailable():
            db.run("begin")
            try:
                shared = Batch(db)
                results = [_apply(shared, item) for item in batch]
                self._hooks.before_commit()
                db.run("commit")
            except BaseException:
                db.rollback()
                raise
            self._hooks.after_commit()
        return results

    def fold(self) -> int:
        with self._readers.use() as db:
            row = db.one("fold")  # busy, pages in the log, pages that are in the file
        return 0 if row is None else int(row[1])

    def fold_rest(self) -> None:
        with unavailable():
            self._writer.one("fold")

    def secret(self, name: str, fresh: bytes) -> bytes:
        with unavailable():
            self._writer.run("keep_secret", name=name, value=fresh)
            row = self._writer.one("secret", name=name)
        return fresh if row is None else bytes(row[0])

    def account(self, username: str) -> c.Account | None:
        with self._readers.use() as db:
            row = db.one("account", username=username)
        return None if row is None else c.Account(*row)

    def device(self, device: bytes) -> c.StoredDevice | None:
        with self._readers.use() as db:
            row = db.one("device", device=device)
        return None if row is None else _device(*row)

    def devices(self, username: str) -> list[c.StoredDevice]:
        with self._readers.use() as db:
            return [_device(*row) for row in db.all("devices", username=username)]

    def token(self, id: bytes) -> c.StoredToken | None:  # noqa: A002
        with self._readers.use() as db:
            row = db.one("token", id=id)
        return None if row is None else c.StoredToken(*row)

    def invite(self, id: bytes) -> c.StoredInvite | None:  # noqa: A002
        with self._readers.use() as db:
            row = db.one("invite", id=id)
        return None if row is None else c.StoredInvite(*row)

    def hybrid_key(self, device: bytes) -> tuple[bytes, bytes] | None:
        with self._readers.use() as db:
            row = db.one("hybrid_key", device=device)
        return None if row is None else (row[0], row[1])

    def key_package_count(self, device: bytes, suite: int, now: int) -> int:
        with self._readers.use() as db:
            row = db.one("count_packages", device=device, suite=suite, now=now)
        return 0 if row is None else int(row[0])

    def entries(
        self, channel: bytes, after: int, upto: int, limit: int, max_bytes: int
    ) -> list[c.StoredEntry]:
        if after >= delivery.MAX_SEQ or limit <= 0:
            return []
        found: list[c.StoredEntry] = []
        size = 0
        with (
            self._readers.use() as db,
            closing(
                db.each(
                    "entries",
                    channel=channel,
                    after=max(after, 0),
                    upto=max(min(upto, delivery.MAX_SEQ), 0),
                    limit=min(limit, delivery.MAX_SEQ),
                )
            ) as rows,
        ):
            for row in rows:
                size += len(row[4])
                if found and size > max_bytes:
                    break
                found.append(c.StoredEntry(channel, *row))
        return found

    def head(self, device: bytes, channel: bytes) -> c.StoredHead | None:
        with self._readers.use() as db:
            row = db.one("head", device=device, channel=channel)
        return None if row is None else _head(*row)

    def heads(self, device: bytes) -> list[c.StoredHead]:
        with self._readers.use() as db:
            return [_head(*row) for row in db.all("heads", device=device)]

    def group(self, group: bytes) -> c.StoredGroup | None:
        with self._readers.use() as db:
            row = db.one("group", group=group)
        return None if row is None else c.StoredGroup(*row)

    def groups(self, device: bytes) -> list[c.StoredGroup]:
        with self._readers.use() as db:
            return [c.StoredGroup(*row) for row in db.all("groups", device=device)]

    def tree(self, group: bytes, epoch: int) -> bytes | None:
        if epoch >= 1 << 63:
            return None
        with self._readers.use() as db:
            row = db.one("tree", group=group, epoch=epoch)
        return None if row is None else bytes(row[0])

    def members(self, group: bytes) -> list[c.StoredDevice]:
        with self._readers.use() as db:
            return [_device(*row) for row in db.all("members", group=group)]

    def is_member(self, device: bytes, group: bytes) -> bool:
        with self._readers.use() as db:
            return db.one("is_member", device=device, group=group) is not None

    def close(self) -> None:
        self._readers.close()
        self._writer.close()

    def _draw(self) -> int:
        return int.from_bytes(self._random.bytes(8), "big") >> 1

    def _incarnation(self) -> int:
        row = self._writer.one("incarnation")
        return 0 if row is None else int(row[0])


def _apply(batch: Batch, item: c.Item) -> object | Error:
    rule = RULES[type(item)]
    try:
        return _guarded(batch, item, rule) if rule.guarded else rule.handle(batch, item)
    except Error as refusal:
        return refusal.with_traceback(None)


def _guarded(batch: Batch, item: c.Item, rule: Rule) -> object:
    """What no rule foresaw (a number past 63 bits, a conflict of rows) refuses this item, and its batch goes
    on."""
    batch.db.run("savepoint")
    try:
        result = rule.handle(batch, item)
    except BaseException as error:
        batch.db.run("rollback_item")
        batch.db.run("release_item")
        if isinstance(error, OverflowError):
            raise Error(Code.BAD_REQUEST) from error
        if isinstance(error, CONFLICTS):
            raise Error(Code.INTERNAL) from error
        raise
    batch.db.run("release_item")
    return result


def _make_private(path: Path) -> None:
    """SQLite gives the files beside it the mode of the first, so that one is made before SQLite does."""
    files.make_private_directory(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
    path.chmod(0o600)


def _reader(path: Path, key: bytes | str | None) -> Database:
    db = Database.connect(path, key)
    db.set_up("reader")
    return db


def _device(device: bytes, username: str, certificate: bytes, revoked: int) -> c.StoredDevice:
    return c.StoredDevice(device, username, certificate, bool(revoked))


def _head(channel: bytes, seq: int, acked: int, first: int, group: int) -> c.StoredHead:
    return c.StoredHead(channel, seq, acked, first, bool(group))
