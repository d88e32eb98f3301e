"""Logging in: a further device of an account, by its password alone.

The identity key comes from the node, sealed under what only the password gives; the node never sees either. A wrong password and an
unknown name fail alike, and here: the node's answers do not differ.
"""

from __future__ import annotations

from pathlib import Path

from qnpc import _core
from qnpc.client.capabilities import remote
from qnpc.client.entering import Entering, Registered, Stretching, enrolment, open_identity
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits
from qnpc.link import NodeLink
from qnpc.ports import Ports
from qnpc.rpc import Remote
from qnpc.wire import (
    ENROL,
    LOGIN,
    NODE,
    OPAQUE_SERVER,
    EnrolDeviceParams,
    LoginFinishParams,
    NodeLoginParams,
    Token,
)


async def login(
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
    """Makes the profile at `path` with a new device of the account; groups have to invite it.

    Raises Error(LOGIN_FAILED, TOO_MANY_LOGINS, IDENTITY_MISMATCH, USAGE, PIN_MISMATCH, UNREACHABLE, PROFILE_BUSY)."""
    cost = stretching or Stretching()
    entering = Entering(path, username, link, password, unattended, ports, limits, cost)
    return await entering.run(_login)


async def _login(this: Entering) -> tuple[Remote, Token]:
    """OPAQUE login (RFC 9807, 6), then the enrolment of a fresh device under the account's identity."""
    run, peer = this.ports.jobs.run, this.peer
    opaque = await run(_core.OpaqueClientLogin, this.password)
    started = await peer.call(peer.bootstrap(), NODE.login, NodeLoginParams(this.username, opaque.request))
    try:
        ke3, _, export_key = await run(
            opaque.finish, started.response, this.username, OPAQUE_SERVER, this.cost.opaque
        )
    except (_core.NotAuthentic, _core.Malformed) as error:
        raise Error(Code.LOGIN_FAILED) from error
    finished = await peer.call(remote(started.login), LOGIN.finish, LoginFinishParams(ke3))
    identity = open_identity(this.username, finished.sealed_identity, export_key)
    account, identity = await this.make_profile(identity)
    params = EnrolDeviceParams(enrolment(account, identity, finished.challenge))
    results = await peer.call(remote(finished.enrol), ENROL.device, params)
    return remote(results.session), results.token
