"""The way to the node: one connection at a time, authenticated and subscribed, made again when it is lost.

What cannot get better by trying again (a wrong pin, another version, a revoked device) ends the tries and is told to
everybody who waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from qnpc import transport
from qnpc.client import restored
from qnpc.client.account import Account
from qnpc.client.capabilities import Online
from qnpc.client.session import begin
from qnpc.client.state import State
from qnpc.client.sync import Sync, SyncSink
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.link import join_address
from qnpc.ports import Ports
from qnpc.rpc import Peer, Remote
from qnpc.wire import SESSION, Head, SessionSubscribeParams

_log = logging.getLogger("qnpc.client.connection")

_FATAL = {
    Code.PIN_MISMATCH,
    Code.UNSUPPORTED_VERSION,
    Code.DEVICE_REVOKED,
    Code.IDENTITY_MISMATCH,
    Code.LOGIN_FAILED,
    Code.SESSION_EXPIRED,
    Code.AUTH_REQUIRED,
}


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
        self._changed = asyncio.Event()
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
            await self._changed.wait()

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
            await self._changed.wait()

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
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

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
                    session, renewed = await begin(peer, self._ports, self._account, self._state)
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
        async with self._sync.applying:
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
