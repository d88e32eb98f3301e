"""The authentication service: registering, logging in with a password, and binding a device to its account.

The password never comes here: OPAQUE (RFC 9807) runs in two steps, and between them the node holds a slot of the pending table. An
unknown name is answered like a known one. What binds is one store transaction, which checks name, invite and keys again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from qnpc import names
from qnpc._core import Malformed, NotAuthentic, OpaqueServerLogin
from qnpc.errors import Code, Error
from qnpc.node import bearer
from qnpc.node.dispatch import EnrolCap, LoginCap, NodeCap, RegistrationCap
from qnpc.node.enrolment import check_enrolment
from qnpc.node.sessions import issue, open_session
from qnpc.node.store.contract import Account, BindDevice, Register, Store
from qnpc.wire import (
    OPAQUE_SERVER,
    EnrolDeviceParams,
    EnrolDeviceResults,
    LoginFinishParams,
    LoginFinishResults,
    NodeLoginParams,
    NodeLoginResults,
    NodeRegisterParams,
    NodeRegisterResults,
    RegistrationFinishParams,
    RegistrationFinishResults,
)

log = structlog.get_logger("qnpc.node")

CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Registering:
    username: str
    challenge: bytes
    invite: bearer.Bearer = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggingIn:
    username: str
    state: OpaqueServerLogin


@dataclass(frozen=True, slots=True)
class Enrolling:
    username: str
    challenge: bytes


async def register(node: NodeCap, params: NodeRegisterParams) -> NodeRegisterResults:
    """Begins a registration. A bad invite and a taken name are refused here already, and again when it is finished."""
    services = node.services
    username = names.username(params.username, services.limits)
    invite = bearer.split(bearer.INVITE, params.invite)
    if invite is None:
        raise _no_invite()
    await services.query(_may_register, username, invite, services.now())
    slot = services.pending.hold(node.visitor.address, services.monotonic())
    try:
        response = services.opaque.registration_response(username, params.request)
    except Malformed:
        slot.free()
        raise Error(Code.BAD_REQUEST, "the registration request cannot be read") from None
    challenge = services.ports.random.bytes(CHALLENGE_BYTES)
    slot.held = Registering(username, challenge, invite)
    return NodeRegisterResults(response, challenge, RegistrationCap(node.visitor, slot))


def _may_register(store: Store, username: str, invite: bearer.Bearer, now: int) -> None:
    # The invite first: without one, nobody learns which names exist.
    stored = store.invite(invite.id)
    if stored is None or not invite.matches(stored.hash):
        raise _no_invite()
    if stored.left == 0 or (stored.expires is not None and stored.expires <= now):
        raise _no_invite()
    if store.account(username) is not None:
        raise Error(Code.USERNAME_TAKEN)


def _no_invite() -> Error:
    return Error(Code.AUTH_REQUIRED, "the invite is unknown, spent or expired")


async def finish_registration(
    cap: RegistrationCap, params: RegistrationFinishParams
) -> RegistrationFinishResults:
    """Account, device, inbox and token in one transaction, which spends the invite."""
    services = cap.services
    begun = cap.slot.take(services.monotonic())
    if len(params.sealed_identity) > services.limits.sealed_identity:
        raise Error(Code.TOO_LARGE, "the sealed identity is larger than allowed")
    try:
        record = services.opaque.registration_record(params.record)
    except Malformed:
        raise Error(Code.BAD_REQUEST, "the registration record cannot be read") from None
    now = services.now()
    device = await services.ports.jobs.run(
        check_enrolment, services.pin, begun.challenge, begun.username, params.enrolment, now
    )
    token = issue(services)
    await services.writer.submit(
        Register(
            username=begun.username,
            record=record,
            identity_key=params.enrolment.identity_key,
            sealed_identity=params.sealed_identity,
            device=device,
            token=token.stored,
            invite_id=begun.invite.id,
            invite_hash=begun.invite.hash,
            now=now,
        )
    )
    log.info("account.registered", device=device.device[:4].hex())
    return RegistrationFinishResults(open_session(cap.visitor, device.device, token.stored), token.wire)


async def login(node: NodeCap, params: NodeLoginParams) -> NodeLoginResults:
    """Begins a login. Bounded before anything is computed; a name that nobody has gets an answer of the same shape."""
    services = node.services
    username = names.username(params.username, services.limits)
    slot = services.pending.hold(node.visitor.address, services.monotonic())

    def start(store: Store) -> tuple[bytes, OpaqueServerLogin]:
        account = store.account(username)
        record = None if account is None else account.record
        return services.opaque.start_login(username, record, params.request, OPAQUE_SERVER)

    try:
        response, state = await services.query(start)
    except Malformed:
        slot.free()
        raise Error(Code.BAD_REQUEST, "the login request cannot be read") from None
    except BaseException:
        slot.free()
        raise
    slot.held = LoggingIn(username, state)
    return NodeLoginResults(response, LoginCap(node.visitor, slot))


async def finish_login(cap: LoginCap, params: LoginFinishParams) -> LoginFinishResults:
    """The password was right, or E006. What the identity key is sealed in goes back only now."""
    services = cap.services
    begun = cap.slot.take(services.monotonic())
    try:
        begun.state.finish(params.ke3)
    except Malformed:
        raise Error(Code.BAD_REQUEST, "the login's last message cannot be read") from None
    except NotAuthentic:
        raise Error(Code.LOGIN_FAILED) from None
    account = await services.query(_account, begun.username)
    if account is None:
        raise Error(Code.LOGIN_FAILED)
    slot = services.pending.hold(cap.visitor.address, services.monotonic())
    challenge = services.ports.random.bytes(CHALLENGE_BYTES)
    slot.held = Enrolling(begun.username, challenge)
    return LoginFinishResults(challenge, EnrolCap(cap.visitor, slot), account.sealed_identity)


async def enrol_device(cap: EnrolCap, params: EnrolDeviceParams) -> EnrolDeviceResults:
    """Binds the device to the account, if it is shown to be of the account's identity key; E009 otherwise."""
    services = cap.services
    begun = cap.slot.take(services.monotonic())
    now = services.now()
    device = await services.ports.jobs.run(
        check_enrolment, services.pin, begun.challenge, begun.username, params.enrolment, now
    )
    token = issue(services)
    await services.writer.submit(
        BindDevice(
            username=begun.username,
            identity_key=params.enrolment.identity_key,
            device=device,
            token=token.stored,
            now=now,
        )
    )
    log.info("device.enrolled", device=device.device[:4].hex())
    return EnrolDeviceResults(open_session(cap.visitor, device.device, token.stored), token.wire)


def _account(store: Store, username: str) -> Account | None:
    return store.account(username)
