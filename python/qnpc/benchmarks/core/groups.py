"""MLS groups that are measured: one of ours and one of rine-mls (mls-rs), with the same number of members, doing the same.

A group of n is warm: every second member joined by a commit of its own (RFC 9420, 12.4.3.2), which gives keys to all nodes above it and
its neighbour, so that the tree has keys everywhere, as in a group that has lived for a while. It grows from one size that is measured to
the next. Two members are driven, the one that made the group and the last that joined. What a step does to one, the next step needs of the
other, so nothing is done twice on the same state, as a benchmark that only repeats would.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qnpc import _core
from qnpc.benchmarks.core.race import cpu_seconds
from qnpc.ports import Clock, Random

TEXT = 300
"""Bytes of a message."""

BATCH = 20
"""Messages that are sent, and read, one after the other."""

OPERATIONS = (
    "encrypt",
    "decrypt",
    "add",
    "process add",
    "join",
    "remove",
    "process remove",
    "update",
    "process update",
)


class Team(ABC):
    """Steps are timed by operation, sizes are noted: both are read after each step."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._members = 1
        self.times: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.sizes: dict[str, int] = {}

    def grow(self, members: int, progress: Callable[[], None]) -> None:
        """`progress` is called after each that came."""
        while self._members < members:
            if members - self._members > 1:
                self._add()
                self._members += 1
                progress()
            self._join()
            self._members += 1
            progress()

    @contextmanager
    def timed(self, operation: str, pieces: int = 1) -> Iterator[None]:
        began, used = self._clock.monotonic(), cpu_seconds()
        yield
        self.cpu[operation] = (cpu_seconds() - used) / pieces
        self.times[operation] = (self._clock.monotonic() - began) / pieces

    @abstractmethod
    def _add(self) -> None:
        """Adds somebody who will never say anything."""

    @abstractmethod
    def _join(self) -> None:
        """Somebody joins by a commit of its own, and is driven from now on."""

    @abstractmethod
    def step(self) -> None:
        """Adds somebody, who joins; sends and reads messages; removes them again."""

    def close(self) -> None:  # noqa: B027  # most have nothing to clear away
        """Clears away what it has left on disk."""


class Ours(Team):
    """Every operation includes handing out what is to be written to the database; writing it is not the core's."""

    def __init__(self, clock: Clock, random: Random, suite: int) -> None:
        super().__init__(clock)
        self._random, self._suite, self._made = random, suite, 0
        self._ada = _core.Identity.generate()
        self._store = _core.MlsStore()
        device, certificate = self._kin()
        self._first = _core.Group.create(self._store, device, certificate, random.bytes(16), suite)

    def _kin(self) -> tuple[_core.Device, bytes]:
        """A device of the account that made the group: only such may join by itself."""
        device = _core.Device.generate()
        return device, self._ada.certify("ada", device.public_key, 1)

    def _stranger(self) -> tuple[_core.Device, bytes]:
        """A device of an account of its own."""
        device = _core.Device.generate()
        self._made += 1
        return device, _core.Identity.generate().certify(f"member{self._made}", device.public_key, 1)

    def _id(self) -> bytes:
        return self._random.bytes(16)

    def _add(self) -> None:
        (package,) = _core.generate_key_packages(_core.MlsStore(), *self._stranger(), self._suite, 1)
        self._first.commit_add([package], self._id())
        self._first.merge_pending()
        self._store.take_delta()

    def _join(self) -> None:
        device, certificate = self._kin()
        info, tree = self._first.group_info(), self._first.tree()
        self._other_store = _core.MlsStore()
        joining = _core.Group.external_commit(self._other_store, device, certificate, info, tree, self._id())
        self._apply(self._first, joining.commit)
        self._store.take_delta()
        self._second = _core.Group.adopt(self._other_store, device, joining.rows())
        self._other_store.take_delta()

    def _apply(self, group: _core.Group, commit: bytes) -> None:
        change = group.process(commit, barred=[])
        if not isinstance(change, _core.Change):
            raise TypeError("a commit of another is a change")
        group.merge(change)

    def _committed(self, operation: str, commit: Callable[[], _core.PendingCommit]) -> _core.PendingCommit:
        """One member commits, the other processes."""
        with self.timed(operation):
            pending = commit()
            self._first.merge_pending()
            delta = self._store.take_delta()
        self.sizes[f"{operation} commit"] = len(pending.commit)
        self.sizes[f"{operation} rows"] = sum(len(value or b"") for _, _, value in delta)
        with self.timed(f"process {operation}"):
            self._apply(self._second, pending.commit)
            self._other_store.take_delta()
        return pending

    def step(self) -> None:
        device, certificate = self._stranger()
        store = _core.MlsStore()
        (package,) = _core.generate_key_packages(store, device, certificate, self._suite, 1)
        store.take_delta()
        pending = self._committed("add", lambda: self._first.commit_add([package], self._id()))
        if pending.welcome is None:
            raise AssertionError("an add has a Welcome")
        tree = self._first.tree()
        self.sizes |= {"Welcome": len(pending.welcome), "tree": len(tree), "KeyPackage": len(package)}
        with self.timed("join"):
            _core.Group.join(store, device, pending.welcome, tree)
            store.take_delta()
        self._talk()
        self._committed("remove", lambda: self._first.commit_remove([device.public_key], self._id()))
        self._committed("update", lambda: self._first.commit_update(self._id()))

    def _talk(self) -> None:
        text, ids = self._random.bytes(TEXT), [self._id() for _ in range(BATCH)]
        messages = []
        with self.timed("encrypt", BATCH):
            for one in ids:
                messages.append(self._first.encrypt(text, one))
                delta = self._store.take_delta()
        self.sizes["message"] = len(messages[0])
        self.sizes["encrypt rows"] = sum(len(value or b"") for _, _, value in delta)
        with self.timed("decrypt", BATCH):
            for message in messages:
                self._second.process(message)
            self._second.flush()
            self._other_store.take_delta()


class Rine(Team):
    """What ours hands out as rows, rine-mls writes to files when it is told to `save`: they lie in memory here, where there is such a
    place. Without it a message would not be safe to send. It has no updates."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        module: Any,
        suite: int,
    ) -> None:
        super().__init__(clock)
        memory = Path("/dev/shm")  # noqa: S108  # a file system, not a predictable file
        self._folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self._random, self._module, self._suite, self._made = random, module, suite, 0
        self._first = self._client().create_group(random.bytes(16))

    def _add(self) -> None:
        self._first.add_member(self._client().generate_key_package())

    def _join(self) -> None:
        self._second = self._client().join_by_external_commit(self._first.group_info())
        self._first.apply_commit(self._second.last_commit().commit)

    def close(self) -> None:
        self._folder.cleanup()

    def _client(self) -> Any:
        self._made += 1
        root = Path(self._folder.name) / str(self._made)
        return self._module.MlsClient(str(root), self._random.bytes(32), self._suite)

    def step(self) -> None:
        client = self._client()
        package = client.generate_key_package()
        with self.timed("add"):
            bundle = self._first.add_member(package)
            self._first.save()
        self.sizes["add commit"] = len(bundle.commit)
        with self.timed("process add"):
            self._second.apply_commit(bundle.commit)
            self._second.save()
        self.sizes |= {"Welcome": len(bundle.welcomes[0]), "KeyPackage": len(package)}
        with self.timed("join"):
            joined = client.join_from_welcome(bundle.welcomes[0])
            joined.save()
        self._talk()
        with self.timed("remove"):
            bundle = self._first.remove_member(joined.current_member_index())
            self._first.save()
        self.sizes["remove commit"] = len(bundle.commit)
        with self.timed("process remove"):
            self._second.apply_commit(bundle.commit)
            self._second.save()

    def _talk(self) -> None:
        text, messages = self._random.bytes(TEXT), []
        with self.timed("encrypt", BATCH):
            for _ in range(BATCH):
                messages.append(self._first.encrypt_application_message(text))
                self._first.save()
        self.sizes["message"] = len(messages[0])
        with self.timed("decrypt", BATCH):
            for message in messages:
                self._second.decrypt_application_message(message)
            self._second.save()
