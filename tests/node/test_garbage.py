"""Whatever is said to a node, it answers with a code that means something, and goes on."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from qnpc import wire
from qnpc._core import OpaqueClientLogin
from qnpc.errors import Code, Error
from qnpc.node.methods import METHODS
from qnpc.rpc import Capability, Method, Remote
from tests.node.chats import create
from tests.node.rig import Person, Rig, Sink, remote

DATA = (b"", b"\x00", bytes(16), b"\xff" * 32, bytes(48), b"\xaa" * 64, bytes(192), b"\x00\x01\x00\x05" * 300)
TEXT = ("", "alice", "nobody", "\x00", "a" * 1000, "\u202e\U0001f600 ' OR 1=1 --")
NUMBERS = {"suite": (0, 1, 0x4F, 0xFFFF), "limit": (0, 1, 2**32 - 1)}
LARGE = (0, 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)


def values(name: str, kind: Any) -> Iterator[Any]:
    """Values for a field, without end."""
    if kind is bytes:
        return itertools.cycle(DATA)
    if kind is str:
        return itertools.cycle(TEXT)
    if kind is int:
        return itertools.cycle(NUMBERS.get(name, LARGE))
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return (tuple(itertools.islice(values(name, item), length)) for length in itertools.cycle((0, 1, 7)))
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        return structs(kind)
    assert kind == Capability, kind
    return (Sink() for _ in itertools.count())


def structs(shape: type) -> Iterator[Any]:
    """The fields run through their values at different speeds, so that many combinations come up."""
    hints = get_type_hints(shape)
    fields = [values(name, kind) for name, kind in hints.items()]
    for turn in itertools.count(1):
        yield shape(*(next(field) for field in fields))
        for place, field in enumerate(fields):
            if turn % (place + 2) == 0:
                next(field)


async def capabilities(node: Rig) -> dict[str, Any]:
    """One of each, by interface; those that are good once are made anew each time."""
    alice = await node.person("alice")
    hers = await create(alice)

    async def registration() -> Remote:
        begun, _ = await Person(node, "bob", alice.visit).begin_registration(invite)
        return remote(begun.registration)

    async def login() -> Remote:
        request = wire.NodeLoginParams("alice", OpaqueClientLogin(b"guess").request)
        return remote((await alice.visit.call(alice.visit.node, wire.NODE.login, request)).login)

    async def proof() -> Remote:
        asked = wire.NodeChallengeParams(alice.key)
        return remote((await alice.visit.call(alice.visit.node, wire.NODE.challenge, asked)).proof)

    async def enrol() -> Remote:
        return remote((await alice.known()).enrol)

    async def same(capability: Remote) -> Remote:
        return capability

    invite = await node.invite(uses=None)
    return {
        "Node": (alice, lambda: same(alice.visit.node)),
        "Registration": (alice, registration),
        "Login": (alice, login),
        "Enrol": (alice, enrol),
        "Proof": (alice, proof),
        "Session": (alice, lambda: same(alice.session)),
        "Group": (alice, lambda: same(hers.cap)),
    }


@pytest.mark.parametrize("method", [row.method for row in METHODS.values()], ids=str)
async def test_garbage_is_answered_with_a_code_and_nothing_breaks(
    node: Rig, method: Method[Any, Any]
) -> None:
    alice, obtain = (await capabilities(node))[method.interface]
    params = structs(method.params.cls)
    answers = set()
    for _ in range(40):
        target = await obtain()
        try:
            await alice.visit.call(target, method, next(params))
        except Error as error:
            answers.add(error.kind)
        for slot in list(node.services.pending._slots):
            slot.free()  # their bound is another test's matter
        if method is wire.SESSION.logout:
            await alice.renew()
    assert not answers & {Code.INTERNAL, Code.UNREACHABLE}
    await alice.visit.call(alice.visit.node, wire.NODE.info, wire.Empty())
