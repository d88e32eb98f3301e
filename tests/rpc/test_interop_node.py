"""A node of another make, in Cap'n Proto's own C++ RPC: our client's calls, and the capability pointers that C++ writes.

Beside test_interop.py this speaks node.capnp itself, and reads raw messages of the C++ implementation with the module that walks words.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import capnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.rpc import Peer, Remote, build
from qnpc.rpc.framing import Deframer
from qnpc.rpc.messages import Bootstrap, Call, Return, Target, parse
from qnpc.wire import NODE, PROOF, Empty, NodeChallengeParams, ProofFinishParams
from qnpc.wire.methods import SCHEMA
from tests.rpc.demo import SCHEMA as DEMO
from tests.rpc.demo import STORE, Named
from tests.rpc.test_interop import CppStore, CppWatcher, cpp_client
from tests.support.links import SocketLink


class CppSession(SCHEMA.Session.Server):  # type: ignore[misc]
    """An object to hold; what it is not, C++ itself answers for."""


class CppProof(SCHEMA.Proof.Server):  # type: ignore[misc]
    def __init__(self, gone: asyncio.Event) -> None:
        self._gone = gone

    async def finish(self, signature: bytes, _context: Any, **_: Any) -> None:
        _context.results.session = CppSession()
        _context.results.token.secret = signature * 2
        _context.results.token.expiresAt = -5

    def __del__(self) -> None:
        self._gone.set()


class CppNode(SCHEMA.Node.Server):  # type: ignore[misc]
    def __init__(self) -> None:
        self.proof_gone = asyncio.Event()

    async def info(self, _context: Any, **_: Any) -> None:
        info = _context.results.info
        info.version, info.wire, info.pin = "of C++", 7, bytes(32)
        info.suites = [0x004F, 0x0001]

    async def challenge(self, device: bytes, _context: Any, **_: Any) -> None:
        _context.results.nonce = device[::-1]
        _context.results.proof = CppProof(self.proof_gone)


@contextlib.asynccontextmanager
async def cpp_node() -> AsyncIterator[tuple[Peer, CppNode, Remote]]:
    left, right = socket.socketpair()
    async with capnp.kj_loop():
        node = CppNode()
        right.setblocking(False)
        stream = await capnp.AsyncIoStream.create_connection(sock=right)
        server = capnp.TwoPartyServer(stream, bootstrap=node)
        peer = Peer(await SocketLink.over(left), DEFAULT)
        peer.start()
        yield peer, node, peer.bootstrap()
        peer.close()
        await peer.wait_closed()
        await server.on_disconnect()
        stream.close()


async def test_a_node_made_of_cpp_is_asked_and_answers() -> None:
    async with cpp_node() as (peer, _, node):
        info = (await peer.call(node, NODE.info, Empty())).info
        assert (info.version, info.wire, info.suites, info.registration) == (
            "of C++",
            7,
            (0x004F, 0x0001),
            "",
        )


async def test_a_whole_renewal_is_pipelined_through_a_cpp_node() -> None:
    """challenge, and finish on the proof that it will bring."""
    async with cpp_node() as (peer, _, node):
        asked = peer.start_call(node, NODE.challenge, NodeChallengeParams(b"device"))
        proof = asked.capability("proof")
        done = await peer.call(proof, PROOF.finish, ProofFinishParams(b"sig"))
        assert (await asked).nonce == b"ecived"
        assert (done.token.secret, done.token.expires_at) == (b"sigsig", -5)
        assert isinstance(done.session, Remote)
        with pytest.raises(Error) as refused:
            await peer.call(done.session, PROOF.finish, ProofFinishParams(b""))
        assert refused.value.kind is Code.UNSUPPORTED_VERSION, "C++ says that it is unimplemented"


async def test_an_unknown_method_is_unimplemented_to_a_cpp_client() -> None:
    """By type, which is how another make decides what to do, and not by the reason's text alone."""
    async with cpp_client() as ours:
        with pytest.raises(capnp.KjException) as refused:
            await ours.root.cast_as(SCHEMA.Node).health()
        assert refused.value.type == "UNIMPLEMENTED"
        assert (await ours.root.open("still here")).size == 10


async def test_what_we_let_go_of_is_gone_in_cpp() -> None:
    async with cpp_node() as (peer, node, root):
        held = (await peer.call(root, NODE.challenge, NodeChallengeParams(b"d"))).proof
        assert isinstance(held, Remote)
        assert not node.proof_gone.is_set()
        held.release()
        async with asyncio.timeout(10):
            await node.proof_gone.wait()
        assert peer.sizes["imports"] == 1


# -- raw messages of the C++ implementation ---------------------------------------------------------------------------------------


class Raw:
    """Our end of a socket pair, by hand."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._deframer = Deframer(1 << 24)

    async def send(self, *messages: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, b"".join(messages))

    async def next(self, wanted: type[Any]) -> Any:
        """The next message of that kind, parsed."""
        data = b""
        while True:
            for message in self._deframer.receive(data):
                parsed = parse(message, DEFAULT)
                if isinstance(parsed, wanted):
                    return parsed
            data = await asyncio.get_running_loop().sock_recv(self._sock, 1 << 16)
            assert data


async def returned(name: str) -> Return:
    """What a C++ server says to Store.open: a text of a hundred times the name's length beside a capability."""
    left, right = socket.socketpair()
    async with capnp.kj_loop():
        right.setblocking(False)
        stream = await capnp.AsyncIoStream.create_connection(sock=right)
        server = capnp.TwoPartyServer(stream, bootstrap=CppStore())
        raw = Raw(left)
        opened = build.call(1, Target(0, ()), STORE.open.key, STORE.open.params, Named(name), ())
        await raw.send(build.bootstrap(0), opened)
        await raw.next(Return)
        answer = await raw.next(Return)
        left.close()
        await server.on_disconnect()
        stream.close()
    assert isinstance(answer, Return)
    return answer


async def called(times: int, chatter: str) -> Call:
    """What a C++ client says to call Store.watch with a capability, after calls of another length."""
    left, right = socket.socketpair()
    async with capnp.kj_loop():
        right.setblocking(False)
        stream = await capnp.AsyncIoStream.create_connection(sock=right)
        client = capnp.TwoPartyClient(stream)
        raw = Raw(left)
        root = client.bootstrap().cast_as(DEMO.Store)
        asked = [root.open(chatter), root.watch(watcher=CppWatcher(), times=times)]
        await raw.next(Bootstrap)
        await raw.next(Call)
        call = await raw.next(Call)
        del asked, root, client
        stream.close()
        left.close()
    assert isinstance(call, Call)
    return call


def run(work: Callable[[], Any]) -> Any:
    return asyncio.run(work())


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=600))
def test_the_pointer_in_an_answer_of_cpp_is_found(name: str) -> None:
    answer = run(lambda: returned(name))
    assert answer.payload.table[0].kind == "senderHosted"
    view = answer.payload.view()
    index = dict(STORE.open.results.capabilities)["box"]
    assert view.capability(index) == 0
    with pytest.raises(ValueError, match="not a capability"):
        view.capability(1 - index)
    value = STORE.open.results.read(answer.payload.read(STORE.open.results.schema), {"box": None})
    assert (value.size, value.note) == (len(name), name * 100)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.text(max_size=3000))
def test_the_pointer_in_a_call_of_cpp_is_found(times: int, chatter: str) -> None:
    call = run(lambda: called(times, chatter))
    assert [one.kind for one in call.payload.table] == ["senderHosted"]
    view = call.payload.view()
    assert view.capability(dict(STORE.watch.params.capabilities)["watcher"]) == 0
    assert (
        STORE.watch.params.read(call.payload.read(STORE.watch.params.schema), {"watcher": None}).times
        == times
    )
