"""Registering: an account and its first device at a node, and the profile that holds them.

The keys are durable before the node hears of them, so a crash at any point leaves either nothing at the node or a profile that can prove
itself: registering again with the same profile then finishes what was begun.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from qnpc import _core, names, transport
from qnpc.client import profile as profiles
from qnpc.client.account import Account
from qnpc.client.connection import Online, keep_token, prove_device, remote
from qnpc.client.upkeep import keep_reachable
from qnpc.client.vault import Kdf
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits
from qnpc.link import NodeLink, join_address
from qnpc.ports import Ports
from qnpc.rpc import Peer, Remote
from qnpc.wire import (
    CONTEXT_ENROL_DEVICE,
    CONTEXT_ENROL_IDENTITY,
    NODE,
    REGISTRATION,
    WIRE_VERSION,
    Empty,
    Enrolment,
    NodeRegisterParams,
    RegistrationFinishParams,
    Token,
    enrolment_statement,
    statement,
)


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


async def register(
    path: Path,
    username: str,
    link: NodeLink,
    password: bytes,
    *,
    unattended: bool,
    ports: Ports,
    limits: Limits = DEFAULT,
    stretching: Stretching | None = None,
) -> Registered:
    """Makes the profile at `path`. `unattended`: it opens without a password from now on.

    Raises Error(USERNAME_INVALID, AUTH_REQUIRED, USERNAME_TAKEN, USAGE, PIN_MISMATCH, UNREACHABLE, PROFILE_BUSY)."""
    cost = stretching or Stretching()
    username = names.username(username, limits)
    if not password:
        raise Error(Code.USAGE, "the password is empty")
    vault_password = None if unattended else password
    profile = await _unconfirmed(path, ports, username, vault_password)
    begun = profile is not None
    identity: _core.Identity | None = None
    try:
        connection = await transport.connect(ports, (link.host, link.port), limits, pin=link.pin)
        if profile is None:
            profile, identity = await profiles.create(path, ports, username, link, vault_password, cost.vault)
        else:
            identity = await ports.jobs.run(profiles.identity_of, path, vault_password)
        peer = Peer(connection, limits)
        peer.start()
        try:
            enrolling = _Enrolling(peer, ports, profile.account, identity, link, password, cost.opaque)
            session, token = await (_finish_begun(enrolling) if begun else _enrol(enrolling))
            await profile.state.run(partial(keep_token, token=token))
            await profile.confirm()
            peer.authenticated()
            online = Online(peer, session, (), connection.tls_group)
            await keep_reachable(limits, profile.account, profile.state, online)
        finally:
            peer.close()
            await peer.wait_closed()
        account = profile.account
        where = join_address(link.host, link.port)
        return Registered(username, where, connection.tls_group, account.device.hex())
    except Error as error:
        if profile is not None and not profile.registered and error.kind not in _UNKNOWN and not begun:
            await profile.close()
            profile = None
            profiles.discard(path)
        raise
    finally:
        if profile is not None:
            await profile.close()


# The node may have finished although its answer did not come: the profile stays, to find out next time.
_UNKNOWN = {Code.UNREACHABLE, Code.INTERNAL, Code.STORE_UNAVAILABLE, Code.SHUTTING_DOWN}


async def _unconfirmed(
    path: Path, ports: Ports, username: str, password: bytes | None
) -> profiles.Profile | None:
    """The profile of a registration that was begun here and never confirmed. Raises Error(USAGE) for one that is complete."""
    if not profiles.exists(path):
        return None
    profile = await profiles.load(path, ports, password)
    if not profile.registered and profile.account.username == username:
        return profile
    await profile.close()
    if profile.registered:
        raise Error(Code.USAGE, f"there is a profile at {path} already, of {profile.account.username}")
    profiles.discard(path)
    return None


@dataclass(frozen=True, slots=True)
class _Enrolling:
    peer: Peer
    ports: Ports
    account: Account
    identity: _core.Identity
    link: NodeLink
    password: bytes = field(repr=False)
    argon2: _core.Argon2 | None


async def _finish_begun(this: _Enrolling) -> tuple[Remote, Token]:
    """The node may know this device already: its key tells. Otherwise the registration is made again."""
    try:
        return await prove_device(this.peer, this.peer.bootstrap(), this.account)
    except Error as error:
        if error.kind in _UNKNOWN:
            raise
    return await _enrol(this)


async def _enrol(this: _Enrolling) -> tuple[Remote, Token]:
    peer, account, run = this.peer, this.account, this.ports.jobs.run
    node = peer.bootstrap()
    info = (await peer.call(node, NODE.info, Empty())).info
    if info.wire != WIRE_VERSION:
        raise Error(Code.UNSUPPORTED_VERSION)
    opaque = await run(_core.OpaqueClientRegistration, this.password)
    asked = NodeRegisterParams(account.username, opaque.request, this.link.invite or b"")
    started = await peer.call(node, NODE.register, asked)
    upload, export_key = await run(
        opaque.finish, started.response, account.username, this.link.pin, this.argon2
    )
    params = RegistrationFinishParams(
        upload,
        _enrolment(account, this.identity, started.challenge),
        _sealed_identity(account, this.identity, export_key),
    )
    results = await peer.call(remote(started.registration), REGISTRATION.finish, params)
    return remote(results.session), results.token


def _enrolment(account: Account, identity: _core.Identity, challenge: bytes) -> Enrolment:
    signed = enrolment_statement(
        account.node.pin, challenge, account.username, account.identity_key, account.device
    )
    return Enrolment(
        account.identity_key,
        account.keys.certificate,
        identity.sign(CONTEXT_ENROL_IDENTITY, signed),
        account.keys.device.sign(CONTEXT_ENROL_DEVICE, signed),
    )


def _sealed_identity(account: Account, identity: _core.Identity, export_key: bytes) -> bytes:
    """For recovery: the identity's secret under OPAQUE's export key, so that the password alone opens it."""
    bound = statement(b"sealed identity", account.node.pin, account.username.encode())
    return _core.Aead(export_key[:32]).seal(identity.secret(), bound)
