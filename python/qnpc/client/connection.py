"""The way to the node: one connection at a time, authenticated and subscribed, made again when it is lost.

A session comes from the stored token or, when that has expired, from the device's key; never from a password. What
cannot get better by trying again (a wrong pin, another version, a revoked device) ends the tries and is told to
everybody who waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from qnpc import transport
from qnpc.client import restored
from qnpc.client.account import Account
from qnpc.client.capabilities import remote
from qnpc.client.state import State, Transaction
from qnpc.client.sync import Sync, SyncSink
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.link import join_address
from qnpc.ports import Ports
from qnpc.rpc import Peer, Remote
from qnpc.wire import (
    CONTEXT_CHALLENGE,
    NODE,
    PROOF,
    SESSION,
    WIRE_VERSION,
    Empty,
    Head,
    NodeChallengeParams,
    NodeResumeParams,
    ProofFinishParams,
    SessionSubscribeParams,
    Token,
    challenge_statement,
)

_log = logging.getLogger("qnpc.client.connection")

_TOKEN = "token"  # noqa: S105 - the name of a setting
_TOKEN_EXPIRES = "token_expires"  # noqa: S105 - the name of a setting
_RENEW_BEFORE = 60_000  # ms
_FATAL = {
    Code.PIN_MISMATCH,
    Code.UNSUPPORTED_VERSION,
    Code.DEVICE_REVOKED,
    Code.IDENTITY_MISMATCH,
    Code.LOGIN_FAILED,
    Code.SESSION_EXPIRED,
    Code.AUTH_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Online:
    """A live session; `heads` are what the node had when it began, `renewed` that its token is new."""

    peer: Peer
    session: Remote
    heads: tuple[Head, ...]
    tls_group: str
    renewed: bool = False


class Connector:
    """Keeps a session up from `start` to `close`."""

    def __init__(
        self,
        ports: Ports,
        limits: Limits,
        account: Account,
        state: State,
        sync: Sync,
        on_online: Callable[[Online], Awaitable[None]],
    ) -> None:
        self._ports = ports
        self._limits = limits
        self._account = account
        self._state = state
        self._sync = sync
        self._on_online = on_online
        self._task: asyncio.Task[None] | None = None
        self._online: Online | None = None
        self._fatal: Error | None = None
        self._last: Error | None = None
        self._turn = asyncio.Event()
        self._failures = 0
        self._met = False  # there was a session

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def online(self) -> Online:
        """Waits for a session. Raises the Error that ended the tries."""
        self.start()
        while True:
            if self._fatal is not None:
                raise self._fatal
            if self._online is not None:
                return self._online
            await self._turn.wait()

    async def online_within(self, seconds: float) -> Online:
        """Raises Error(UNREACHABLE) with the latest reason when there is none in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self.online()
        except TimeoutError:
            where = join_address(self._account.node.host, self._account.node.port)
            raise self._last or Error(Code.UNREACHABLE, f"{where} does not answer") from None

    async def ended(self, online: Online) -> None:
        """Returns when that session is nobody's any more: then `online` waits for the next one."""
        while self._online is online:
            await self._turn.wait()

    async def caught_up(self, online: Online) -> None:
        """Returns when everything the node had when that session began is durable here. Raises Error(UNREACHABLE)."""
        reached = asyncio.ensure_future(self._sync.reached(online.heads))
        lost = asyncio.ensure_future(online.peer.wait_closed())
        try:
            await asyncio.wait({reached, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not reached.done():
                raise Error(Code.UNREACHABLE, "the connection was lost while catching up")
            reached.result()
        except TimeoutError as error:
            raise Error(Code.UNREACHABLE, "the node does not send what it says it has") from error
        finally:
            reached.cancel()
            lost.cancel()

    def _set(self, online: Online | None) -> None:
        self._online = online
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._session()
            except Error as error:
                self._last = error
                if self._fatal is not None:
                    self._set(None)
                    return
                _log.debug("offline: %s, %d failures", error.code, self._failures)
            except Exception as error:  # a bug of ours: whoever waits for a session must not wait for ever
                self._last = Error(Code.INTERNAL)
                _log.error("a session failed: %s", type(error).__name__)
            delay = min(self._limits.reconnect_max, self._limits.reconnect_min * 2 ** min(self._failures, 16))
            self._failures += 1
            await self._ports.clock.sleep(delay * self._ports.random.uniform(0.5, 1.0))

    async def _session(self) -> None:
        """From connecting to the loss of the connection."""
        node = self._account.node
        # Nobody has proved to be the node yet: a refusal may be anybody's, and once there was a session it is believed no more.
        with self._hopeless(
            {Code.PIN_MISMATCH} if self._met else {Code.PIN_MISMATCH, Code.UNSUPPORTED_VERSION}
        ):
            connection = await transport.connect(
                self._ports, (node.host, node.port), self._limits, pin=node.pin
            )
        peer = Peer(connection, self._limits)
        sink = SyncSink(self._sync, peer.close)
        began = self._ports.clock.monotonic()
        peer.start()
        try:
            async with asyncio.timeout(self._limits.call_timeout):
                with self._hopeless(_FATAL):
                    session, renewed = await self._authenticate(peer)
            heads = await self._subscribe(peer, session, sink)
            self._met = True
            online = Online(peer, session, heads, connection.tls_group, renewed)
            self._set(online)
            work = asyncio.ensure_future(self._on_online(online))
            try:
                error = await peer.wait_closed()
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            if isinstance(error, Error):
                raise error
        except TimeoutError as error:
            raise Error(Code.UNREACHABLE, "the node does not answer in time") from error
        finally:
            if sink.delivered or self._ports.clock.monotonic() - began >= self._limits.session_steady:
                self._failures = 0
            self._set(None)
            peer.close()
            await peer.wait_closed()

    async def _subscribe(self, peer: Peer, session: Remote, sink: SyncSink) -> tuple[Head, ...]:
        """What the node has. Nothing that it pushes is taken in before it is known to be the log that the cursors are of."""
        async with self._sync.turn:
            params = SessionSubscribeParams(sink, await self._sync.cursors())
            async with asyncio.timeout(self._limits.call_timeout):
                heads = (await peer.call(session, SESSION.subscribe, params)).heads
            if await restored.notice(self._state, self._limits, peer, session, heads):
                await self._sync.cursors()
            await self._sync.subscribed(heads)
        return heads

    @contextmanager
    def _hopeless(self, codes: set[Code]) -> Iterator[None]:
        """What is refused here with these does not get better by trying again; the same codes later only end a session."""
        try:
            yield
        except Error as error:
            if error.kind in codes:
                self._fatal = error
            raise

    async def _authenticate(self, peer: Peer) -> tuple[Remote, bool]:
        """The session, and whether its token is new. Raises Error(UNSUPPORTED_VERSION) and what the node refuses with."""
        node = peer.bootstrap()
        info = peer.start_call(node, NODE.info, Empty())
        try:
            resumed = await self._resume(peer, node)
            session = resumed or await self._prove(peer, node)
            if (await info).info.wire != WIRE_VERSION:
                raise Error(Code.UNSUPPORTED_VERSION)
        finally:
            info.cancel()
        peer.authenticated()
        return session, resumed is None

    async def _resume(self, peer: Peer, node: Remote) -> Remote | None:
        token, expires = await self._state.run(lambda tx: (tx.meta(_TOKEN), tx.meta(_TOKEN_EXPIRES)))
        now = int(self._ports.clock.now() * 1000)
        if token is None or expires is None or int(expires) < now + _RENEW_BEFORE:
            return None
        try:
            results = await peer.call(node, NODE.resume, NodeResumeParams(token))
        except Error as error:
            if error.kind in (Code.AUTH_REQUIRED, Code.SESSION_EXPIRED, Code.NOT_FOUND):
                return None
            raise
        return remote(results.session)

    async def _prove(self, peer: Peer, node: Remote) -> Remote:
        session, token = await prove_device(peer, node, self._account)
        await self._state.run(lambda tx: keep_token(tx, token))
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
