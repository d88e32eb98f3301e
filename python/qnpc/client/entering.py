"""Entering a node with a new device: what registering and logging in have in common.

The device's keys are durable before the node hears of them, so a crash at any point leaves either nothing at the node or a profile that can
prove itself: entering again with the same profile then finishes what was begun. A refusal leaves no profile behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from qnpc import _core, names, transport
from qnpc.client import profile as profiles
from qnpc.client.account import Account
from qnpc.client.capabilities import Online
from qnpc.client.session import keep_token, prove_device
from qnpc.client.upkeep import keep_reachable
from qnpc.client.vault import Kdf
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.link import NodeLink, join_address
from qnpc.ports import Ports
from qnpc.rpc import Peer, Remote
from qnpc.wire import (
    CONTEXT_ENROL_DEVICE,
    CONTEXT_ENROL_IDENTITY,
    NODE,
    WIRE_VERSION,
    Empty,
    Enrolment,
    Token,
    enrolment_statement,
    statement,
)

_log = logging.getLogger("qnpc.client.entering")

UNKNOWN = {Code.UNREACHABLE, Code.INTERNAL, Code.STORE_UNAVAILABLE, Code.SHUTTING_DOWN}
"""The node may have finished although its answer did not come: the profile stays, to find out next time."""


@dataclass(frozen=True, slots=True)
class Registered:
    """`node` is host:port, `device` the public key in hex."""

    username: str
    node: str
    tls_group: str
    device: str


@dataclass(frozen=True, slots=True)
class Stretching:
    """What a password costs: the vault's derivation, and OPAQUE's. None: the defaults."""

    vault: Kdf | None = None
    opaque: _core.Argon2 | None = None


@dataclass(slots=True)
class Entering:
    """One try. `begin` gets it with `peer` connected and makes the profile at the moment that suits it."""

    path: Path
    username: str
    link: NodeLink
    password: bytes = field(repr=False)
    unattended: bool
    ports: Ports
    limits: Limits
    cost: Stretching
    _profile: profiles.Profile | None = None
    _identity: _core.Identity | None = field(default=None, repr=False)
    _peer: Peer | None = None

    @property
    def peer(self) -> Peer:
        assert self._peer is not None  # noqa: S101 - there while `begin` runs
        return self._peer

    async def make_profile(self, identity: _core.Identity | None) -> tuple[Account, _core.Identity]:
        """A profile with a fresh device of this identity, or of a fresh one; the one that was begun, if there is one."""
        if self._profile is None:
            self._profile, self._identity = await profiles.create(
                self.path,
                self.ports,
                self.username,
                self.link,
                self._vault_password,
                self.cost.vault,
                identity,
            )
        elif self._identity is None:
            self._identity = await self.ports.jobs.run(profiles.identity_of, self.path, self._vault_password)
        return self._profile.account, self._identity

    async def run(self, begin: Callable[[Entering], Awaitable[tuple[Remote, Token]]]) -> Registered:
        """Raises what `begin` raises, and Error(USERNAME_INVALID, USAGE, PIN_MISMATCH, UNREACHABLE, PROFILE_BUSY)."""
        self.username = names.username(self.username, self.limits)
        if not self.password:
            raise Error(Code.USAGE, "the password is empty")
        existed = self.path.exists()
        begun = await self._find_begun()
        try:
            connection = await transport.connect(
                self.ports, (self.link.host, self.link.port), self.limits, pin=self.link.pin
            )
            self._peer = Peer(connection, self.limits)
            self._peer.start()
            try:
                async with asyncio.timeout(self.limits.call_timeout):
                    await self._require_version()
                    session, token = await (self._finish(begin) if begun else begin(self))
                    account = await self._confirm(token)
                self._peer.authenticated()
                await self._keep_reachable(Online(self._peer, session, (), connection.tls_group))
            except TimeoutError as error:
                raise Error(Code.UNREACHABLE, "the node does not answer in time") from error
            finally:
                self._peer.close()
                await self._peer.wait_closed()
            where = join_address(self.link.host, self.link.port)
            return Registered(self.username, where, connection.tls_group, account.device.hex())
        except Error as error:
            profile = self._profile
            if profile is not None and not profile.registered and error.kind not in UNKNOWN and not begun:
                self._profile = None
                await profile.close()
                profiles.discard(self.path, directory=not existed)
            raise
        finally:
            if self._profile is not None:
                await self._profile.close()

    @property
    def _vault_password(self) -> bytes | None:
        return None if self.unattended else self.password

    async def _find_begun(self) -> bool:
        """Whether an entering was begun here and never confirmed. Raises Error(USAGE) if one is complete."""
        if not profiles.exists(self.path):
            return False
        if not profiles.is_whole(self.path):  # it broke before anything was told to a node
            profiles.discard(self.path, directory=False)
            return False
        profile = await profiles.load(self.path, self.ports, self._vault_password)
        if not profile.registered and profile.account.username == self.username:
            self._profile = profile
            return True
        await profile.close()
        if profile.registered:
            raise Error(
                Code.USAGE, f"there is a profile at {self.path} already, of {profile.account.username}"
            )
        profiles.discard(self.path, directory=False)
        return False

    async def _require_version(self) -> None:
        info = (await self.peer.call(self.peer.bootstrap(), NODE.info, Empty())).info
        if info.wire != WIRE_VERSION:
            raise Error(Code.UNSUPPORTED_VERSION)

    async def _finish(
        self, begin: Callable[[Entering], Awaitable[tuple[Remote, Token]]]
    ) -> tuple[Remote, Token]:
        """The node may know this device already: its key tells. Otherwise it is begun again."""
        account, _ = await self.make_profile(None)
        try:
            return await prove_device(self.peer, self.peer.bootstrap(), account)
        except Error as error:
            if error.kind in UNKNOWN:
                raise
        return await begin(self)

    async def _confirm(self, token: Token) -> Account:
        assert self._profile is not None  # noqa: S101 - `begin` made it
        await self._profile.state.run(partial(keep_token, token=token))
        await self._profile.confirm()
        return self._profile.account

    async def _keep_reachable(self, online: Online) -> None:
        """The account is there: what fails now is done by the next session."""
        assert self._profile is not None  # noqa: S101 - as above
        try:
            async with asyncio.timeout(self.limits.call_timeout):
                await keep_reachable(self.limits, self._profile.account, self._profile.state, online)
        except (Error, TimeoutError) as error:
            _log.warning("upkeep failed: %s", error)


def enrolment(account: Account, identity: _core.Identity, challenge: bytes) -> Enrolment:
    """Both keys sign the node's challenge."""
    signed = enrolment_statement(
        account.node.pin, challenge, account.username, account.identity_key, account.device
    )
    return Enrolment(
        account.identity_key,
        account.keys.certificate,
        identity.sign(CONTEXT_ENROL_IDENTITY, signed),
        account.keys.device.sign(CONTEXT_ENROL_DEVICE, signed),
    )


def seal_identity(username: str, identity: _core.Identity, export_key: bytes) -> bytes:
    """For recovery: the identity's secret under OPAQUE's export key, so that the password alone opens it."""
    return _core.Aead(export_key[:32]).seal(identity.secret(), _sealed_for(username))


def open_identity(username: str, sealed: bytes, export_key: bytes) -> _core.Identity:
    """Raises Error(IDENTITY_MISMATCH): what the node kept is not what was sealed."""
    try:
        seed = _core.Aead(export_key[:32]).open(sealed, _sealed_for(username))
        return _core.Identity.from_secret(seed)
    except _core.Panicked:
        raise
    except _core.CoreError as error:
        raise Error(Code.IDENTITY_MISMATCH, "the node keeps no identity that this password opens") from error


def _sealed_for(username: str) -> bytes:
    return statement(b"sealed identity", username.encode())
