"""Registering: an account and its first device at a node, and the profile that holds them."""

from __future__ import annotations

from pathlib import Path

from qnpc import _core
from qnpc.client.capabilities import remote
from qnpc.client.entering import Entering, Registered, Stretching, enrolment, seal_identity
from qnpc.limits import DEFAULT, Limits
from qnpc.link import NodeLink
from qnpc.ports import Ports
from qnpc.rpc import Remote
from qnpc.wire import NODE, OPAQUE_SERVER, REGISTRATION, NodeRegisterParams, RegistrationFinishParams, Token


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
    entering = Entering(path, username, link, password, unattended, ports, limits, cost)
    return await entering.run(_register)


async def _register(this: Entering) -> tuple[Remote, Token]:
    """OPAQUE registration (RFC 9807, 5); the node stores what its last message brings in one transaction."""
    account, identity = await this.make_profile(None)
    run, peer = this.ports.jobs.run, this.peer
    opaque = await run(_core.OpaqueClientRegistration, this.password)
    asked = NodeRegisterParams(account.username, opaque.request, this.link.invite or b"")
    started = await peer.call(peer.bootstrap(), NODE.register, asked)
    upload, export_key = await run(
        opaque.finish, started.response, account.username, OPAQUE_SERVER, this.cost.opaque
    )
    params = RegistrationFinishParams(
        upload,
        enrolment(account, identity, started.challenge),
        seal_identity(account.username, identity, export_key),
    )
    results = await peer.call(remote(started.registration), REGISTRATION.finish, params)
    return remote(results.session), results.token
