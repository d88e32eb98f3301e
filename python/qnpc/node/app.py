"""One running node: its directory, its key, its store and its socket, put together in order and taken apart in the reverse.

Stopping is in good order: what is new is refused, what is under way is answered, what was acknowledged is written, and then the connections
close with a reason that tells clients to come back.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TypeVar

import structlog

from qnpc import authtoken
from qnpc.errors import Code, Error
from qnpc.link import NodeLink, join_address, split_address
from qnpc.node import bearer, engine
from qnpc.node.datadir import DataDir, Notice, lock_database
from qnpc.node.services import Services
from qnpc.node.settings import NodeSettings
from qnpc.node.store.contract import SetInvite, Store
from qnpc.node.store.sqlite import SqliteStore
from qnpc.ports import Address, Ports
from qnpc.transport import Connection, Endpoint, TlsIdentity, address_key, listen

log = structlog.get_logger("qnpc.node")

T = TypeVar("T")


class NodeApp:
    """`await start()`; then `address`, `pin`, `link` and `link_text` are known; `await stop()`."""

    def __init__(self, settings: NodeSettings, ports: Ports) -> None:
        self.settings = settings
        self._ports = ports
        self._directory = DataDir(settings.data_dir)
        self._undo = AsyncExitStack()
        self._endpoint: Endpoint | None = None
        self._services: Services | None = None

    @property
    def address(self) -> Address:
        """Where it is bound."""
        return _started(self._endpoint).address

    @property
    def pin(self) -> bytes:
        """SHA-256 of the certificate's SubjectPublicKeyInfo."""
        return _started(self._services).pin

    @property
    def link(self) -> NodeLink:
        """Without an invite."""
        host, port = split_address(self.settings.public_address(self.address))
        return NodeLink(host, port, self.pin)

    @property
    def link_text(self) -> str:
        return str(self.link)

    async def start(self) -> None:
        """Returns when it listens. Raises Error(BAD_REQUEST) when the directory is in use, the address cannot be bound or the key not
        be read; Error(STORE_UNAVAILABLE) and Error(UNSUPPORTED_VERSION) about the store."""
        self.settings.public_address(
            self.settings.listen
        )  # refused now rather than when somebody wants a link
        async with AsyncExitStack() as undo:
            undo.callback(self._directory.lock().release)
            if self.settings.database is not None:
                undo.callback(lock_database(self.settings.database).release)
            identity = TlsIdentity.load_or_create(
                self.settings.tls_cert or self._directory.certificate,
                self.settings.tls_key or self._directory.key,
                now=self._ports.clock.now(),
                random=self._ports.random,
            )
            store, lane = await engine.open_store(undo, self._ports, self._store)
            undo.push_async_callback(self._close_endpoint)  # when all is answered and written
            self._services = await engine.assemble(
                undo,
                store,
                lane,
                ports=self._ports,
                limits=self.settings.limits,
                suites=self.settings.suites,
                pin=identity.pin,
            )
            await self._services.writer.submit(self._standing_invite(identity.pin))
            self._endpoint = await self._listen(identity)
            self._publish(os.getpid())
            undo.callback(self._publish, None)
            self._undo = undo.pop_all()
        log.info("node.started", address=join_address(*self.address), pin=self.pin.hex())
        if self.settings.only_local:
            log.warning(
                "node.local",
                link=self.link_text,
                hint="links work on this machine only: set a public address",
            )

    async def stop(self) -> None:
        """Returns when all is answered, written and closed. Idempotent."""
        if self._endpoint is None:
            return
        await self._undo.aclose()
        self._endpoint = None
        log.info("node.stopped")

    def _store(self) -> Store:
        return SqliteStore.open(
            self.settings.database or self._directory.database,
            random=self._ports.random,
            hooks=self._ports.store_hooks,
            key=self.settings.db_key,
        )

    def _standing_invite(self, pin: bytes) -> SetInvite:
        """What `auth_token` lets in by, made to fit at every start: a token that was changed or removed lets nobody in."""
        token = self.settings.auth_token
        if token is None:
            return SetInvite(authtoken.STANDING_ID, None)
        invite = bearer.split(bearer.INVITE, authtoken.invite(token, pin))
        if invite is None:
            raise RuntimeError("a token's invite has the size of an invite")
        return SetInvite(invite.id, invite.hash)

    async def _listen(self, identity: TlsIdentity) -> Endpoint:
        address = self.settings.listen
        try:
            return await listen(self._ports, address, identity, self.settings.limits, self._connected)
        except OSError as error:
            where = join_address(*address)
            raise Error(Code.BAD_REQUEST, f"cannot listen on udp {where}: {error.strerror}") from None

    def _connected(self, connection: Connection) -> None:
        peer = engine.receive_visitor(
            _started(self._services), connection, address_key(connection.peer_address), connection.tls_group
        )
        peer.on_authenticated = connection.authenticated

    async def _close_endpoint(self) -> None:
        if self._endpoint is not None:
            await self._endpoint.drained(self.settings.limits.drain)
            await self._endpoint.close(Error(Code.SHUTTING_DOWN).to_wire())

    def _publish(self, pid: int | None) -> None:
        listening = join_address(*self.address)
        public = self.settings.public_address(self.address)
        database = None if self.settings.database is None else self.settings.database.absolute()
        self._directory.publish(Notice(listening, public, self.pin, pid, database))


def _started(part: T | None) -> T:
    if part is None:
        raise RuntimeError("the node has not been started")
    return part
