"""A session at the node: from the stored token or, when that has expired, from the device's key; never from a password."""

from __future__ import annotations

from qnpc.client.account import Account
from qnpc.client.capabilities import remote
from qnpc.client.state import State, Transaction
from qnpc.errors import Code, Error
from qnpc.ports import Ports
from qnpc.rpc import Peer, Remote
from qnpc.wire import (
    CONTEXT_CHALLENGE,
    NODE,
    PROOF,
    WIRE_VERSION,
    Empty,
    NodeChallengeParams,
    NodeResumeParams,
    ProofFinishParams,
    Token,
    challenge_statement,
)

_TOKEN = "token"  # noqa: S105 - the name of a setting
_TOKEN_EXPIRES = "token_expires"  # noqa: S105 - the name of a setting
_RENEW_BEFORE = 60_000  # ms


async def begin(peer: Peer, ports: Ports, account: Account, state: State) -> tuple[Remote, bool]:
    """The session, and whether its token is new. Raises Error(UNSUPPORTED_VERSION) and what the node refuses with."""
    node = peer.bootstrap()
    info = peer.start_call(node, NODE.info, Empty())
    try:
        resumed = await _resume(peer, node, ports, state)
        session = resumed or await _prove(peer, node, account, state)
        if (await info).info.wire != WIRE_VERSION:
            raise Error(Code.UNSUPPORTED_VERSION)
    finally:
        info.cancel()
    peer.authenticated()
    return session, resumed is None


async def _resume(peer: Peer, node: Remote, ports: Ports, state: State) -> Remote | None:
    token, expires = await state.run(lambda tx: (tx.meta(_TOKEN), tx.meta(_TOKEN_EXPIRES)))
    now = int(ports.clock.now() * 1000)
    if token is None or expires is None or int(expires) < now + _RENEW_BEFORE:
        return None
    try:
        results = await peer.call(node, NODE.resume, NodeResumeParams(token))
    except Error as error:
        if error.kind in (Code.AUTH_REQUIRED, Code.SESSION_EXPIRED, Code.NOT_FOUND):
            return None
        raise
    return remote(results.session)


async def _prove(peer: Peer, node: Remote, account: Account, state: State) -> Remote:
    session, token = await prove_device(peer, node, account)
    await state.run(lambda tx: keep_token(tx, token))
    return session


def keep_token(tx: Transaction, token: Token) -> None:
    tx.set_meta(_TOKEN, token.secret)
    tx.set_meta(_TOKEN_EXPIRES, str(token.expires_at).encode())


async def prove_device(peer: Peer, node: Remote, account: Account) -> tuple[Remote, Token]:
    """A session by the device's key alone. Raises what the node refuses with."""
    challenge = await peer.call(node, NODE.challenge, NodeChallengeParams(account.device))
    statement = challenge_statement(account.node.pin, challenge.nonce, account.device)
    signature = account.keys.device.sign(CONTEXT_CHALLENGE, statement)
    results = await peer.call(remote(challenge.proof), PROOF.finish, ProofFinishParams(signature))
    return remote(results.session), results.token
