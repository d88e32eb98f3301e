"""The stores that the contract is tried on, and a small cast of devices to try it with.

A second backend joins by another row in BACKENDS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, overload

from qnpc import ports
from qnpc.errors import Error
from qnpc.node.store import contract as c
from qnpc.node.store.sqlite import SqliteStore
from qnpc.node.store.sqlite.database import Database

R = TypeVar("R")

NOW = 1_800_000_000_000
DAY = 86_400_000
KEY = bytes(range(32))
PLENTY = 1 << 40


class Counter:
    """Randomness that is the same in each run."""

    def __init__(self) -> None:
        self._drawn = 0

    def bytes(self, n: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_128(self._drawn.to_bytes(8, "big")).digest(n)

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


@dataclass(frozen=True)
class Backend:
    """Where a store is, and how it is opened again after a crash."""

    key: bytes | str | None
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "data" / "node.db"

    def open(self, hooks: ports.StoreHooks | None = None) -> SqliteStore:
        return SqliteStore.open(self.path, random=Counter(), hooks=hooks, key=self.key)

    def revoke(self, device: bytes) -> None:
        """No item does it yet."""
        with closing(Database.connect(self.path, self.key)) as db:
            db.execute_all([f"UPDATE device SET revoked = 1 WHERE key = x'{device.hex()}'"])  # noqa: S608

    def count(self, table: str) -> int:
        with closing(Database.connect(self.path, self.key)) as db:
            row = db._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
            return int(row[0])


BACKENDS: dict[str, bytes | None] = {"sqlite": None, "sqlcipher": KEY}


def name(what: str, length: int) -> bytes:
    """A value of its own for each name."""
    return hashlib.shake_128(what.encode()).digest(length)


INVITE = c.CreateInvite(name("invite", 16), name("invite secret", 32), None, None)


def new_token(what: str, expires: int = NOW + DAY) -> c.NewToken:
    return c.NewToken(name(f"token {what}", 16), name(f"hash {what}", 32), expires)


def new_device(what: str) -> c.NewDevice:
    return c.NewDevice(name(f"device {what}", 32), b"certificate " + what.encode(), NOW)


def registration(username: str, device: str | None = None, invite: c.CreateInvite = INVITE) -> c.Register:
    device = device or username
    return c.Register(
        username,
        b"record",
        name(f"identity {username}", 32),
        b"sealed",
        new_device(device),
        new_token(device),
        invite.id,
        invite.hash,
        NOW,
    )


def actor(device: str) -> c.Actor:
    return c.Actor(name(f"device {device}", 32), name(f"token {device}", 16))


@dataclass
class Scene:
    """A store with people in it. `do` is one item as a batch; a refusal is raised."""

    store: c.Store
    made: int = field(default=0)

    @overload
    def do(self, item: c.Append) -> c.Appended: ...
    @overload
    def do(self, item: c.CommitGroup) -> c.Committed: ...
    @overload
    def do(self, item: c.TakeKeyPackages) -> list[c.TakenKeyPackage]: ...
    @overload
    def do(self, item: c.PutKeyPackages | c.ReapTokens | c.Collect) -> int: ...
    @overload
    def do(self, item: c.Item) -> object: ...
    def do(self, item: c.Item) -> object:
        (result,) = self.store.commit([item])
        if isinstance(result, Error):
            raise result
        return result

    def register(self, *usernames: str) -> list[c.Actor]:
        self.do(INVITE)
        for username in usernames:
            self.do(registration(username))
        return [actor(username) for username in usernames]

    def create(self, creator: str, group: str = "group") -> bytes:
        key = name(group, 16)
        self.do(
            c.CreateGroup(
                actor(creator), key, name(f"create {group}", 16), 0x4F, 0, b"info 0", b"tree 0", NOW
            )
        )
        return key

    def append(self, who: str, channel: bytes, what: str, epoch: int | None = None) -> c.Append:
        """Not yet done: the item."""
        return c.Append(
            actor(who),
            channel,
            name(what, 16),
            what.encode(),
            epoch,
            1000,
            PLENTY,
            NOW,
        )

    def say(self, who: str, channel: bytes, what: str, epoch: int | None = None) -> c.Appended:
        return self.do(self.append(who, channel, what, epoch))

    def commit(
        self,
        who: str,
        group: bytes,
        epoch: int,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        id: str = "",  # noqa: A002
    ) -> c.CommitGroup:
        """Not yet done: the item."""
        self.made += 1
        added = [actor(device).device for device in add]
        return c.CommitGroup(
            actor(who),
            group,
            name(id or f"commit {self.made}", 16),
            epoch,
            b"commit",
            b"info %d" % (epoch + 1),
            b"tree %d" % (epoch + 1),
            added,
            [actor(device).device for device in remove],
            [(device, b"welcome") for device in added],
            1000,
            NOW,
        )

    def together(self, creator: str, *others: str, group: str = "group") -> bytes:
        """A group with all of them in it, at epoch 1."""
        key = self.create(creator, group)
        self.do(self.commit(creator, key, 0, add=others, id=f"first of {group}"))
        return key

    def texts(self, channel: bytes, after: int = 0, upto: int = PLENTY) -> list[tuple[int, bytes]]:
        return [
            (entry.seq, entry.payload) for entry in self.store.entries(channel, after, upto, 10_000, PLENTY)
        ]

    def head(self, who: str, channel: bytes) -> c.StoredHead:
        found = self.store.head(actor(who).device, channel)
        assert found is not None
        return found


def later(item: c.Append, milliseconds: int) -> c.Append:
    return replace(item, now=item.now + milliseconds)
