"""What the node's host does to it from the same machine. It works on the store itself, whether a node is running or not."""

from __future__ import annotations

from pathlib import Path

from qnpc import link
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits
from qnpc.node import bearer
from qnpc.node.datadir import DataDir
from qnpc.node.store.contract import CreateInvite
from qnpc.node.store.sqlite import SqliteStore
from qnpc.ports import Ports


async def create_invite(
    data_dir: Path,
    uses: int | None,
    expires_seconds: float | None,
    ports: Ports,
    *,
    limits: Limits = DEFAULT,
    key: bytes | str | None = None,
) -> link.NodeLink:
    """A link with a new invite. `uses` None: without limit; `expires_seconds` None: after `limits.invite_ttl`; `key`: of the
    database, if it is encrypted. Where the database is, the node has left in `data_dir`.

    Raises Error(NOT_FOUND) if no node ever served `data_dir`, Error(BAD_REQUEST), Error(STORE_UNAVAILABLE)."""
    ttl = limits.invite_ttl if expires_seconds is None else expires_seconds
    if (uses is not None and uses < 1) or ttl <= 0:
        raise Error(Code.BAD_REQUEST, "an invite has at least one use, and some time left")
    directory = DataDir(data_dir)
    notice = directory.notice()
    host, port = link.split_address(notice.public)
    invite = bearer.mint(bearer.INVITE, ports.random)
    item = CreateInvite(invite.id, invite.hash, uses, int((ports.clock.now() + ttl) * 1000))

    def write() -> object:
        store = SqliteStore.open(notice.database or directory.database, random=ports.random, key=key)
        try:
            return store.commit([item])[0]
        finally:
            store.close()

    outcome = await ports.jobs.run(write)
    if isinstance(outcome, Exception):
        raise outcome
    return link.NodeLink(host, port, notice.pin, bytes(invite))


async def declare_restored(data_dir: Path, ports: Ports, *, key: bytes | str | None = None) -> None:
    """For a store that was put back from a copy: what was said since is gone from it, and from now on its clients can tell.

    Raises Error(NOT_FOUND) if no node ever served `data_dir`, Error(BAD_REQUEST) while one does, Error(STORE_UNAVAILABLE)."""
    directory = DataDir(data_dir)
    database = directory.notice().database or directory.database

    def write() -> None:
        with directory.lock():
            store = SqliteStore.open(database, random=ports.random, key=key)
            try:
                store.renew_incarnation()
            finally:
                store.close()

    await ports.jobs.run(write)
