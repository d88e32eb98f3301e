"""A node over a real store in a temporary directory, visited over links in memory; and people who use it as a client would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from qnpc import wire
from qnpc._core import Argon2, Device, Identity, MlsStore, OpaqueClientLogin, OpaqueClientRegistration
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits
from qnpc.node import bearer, engine
from qnpc.node.push import Subscription
from qnpc.node.services import Services
from qnpc.node.settings import SUITES
from qnpc.node.store.contract import CreateInvite
from qnpc.node.store.sqlite import SqliteStore
from qnpc.ports import Jobs, Lane, Ports, StoreHooks
from qnpc.rpc import Method, Peer, Remote, Served
from tests.node.links import ManualClock, MemoryLink, pair

P = TypeVar("P")
R = TypeVar("R")
T = TypeVar("T")

PIN = bytes(range(32))
CHEAP = Argon2(memory_kib=8, iterations=1, parallelism=1)
PASSWORD = b"correct horse"
SEALED = b"sealed identity"


@dataclass(slots=True)
class Visit:
    """One connection, from the visitor's side. `link` is the visitor's end."""

    peer: Peer
    link: MemoryLink
    node: Remote
    node_side: Peer

    async def call(self, target: Remote, method: Method[P, R], params: P) -> R:
        async with asyncio.timeout(60):
            return await self.peer.call(target, method, params)

    @property
    def is_over(self) -> bool:
        """The node has ended it."""
        return self.node_side._closing is not None

    async def close(self) -> None:
        self.peer.close()
        await self.peer.wait_closed()
        await self.node_side.wait_closed()


class PatientJobs:
    """The threads of `jobs`; but pages of pushes are not read while `pages` is not set."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self.pages = asyncio.Event()
        self.pages.set()

    async def run(self, function: Callable[..., T], /, *args: Any) -> T:
        if getattr(function, "__func__", None) is Subscription._page:
            await self.pages.wait()
        return await self._jobs.run(function, *args)

    def lane(self, name: str) -> Lane:
        return self._jobs.lane(name)

    def close(self) -> None:
        self._jobs.close()


@dataclass(slots=True)
class Rig:
    services: Services
    clock: ManualClock
    jobs: PatientJobs
    limits: Limits
    stack: AsyncExitStack

    def visit(self, address: str = "192.0.2.1") -> Visit:
        ours, theirs = pair()
        node_side = engine.receive_visitor(self.services, theirs, address, "X25519MLKEM768")
        peer = Peer(ours, self.limits)
        peer.start()
        visit = Visit(peer, ours, peer.bootstrap(), node_side)
        self.stack.push_async_callback(visit.close)
        return visit

    async def invite(self, uses: int | None = 1, seconds: float = 3600.0) -> bytes:
        invite = bearer.mint(bearer.INVITE, self.services.ports.random)
        expires = int((self.clock.now() + seconds) * 1000)
        await self.services.writer.submit(CreateInvite(invite.id, invite.hash, uses, expires))
        return bytes(invite)

    async def person(self, name: str, address: str = "192.0.2.1") -> Person:
        """Registered, on a connection of their own."""
        person = Person(self, name, self.visit(address))
        await person.register(await self.invite())
        return person


@asynccontextmanager
async def rig(
    path: Path, ports: Ports, limits: Limits = DEFAULT, hooks: StoreHooks | None = None
) -> AsyncIterator[Rig]:
    clock = ManualClock(now=ports.clock.now())
    jobs = PatientJobs(ports.jobs)
    node_ports = Ports(clock, ports.random, ports.datagrams, jobs)
    async with AsyncExitStack() as undo:
        store, lane = await engine.open_store(
            undo, node_ports, lambda: SqliteStore.open(path / "node.db", random=ports.random, hooks=hooks)
        )
        services = await engine.assemble(
            undo, store, lane, ports=node_ports, limits=limits, suites=SUITES, pin=PIN
        )
        async with AsyncExitStack() as visits:
            yield Rig(services, clock, jobs, limits, visits)


@dataclass(slots=True)
class Person:
    """An account and one device of it."""

    rig: Rig
    name: str
    visit: Visit
    identity: Identity = field(default_factory=Identity.generate)
    device: Device = field(default_factory=Device.generate)
    mls: MlsStore = field(default_factory=MlsStore)
    session: Remote = field(init=False)
    token: bytes = field(init=False, default=b"")
    expires: int = field(init=False, default=0)

    @property
    def key(self) -> bytes:
        return self.device.public_key

    @property
    def certificate(self) -> bytes:
        return self.identity.certify(self.name, self.key, 1)

    def enrolment(self, challenge: bytes, **changed: bytes) -> wire.Enrolment:
        statement = wire.enrolment_statement(PIN, challenge, self.name, self.identity.public_key, self.key)
        said = {
            "identity_key": self.identity.public_key,
            "certificate": self.certificate,
            "identity_proof": self.identity.sign(wire.CONTEXT_ENROL_IDENTITY, statement),
            "device_proof": self.device.sign(wire.CONTEXT_ENROL_DEVICE, statement),
        }
        return wire.Enrolment(**{**said, **changed})

    # -- registering and logging in -------------------------------------------------------------------------------------------

    async def begin_registration(self, invite: bytes) -> tuple[wire.NodeRegisterResults, bytes]:
        """What the node says, and the record to finish with."""
        opaque = OpaqueClientRegistration(PASSWORD)
        begun = await self.visit.call(
            self.visit.node, wire.NODE.register, wire.NodeRegisterParams(self.name, opaque.request, invite)
        )
        record, _ = opaque.finish(begun.response, self.name, wire.OPAQUE_SERVER, CHEAP)
        return begun, record

    async def finish_registration(
        self, begun: wire.NodeRegisterResults, record: bytes, /, **changed: bytes
    ) -> None:
        done = await self.visit.call(
            remote(begun.registration),
            wire.REGISTRATION.finish,
            wire.RegistrationFinishParams(record, self.enrolment(begun.challenge, **changed), SEALED),
        )
        self._logged_in(done.session, done.token)

    async def register(self, invite: bytes) -> None:
        await self.finish_registration(*(await self.begin_registration(invite)))

    async def known(self, password: bytes = PASSWORD) -> wire.LoginFinishResults:
        """The password was right; the device is still to be shown."""
        opaque = OpaqueClientLogin(password)
        begun = await self.visit.call(
            self.visit.node, wire.NODE.login, wire.NodeLoginParams(self.name, opaque.request)
        )
        ke3, _, _ = opaque.finish(begun.response, self.name, wire.OPAQUE_SERVER, CHEAP)
        return await self.visit.call(remote(begun.login), wire.LOGIN.finish, wire.LoginFinishParams(ke3))

    async def log_in(self, password: bytes = PASSWORD) -> bytes:
        """With the password. Returns the sealed identity."""
        known = await self.known(password)
        done = await self.visit.call(
            remote(known.enrol), wire.ENROL.device, wire.EnrolDeviceParams(self.enrolment(known.challenge))
        )
        self._logged_in(done.session, done.token)
        return known.sealed_identity

    async def resume(self, visit: Visit | None = None) -> None:
        """By the token."""
        self.visit = visit or self.visit
        done = await self.visit.call(self.visit.node, wire.NODE.resume, wire.NodeResumeParams(self.token))
        assert isinstance(done.session, Remote)
        self.session = done.session
        self.visit.peer.authenticated()

    async def renew(self, signer: Device | None = None) -> None:
        """By the device's key, on a new connection if the old one is over."""
        if self.visit.is_over:
            self.visit = self.rig.visit()
        asked = await self.visit.call(
            self.visit.node, wire.NODE.challenge, wire.NodeChallengeParams(self.key)
        )
        statement = wire.challenge_statement(PIN, asked.nonce, self.key)
        signature = (signer or self.device).sign(wire.CONTEXT_CHALLENGE, statement)
        done = await self.visit.call(
            remote(asked.proof), wire.PROOF.finish, wire.ProofFinishParams(signature)
        )
        self._logged_in(done.session, done.token)

    def _logged_in(self, session: object, token: wire.Token) -> None:
        assert isinstance(session, Remote)
        self.session, self.token, self.expires = session, token.secret, token.expires_at
        self.visit.peer.authenticated()

    # -- using a session ------------------------------------------------------------------------------------------------------

    async def ask(self, method: Method[P, R], params: P) -> R:
        return await self.visit.call(self.session, method, params)

    async def enqueue(self, to: Person, payload: bytes, id_: bytes | None = None) -> int:
        made = self.rig.services.ports.random.bytes(16) if id_ is None else id_
        done = await self.ask(wire.SESSION.enqueue, wire.SessionEnqueueParams(to.key, payload, made))
        return done.seq

    async def fetch(self, channel: bytes, after: int = 0, limit: int = 256) -> wire.SessionFetchResults:
        return await self.ask(wire.SESSION.fetch, wire.SessionFetchParams(channel, after, limit))

    async def subscribe(self, sink: Sink, *cursors: wire.Cursor) -> tuple[wire.Head, ...]:
        done = await self.ask(wire.SESSION.subscribe, wire.SessionSubscribeParams(sink, cursors))
        return done.heads

    async def acked(self, channel: bytes, seq: int) -> None:
        """Returns when the node's store has this as acknowledged; meanwhile the clock goes on."""
        async with asyncio.timeout(60):
            while (await self.fetch(channel, limit=0)).head.acked < seq:
                self.rig.clock.advance(self.rig.limits.ack_interval)


class Sink(Served):
    """Where a person's entries go. `answer` decides about each delivery: it may raise, or wait."""

    methods = wire.SINK.table

    def __init__(self, answer: Callable[[tuple[wire.Entry, ...]], Any] | None = None) -> None:
        self.deliveries: list[tuple[wire.Entry, ...]] = []
        self.was_released = False
        self._answer = answer
        self._changed = asyncio.Event()

    @property
    def entries(self) -> list[wire.Entry]:
        return [entry for delivery in self.deliveries for entry in delivery]

    def seqs(self, channel: bytes) -> list[int]:
        return [entry.seq for entry in self.entries if entry.channel == channel]

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        self.deliveries.append(params.entries)
        self._notify()
        if self._answer is not None:
            waiting = self._answer(params.entries)
            if waiting is not None:
                await waiting
        return wire.Empty()

    def released(self) -> None:
        self.was_released = True
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def has(self, condition: Callable[[Sink], bool]) -> None:
        """Returns when the condition holds."""
        async with asyncio.timeout(60):
            while not condition(self):
                await self._changed.wait()

    async def has_upto(self, channel: bytes, seq: int) -> None:
        await self.has(lambda sink: seq in sink.seqs(channel))


def remote(capability: object) -> Remote:
    assert isinstance(capability, Remote)
    return capability


class refused:  # noqa: N801 - reads like pytest.raises
    """`with refused(Code.X):` - the block is refused with this code."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._raises = pytest.raises(Error)

    def __enter__(self) -> pytest.ExceptionInfo[Error]:
        self._caught = self._raises.__enter__()
        return self._caught

    def __exit__(self, *exception: Any) -> bool:
        swallowed = bool(self._raises.__exit__(*exception))
        if swallowed:
            assert self._caught.value.kind is self._code, self._caught.value
        return swallowed
