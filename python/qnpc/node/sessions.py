"""Sessions: what a token opens, and how a device renews one by its key.

A session is a capability around a device and the public id of a token; whether both still stand is asked of the store at each call. A
challenge is answered for any key, and its failure says no more than that it failed, so that nobody learns which devices exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from qnpc._core import Malformed, NotAuthentic, verify
from qnpc.errors import Code, Error
from qnpc.node import bearer
from qnpc.node.checks import DEVICE_BYTES, exactly
from qnpc.node.dispatch import NodeCap, ProofCap, SessionCap, Visitor
from qnpc.node.live import check_live
from qnpc.node.services import Services
from qnpc.node.store.contract import Actor, IssueToken, Logout, NewToken, Store, StoredToken
from qnpc.wire import (
    CONTEXT_CHALLENGE,
    Empty,
    NodeChallengeParams,
    NodeChallengeResults,
    NodeResumeParams,
    NodeResumeResults,
    ProofFinishParams,
    ProofFinishResults,
    Token,
    challenge_statement,
)

log = structlog.get_logger("qnpc.node")

NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token, as it is stored and as it is handed out."""

    stored: NewToken
    wire: Token


def issue(services: Services) -> Issued:
    minted = bearer.mint(bearer.TOKEN, services.ports.random)
    expires = services.now() + int(services.limits.token_ttl * 1000)
    return Issued(NewToken(minted.id, minted.hash, expires), Token(bytes(minted), expires))


def open_session(visitor: Visitor, device: bytes, token: NewToken) -> SessionCap:
    """What a token stands for, on this connection."""
    actor = Actor(device, token.id)
    visitor.opened(actor, token.expires)
    return SessionCap(visitor, actor, token.expires)


async def resume(node: NodeCap, params: NodeResumeParams) -> NodeResumeResults:
    """E005 for any token that does not stand, whatever the reason; E022 for one whose device was revoked."""
    services = node.services
    shown = bearer.split(bearer.TOKEN, params.token)
    if shown is None:
        raise Error(Code.SESSION_EXPIRED)
    token = await services.query(_find_token, shown, services.now())
    session = open_session(node.visitor, token.device, NewToken(token.id, token.hash, token.expires))
    return NodeResumeResults(session, token.expires)


def _find_token(store: Store, shown: bearer.Bearer, now: int) -> StoredToken:
    token = store.token(shown.id)
    if token is None or not shown.matches(token.hash):
        raise Error(Code.SESSION_EXPIRED)
    check_live(store, Actor(token.device, token.id), now)
    return token


async def challenge(node: NodeCap, params: NodeChallengeParams) -> NodeChallengeResults:
    services = node.services
    device = exactly(DEVICE_BYTES, params.device, "a device's key")
    nonce = services.ports.random.bytes(NONCE_BYTES)
    deadline = services.monotonic() + services.limits.pending_login_ttl
    return NodeChallengeResults(nonce, ProofCap(node.visitor, device, nonce, deadline))


async def finish_proof(cap: ProofCap, params: ProofFinishParams) -> ProofFinishResults:
    """A new token for a device that signed the nonce."""
    services = cap.services
    nonce, cap.nonce = cap.nonce, None
    if nonce is None or services.monotonic() >= cap.deadline:
        raise Error(Code.SESSION_EXPIRED, "this took too long or was used before: start again")
    statement = challenge_statement(services.pin, nonce, cap.device)
    try:
        await services.ports.jobs.run(verify, cap.device, CONTEXT_CHALLENGE, statement, params.signature)
    except (Malformed, NotAuthentic):
        raise _proof_failed() from None
    token = issue(services)
    try:
        await services.writer.submit(IssueToken(cap.device, token.stored))
    except Error as error:
        if error.kind is Code.NOT_FOUND:
            raise _proof_failed() from None
        raise
    log.info("session.renewed", device=cap.device[:4].hex())
    return ProofFinishResults(open_session(cap.visitor, cap.device, token.stored), token.wire)


def _proof_failed() -> Error:
    return Error(Code.LOGIN_FAILED, "the device's proof opens no session: log in with the password")


async def logout(session: SessionCap, params: Empty) -> Empty:
    """The token is gone, nothing more is pushed to what came with it, and its connection ends if it has no other session."""
    session.services.fanout.end_session(session.actor)
    await session.services.writer.submit(Logout(session.actor))
    session.visitor.ends_after_answer(session.actor)
    return Empty()
