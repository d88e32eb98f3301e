"""A node's directory: which files are in it, who may serve it, and what others may know of the node that does.

node.json        where it listens and how it is pinned, for the commands of the same machine; no secret
node.lock        held for as long as a node serves this directory: two never do
node.db          the store, unless the configuration puts it elsewhere: then its lock is beside it
server-cert.pem, server-key.pem    likewise
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnpc.errors import Code, Error
from qnpc.files import FileLock, make_private_directory, write_private

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Notice:
    """What node.json says. `listen` and `public` are "host:port", `pin` 32 bytes, `pid` None when no node serves.
    `database`: the store's file, absolute, where it is not the directory's own."""

    listen: str
    public: str
    pin: bytes
    pid: int | None
    database: Path | None = None


@dataclass(frozen=True, slots=True)
class DataDir:
    path: Path

    @property
    def certificate(self) -> Path:
        return self.path / "server-cert.pem"

    @property
    def key(self) -> Path:
        return self.path / "server-key.pem"

    @property
    def database(self) -> Path:
        return self.path / "node.db"

    @property
    def _notice(self) -> Path:
        return self.path / "node.json"

    def lock(self) -> FileLock:
        """Makes the directory if there is none, and takes the lock. Raises Error(BAD_REQUEST)."""
        return _held(self.path / "node.lock", self.path)

    def publish(self, notice: Notice) -> None:
        """Replaces node.json. Raises Error(BAD_REQUEST)."""
        said = {
            "v": FORMAT,
            "listen": notice.listen,
            "public": notice.public,
            "pin": notice.pin.hex(),
            "pid": notice.pid,
            "database": None if notice.database is None else str(notice.database),
        }
        try:
            write_private(self._notice, json.dumps(said).encode() + b"\n")
        except OSError as error:
            raise Error(Code.BAD_REQUEST, f"{self._notice} cannot be written: {error.strerror}") from None

    def notice(self) -> Notice:
        """Raises Error(NOT_FOUND) if no node ever served here, Error(UNSUPPORTED_VERSION), Error(BAD_REQUEST)."""
        try:
            said: Any = json.loads(self._notice.read_bytes())
            if said["v"] != FORMAT:
                raise Error(Code.UNSUPPORTED_VERSION, f"{self._notice} is of another version")
            pid, database = said["pid"], said.get("database")
            return Notice(
                str(said["listen"]),
                str(said["public"]),
                bytes.fromhex(said["pin"]),
                None if pid is None else int(pid),
                None if database is None else Path(database),
            )
        except FileNotFoundError:
            raise Error(
                Code.NOT_FOUND, f"no node has served {self.path} yet: start one with `qnpc serve`"
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise Error(Code.BAD_REQUEST, f"{self._notice} cannot be read") from None


def lock_database(path: Path) -> FileLock:
    """For a database that is not in its node's directory: two directories could name the same one. Raises Error(BAD_REQUEST)."""
    return _held(path.with_name(f"{path.name}.lock"), path)


def _held(lock_path: Path, what: Path) -> FileLock:
    lock = FileLock(lock_path)
    try:
        make_private_directory(lock_path.parent)
        taken = lock.acquire()
    except OSError as error:
        raise Error(Code.BAD_REQUEST, f"{what} cannot be used: {error.strerror}") from None
    if not taken:
        raise Error(Code.BAD_REQUEST, f"a node serves {what} already")
    return lock
