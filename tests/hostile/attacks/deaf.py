"""Registered devices that ask for everything and read nothing."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

from qnpc import wire
from qnpc._core import Argon2, Device, Identity, OpaqueClientRegistration
from qnpc.errors import Error
from qnpc.rpc import Capability, Method, Peer, Remote, Served
from tests.hostile.attack import KIB, Attack
from tests.hostile.stranger import LIMITS, deafen

CHEAP = Argon2(memory_kib=8, iterations=1, parallelism=1)
PAIRS = 4


class Never(Served):
    methods = wire.SINK.table

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        raise AssertionError("it does not listen")


class Deaf(Attack):
    """Each inbox is filled from a second connection; on the first, pushes pile up."""

    name: ClassVar[str] = "peers that never read"
    rehearsed: ClassVar[bool] = False
    connections: ClassVar[int] = 2 * PAIRS
    per_connection: ClassVar[int] = 128 * KIB + LIMITS.outbox + LIMITS.delivery_bytes
    pause: ClassVar[float] = 0.02
    _PAYLOAD = bytes(16 * KIB)

    async def prepare(self) -> None:
        self.writers: list[tuple[Peer, Remote, bytes]] = []
        for number in range(PAIRS):
            peer, session, token, device = await self._enrol(number)
            await peer.call(session, wire.SESSION.subscribe, wire.SessionSubscribeParams(Never(), ()))
            deafen(self.stranger.connections[-1])
            writer = await self.stranger.peer(number)
            resumed = await writer.call(writer.bootstrap(), wire.NODE.resume, wire.NodeResumeParams(token))
            writer.authenticated()
            self.writers.append((writer, theirs(resumed.session), device))

    async def strike(self) -> None:
        for writer, session, device in self.writers:
            entry = wire.SessionEnqueueParams(device, self._PAYLOAD, self.stranger.ports.random.bytes(16))
            self.stranger.count(self._PAYLOAD)
            with contextlib.suppress(Error):  # too many calls, for now
                writer.start_call(session, wire.SESSION.enqueue, entry)

    async def _enrol(self, number: int) -> tuple[Peer, Remote, bytes, bytes]:
        """A connection with a session, its token and its device's key."""
        name, pin = f"deaf-{self.stranger.network}-{number}", self.stranger.node.pin
        identity, device = Identity.generate(), Device.generate()
        peer = await self.stranger.peer(number)
        opaque = OpaqueClientRegistration(b"correct horse")
        asked = wire.NodeRegisterParams(name, opaque.request, self.stranger.node.invite or b"")
        begun = await peer.call(peer.bootstrap(), wire.NODE.register, asked)
        record, _ = opaque.finish(begun.response, name, pin, CHEAP)
        said = wire.enrolment_statement(pin, begun.challenge, name, identity.public_key, device.public_key)
        enrolment = wire.Enrolment(
            identity.public_key,
            identity.certify(name, device.public_key, 1),
            identity.sign(wire.CONTEXT_ENROL_IDENTITY, said),
            device.sign(wire.CONTEXT_ENROL_DEVICE, said),
        )
        finish = wire.RegistrationFinishParams(record, enrolment, b"sealed")
        done = await peer.call(theirs(begun.registration), wire.REGISTRATION.finish, finish)
        peer.authenticated()
        return peer, theirs(done.session), done.token.secret, device.public_key


def theirs(capability: Capability) -> Remote:
    assert isinstance(capability, Remote)
    return capability
