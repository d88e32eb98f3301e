"""A node's directory: which files are in it, who may serve it, and what others may know of the node that does.

node.json        where it listens and how it is pinned, for the commands of the same machine; no secret
node.lock        held for as long as a node serves this directory: two never do
node.db          the store
server-cert.pem, server-key.pem
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
    """What node.json says. `listen` and `public` are "host:port", `pin` 32 bytes, `pid` None when no node serves."""

    listen: str
    public: str
    pin: bytes
    pid: int | None


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
        lock = FileLock(self.path / "node.lock")
        try:
            make_private_directory(self.path)
            taken = lock.acquire()
        except OSError as error:
            raise Error(Code.BAD_REQUEST, f"{self.path} cannot be used: {error.strerror}") from None
        if not taken:
            raise Error(Code.BAD_REQUEST, f"a node serves {self.path} already")
        return lock

    def publish(self, notice: Notice) -> None:
        """Replaces node.json. Raises Error(BAD_REQUEST)."""
        said = {
            "v": FORMAT,
            "listen": notice.listen,
            "public": notice.public,
            "pin": notice.pin.hex(),
            "pid": notice.pid,
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
            pid = said["pid"]
            return Notice(
                str(said["listen"]),
                str(said["public"]),
                bytes.fromhex(said["pin"]),
                None if pid is None else int(pid),
            )
        except FileNotFoundError:
            raise Error(
                Code.NOT_FOUND, f"no node has served {self.path} yet: start one with `qnpc serve`"
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise Error(Code.BAD_REQUEST, f"{self._notice} cannot be read") from None
