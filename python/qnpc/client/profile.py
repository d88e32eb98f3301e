"""A profile directory: the lock, the vault and the database, opened together and closed together.

Nothing outside the directory is touched. Whoever holds the lock is the only process that changes it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from qnpc import _core
from qnpc.client.account import Account
from qnpc.client.state import STATE, Keys, State
from qnpc.client.vault import KEY_FILE, VAULT, Kdf, Secrets, has_vault, open_vault, write_vault
from qnpc.errors import Code, Error
from qnpc.files import FileLock, make_private_directory, sync_directory
from qnpc.link import NodeLink
from qnpc.link import parse as parse_link
from qnpc.ports import Ports

_LOCK = "lock"
_REGISTERED = "registered"  # a setting: there once the node has confirmed


@dataclass(slots=True)
class Profile:
    """An open profile. `registered` is False while its registration has not been confirmed."""

    path: Path
    account: Account
    state: State
    registered: bool
    lock: FileLock

    async def close(self) -> None:
        try:
            await self.state.close()
        finally:
            self.lock.release()

    async def confirm(self) -> None:
        """The node knows this device."""
        await self.state.run(lambda tx: tx.set_meta(_REGISTERED, b"1"))
        self.registered = True


def exists(path: Path) -> bool:
    return has_vault(path)


async def create(
    path: Path,
    ports: Ports,
    username: str,
    node: NodeLink,
    password: bytes | None,
    kdf: Kdf | None = None,
    identity: _core.Identity | None = None,
) -> tuple[Profile, _core.Identity]:
    """Fresh keys, made durable before anybody hears of them. `password` None: the key lies in a file; `identity` None: a
    new account's.

    Raises Error(PROFILE_BUSY, USAGE)."""
    lock = _lock(path)
    try:
        if has_vault(path):
            raise Error(Code.USAGE, f"there is a profile at {path} already")
        identity = identity or _core.Identity.generate()
        device, hybrid = _core.Device.generate(), _core.HybridKey.generate()
        created = int(ports.clock.now() * 1000)
        certificate = identity.certify(username, device.public_key, created)
        node = node.without_invite
        secrets = Secrets(
            identity.secret(),
            device.secret(),
            hybrid.secret(),
            ports.random.bytes(32),
            certificate,
            str(node).encode(),
        )
        await ports.jobs.run(write_vault, path, secrets, password, ports.random, kdf)
        keys = Keys(device, hybrid, certificate)
        state = await State.open(ports, path, keys, secrets.database)
        account = Account(username, node, identity.public_key, keys)
        return Profile(path, account, state, False, lock), identity
    except BaseException:
        lock.release()
        raise


async def load(path: Path, ports: Ports, password: bytes | None) -> Profile:
    """Raises Error(NO_PROFILE, PASSPHRASE_WRONG, VAULT_DAMAGED, PROFILE_BUSY)."""
    if not has_vault(path):
        raise Error(Code.NO_PROFILE, f"there is no profile at {path}")
    if not is_whole(path):
        raise Error(Code.VAULT_DAMAGED, f"the profile's database, {path / STATE}, is missing")
    lock = _lock(path)
    try:
        secrets = await ports.jobs.run(open_vault, path, password)
        certificate = _core.Certificate.parse(secrets.certificate)
        keys = Keys(
            _core.Device.from_secret(secrets.device),
            _core.HybridKey.from_secret(secrets.hybrid),
            secrets.certificate,
        )
        node = parse_link(secrets.node.decode())
        account = Account(certificate.username, node, certificate.identity_key, keys)
        state = await State.open(ports, path, keys, secrets.database)
        try:
            registered = await state.run(lambda tx: tx.meta(_REGISTERED)) is not None
        except BaseException:
            await state.close()
            raise
        return Profile(path, account, state, registered, lock)
    except BaseException:
        lock.release()
        raise


def identity_of(path: Path, password: bytes | None) -> _core.Identity:
    """The account's identity key, for the moments that need it; blocks. Raises as `open_vault`."""
    return _core.Identity.from_secret(open_vault(path, password).identity)


def is_whole(path: Path) -> bool:
    return has_vault(path) and (path / STATE).is_file()


def discard(path: Path, *, directory: bool) -> None:
    """Removes a profile whose registration was refused; `directory`: its folder too, if nothing else is in it."""
    for name in (STATE, f"{STATE}-wal", f"{STATE}-shm", KEY_FILE, VAULT, _LOCK):
        (path / name).unlink(missing_ok=True)
    sync_directory(path)
    if directory:
        with contextlib.suppress(OSError):
            path.rmdir()


def _lock(path: Path) -> FileLock:
    try:
        make_private_directory(path)
        lock = FileLock(path / _LOCK)
        if lock.acquire():
            return lock
    except OSError as error:
        raise Error(Code.USAGE, f"the profile at {path} cannot be used: {error.strerror}") from error
    raise Error(Code.PROFILE_BUSY)
