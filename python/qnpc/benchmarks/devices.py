"""Members of a load: a device each, registered at the node, on a connection of its own, with its keys in memory and no profile.

They are registered as anybody is, by an invite, OPAQUE and proofs by both keys; only the stretching of the password is cheap, since it is
the clients' work and not the node's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qnpc import _core, transport
from qnpc.benchmarks.process import NodeProcess
from qnpc.limits import Limits
from qnpc.link import NodeLink
from qnpc.node.admin import create_invite
from qnpc.ports import Link, Ports
from qnpc.rpc import Peer, Remote
from qnpc.wire import (
    CONTEXT_ENROL_DEVICE,
    CONTEXT_ENROL_IDENTITY,
    NODE,
    REGISTRATION,
    Enrolment,
    NodeRegisterParams,
    RegistrationFinishParams,
    enrolment_statement,
)

CHEAP = _core.Argon2(memory_kib=8, iterations=1, parallelism=1)
"""Of the password's stretching. It protects nothing: the accounts are gone when the benchmark ends."""

AT_ONCE = 8
"""Registrations under way at a time: what a node allows an address."""

INVITE_SECONDS = 600.0

Wrap = Callable[[Link], Link]


@dataclass(frozen=True, slots=True)
class Device:
    """`link` is what `peer` speaks over: the connection, or what was put around it."""

    name: str
    key: _core.Device
    certificate: bytes
    link: Link
    peer: Peer
    session: Remote
    tls_group: str

    async def close(self) -> None:
        self.peer.close()
        await self.peer.wait_closed()


async def register_all(
    node: NodeProcess, names: Sequence[str], wraps: Sequence[Wrap], ports: Ports, limits: Limits
) -> list[Device]:
    """One device for each name, in their order. Raises Error."""
    invite = await create_invite(node.data_dir, len(names), INVITE_SECONDS, ports, limits=limits)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, wrap: Wrap) -> Device:
        async with turn:
            return await _register(name, invite, wrap, ports, limits)

    tasks = [asyncio.ensure_future(one(name, wrap)) for name, wrap in zip(names, wraps, strict=True)]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _register(name: str, invite: NodeLink, wrap: Wrap, ports: Ports, limits: Limits) -> Device:
    connection = await transport.connect(ports, (invite.host, invite.port), limits, pin=invite.pin)
    link = wrap(connection)
    peer = Peer(link, limits)
    peer.start()
    identity, key = _core.Identity.generate(), _core.Device.generate()
    certificate = identity.certify(name, key.public_key, int(ports.clock.now() * 1000))
    opaque = _core.OpaqueClientRegistration(ports.random.bytes(16))
    begun = await peer.call(
        peer.bootstrap(), NODE.register, NodeRegisterParams(name, opaque.request, invite.invite or b"")
    )
    record, _ = opaque.finish(begun.response, name, invite.pin, CHEAP)
    statement = enrolment_statement(invite.pin, begun.challenge, name, identity.public_key, key.public_key)
    enrolment = Enrolment(
        identity.public_key,
        certificate,
        identity.sign(CONTEXT_ENROL_IDENTITY, statement),
        key.sign(CONTEXT_ENROL_DEVICE, statement),
    )
    done = await peer.call(
        remote(begun.registration), REGISTRATION.finish, RegistrationFinishParams(record, enrolment, b"none")
    )
    peer.authenticated()
    return Device(name, key, certificate, link, peer, remote(done.session), connection.tls_group)


def remote(capability: object) -> Remote:
    if not isinstance(capability, Remote):
        raise TypeError("a capability of the node's was expected")
    return capability
