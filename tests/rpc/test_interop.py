"""Cap'n Proto's own C++ RPC, as pycapnp carries it, against our peer: in both roles, over a socket pair.

A failure here means that a client or a node of another make cannot talk to ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import capnp
import pytest

from qnpc.errors import Error
from qnpc.limits import DEFAULT
from qnpc.rpc import Peer, Remote
from tests.rpc.demo import (
    BOX,
    SCHEMA,
    STORE,
    WATCHER,
    Coded,
    Echo,
    Empty,
    Item,
    Named,
    Number,
    Store,
    Watch,
    Watched,
    Watcher,
)
from tests.rpc.test_codec import EVERYTHING
from tests.support.links import SocketLink, turns


@dataclass
class Ours:
    """Our peer serves the demo; `root` is the C++ client's view of it."""

    peer: Peer
    store: Store
    root: Any


@contextlib.asynccontextmanager
async def cpp_client() -> AsyncIterator[Ours]:
    left, right = socket.socketpair()
    async with capnp.kj_loop():
        store = Store()
        peer = Peer(await SocketLink.over(left), DEFAULT, bootstrap=store)
        store.peer = peer
        peer.start()
        right.setblocking(False)
        stream = await capnp.AsyncIoStream.create_connection(sock=right)
        client = capnp.TwoPartyClient(stream)
        yield Ours(peer, store, client.bootstrap().cast_as(SCHEMA.Store))
        del client
        stream.close()
        await peer.wait_closed()


class CppBox(SCHEMA.Box.Server):  # type: ignore[misc]
    def __init__(self) -> None:
        self.items: list[int] = []

    async def name(self, **_: Any) -> str:
        return "made of C++"

    async def put(self, item: int, **_: Any) -> int:
        self.items.append(item)
        return len(self.items)


class CppWatcher(SCHEMA.Watcher.Server):  # type: ignore[misc]
    def __init__(self) -> None:
        self.seen_numbers: list[int] = []

    async def seen(self, number: int, **_: Any) -> int:
        self.seen_numbers.append(number)
        return 2 * number


class CppStore(SCHEMA.Store.Server):  # type: ignore[misc]
    def __init__(self) -> None:
        self.box = CppBox()
        self.kept: list[Any] = []
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def echo(self, value: Any, tag: str, **_: Any) -> Any:
        return value, tag

    async def open(self, name: str, **_: Any) -> Any:
        return len(name), self.box, name * 100

    async def fail(self, code: int, **_: Any) -> None:
        raise capnp.KjException("E013 NOT_FOUND: said by C++ retry_after=3" if code else "insides")

    async def wait(self, **_: Any) -> None:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def watch(self, watcher: Any, times: int, **_: Any) -> int:
        calls = 0
        for number in range(times):
            calls += (await watcher.seen(number)).number == 2 * number
        return calls

    async def keep(self, watcher: Any, **_: Any) -> None:
        self.kept.append(watcher)

    async def give(self, watcher: Any, **_: Any) -> Any:
        return watcher


@dataclass
class Theirs:
    peer: Peer
    store: CppStore
    root: Remote


@contextlib.asynccontextmanager
async def cpp_server() -> AsyncIterator[Theirs]:
    left, right = socket.socketpair()
    async with capnp.kj_loop():
        store = CppStore()
        right.setblocking(False)
        stream = await capnp.AsyncIoStream.create_connection(sock=right)
        server = capnp.TwoPartyServer(stream, bootstrap=store)
        peer = Peer(await SocketLink.over(left), DEFAULT)
        peer.start()
        yield Theirs(peer, store, peer.bootstrap())
        store.kept.clear()
        peer.close()
        await peer.wait_closed()
        await server.on_disconnect()
        stream.close()


# -- the C++ client calls ours ----------------------------------------------------------------------------------------------------


async def test_a_cpp_client_gets_every_kind_of_value_back() -> None:
    async with cpp_client() as ours:
        value = {
            "flag": True,
            "i8": -8,
            "i64": -(2**62),
            "u64": 2**64 - 1,
            "text": "grüße",
            "blob": b"\x00\xff",
            "numbers": [1, 65535],
            "blobs": [b"", b"x" * 5000],
            "words": ["a", ""],
            "point": {"x": -1, "y": 2},
            "points": [{"x": 1, "y": 1}, {"x": 2, "y": 2}],
        }
        answer = await ours.root.echo(value=value, tag="t")
        assert answer.tag == "t"
        assert {name: answer.value.to_dict()[name] for name in value} == value


async def test_a_cpp_client_calls_what_an_answer_will_hold() -> None:
    async with cpp_client() as ours:
        promise = ours.root.open("pipelined")
        named = promise.box.name()
        counts = [promise.box.put(item) for item in range(5)]
        assert (await named).name == "pipelined"
        assert [(await count).count for count in counts] == [1, 2, 3, 4, 5]
        assert ours.store.boxes[0].items == [0, 1, 2, 3, 4]
        assert (await promise).size == len("pipelined")


async def test_a_cpp_client_calls_into_an_answer_that_is_not_there_yet() -> None:
    async with cpp_client() as ours:
        box = ours.root.slow(
            "late"
        ).box  # the promise of the answer itself is dropped: a Finish before the Return
        counts = [box.put(item) for item in range(3)]
        inner = box.inner().box.name()
        del box
        await ours.store.waiting.wait()
        ours.store.let_go.set()
        assert [(await count).count for count in counts] == [1, 2, 3]
        assert (await inner).name == "late/inner"


async def test_a_cpp_client_is_called_back() -> None:
    async with cpp_client() as ours:
        watcher = CppWatcher()
        assert (await ours.root.watch(watcher=watcher, times=4)).calls == 4
        assert watcher.seen_numbers == [0, 1, 2, 3]
        assert ours.peer.sizes["imports"] == 0


async def test_a_cpp_client_gets_the_reason_of_a_refusal_and_nothing_else() -> None:
    async with cpp_client() as ours:
        with pytest.raises(capnp.KjException, match="E013 NOT_FOUND: as asked retry_after=12"):
            await ours.root.fail(code=13)
        with pytest.raises(capnp.KjException, match="E025 INTERNAL: something went wrong inside") as caught:
            await ours.root.fail(code=0)
        assert "secret" not in str(caught.value)
        ours.store.let_go.set()
        with pytest.raises(capnp.KjException, match="E013 NOT_FOUND"):
            await ours.root.slow("").box.name()


async def test_a_cpp_client_that_drops_a_capability_releases_it() -> None:
    async with cpp_client() as ours:
        answer = await ours.root.open("dropped")
        await answer.box.name()
        assert ours.peer.sizes["exports"] == 2
        assert ours.store.boxes[0].releases == 0
        del answer
        await ours.store.boxes[0].gone.wait()
        assert ours.store.boxes[0].releases == 1
        assert ours.peer.sizes["exports"] == 1
        assert ours.peer.sizes["answers"] == 0


async def test_a_cpp_client_that_drops_a_call_cancels_its_handler() -> None:
    async with cpp_client() as ours:
        call = ours.root.wait()
        await ours.store.waiting.wait()
        call.cancel()
        del call
        await ours.store.cancelled.wait()
        await turns()
        assert ours.peer.sizes["handlers"] == 0


async def test_a_cpp_client_gets_its_own_capability_back() -> None:
    async with cpp_client() as ours:
        watcher = CppWatcher()
        answer = await ours.root.give(watcher=watcher)
        assert (await answer.watcher.seen(21)).number == 42
        assert ours.peer.sizes["imports"] == 0


async def test_a_cpp_client_that_calls_its_own_capability_through_our_answer_is_refused_and_goes_on() -> None:
    async with cpp_client() as ours:
        watcher = CppWatcher()
        promise = ours.root.give(watcher=watcher)
        early = promise.watcher.seen(1)
        answer = await promise  # from here on C++ asks for a disembargo, which must come back
        assert (await answer.watcher.seen(21)).number == 42
        with pytest.raises(capnp.KjException, match="E001 BAD_REQUEST"):
            await early


async def test_a_cpp_client_is_told_what_is_not_here() -> None:
    async with cpp_client() as ours:
        with pytest.raises(capnp.KjException, match="E002 UNSUPPORTED_VERSION"):
            await ours.root.cast_as(SCHEMA.Box).name()
        assert (await ours.root.open("still here")).size == 10


async def test_a_capability_beside_a_long_text_arrives_in_several_segments() -> None:
    name = "n" * 500
    async with cpp_client() as ours:
        answer = await ours.root.open(name)
        assert answer.note == name * 100
        assert (await answer.box.name()).name == name
    async with cpp_server() as theirs:
        results = await theirs.peer.call(theirs.root, STORE.open, Named(name))
        assert results.note == name * 100
        assert isinstance(results.box, Remote)
        assert (await theirs.peer.call(results.box, BOX.name, Empty())).name == "made of C++"


# -- ours calls the C++ server ----------------------------------------------------------------------------------------------------


async def test_ours_calls_a_cpp_server() -> None:
    async with cpp_server() as theirs:
        answer = await theirs.peer.call(theirs.root, STORE.echo, Echo(EVERYTHING, "t"))
        assert answer == Echo(EVERYTHING, "t")


async def test_ours_calls_what_a_cpp_answer_will_hold() -> None:
    async with cpp_server() as theirs:
        call = theirs.peer.start_call(theirs.root, STORE.open, Named("four"))
        box = call.capability("box")
        counts = [theirs.peer.start_call(box, BOX.put, Item(item)) for item in range(4)]
        assert [(await count).count for count in counts] == [1, 2, 3, 4]
        assert (await call).size == 4
        assert (await theirs.peer.call(box, BOX.name, Empty())).name == "made of C++"
        assert theirs.peer.sizes["imports"] == 2  # the root and the box


async def test_a_cpp_server_calls_ours_back_and_lets_go_of_it() -> None:
    async with cpp_server() as theirs:
        watcher = Watcher()
        assert (await theirs.peer.call(theirs.root, STORE.watch, Watch(watcher, 4))).calls == 4
        assert watcher.seen == [0, 1, 2, 3]
        await watcher.gone.wait()
        assert watcher.releases == 1
        assert theirs.peer.sizes["exports"] == 0


async def test_a_cpp_server_keeps_ours_until_it_goes() -> None:
    async with cpp_server() as theirs:
        watcher = Watcher()
        await theirs.peer.call(theirs.root, STORE.keep, Watched(watcher))
        assert (await theirs.store.kept[0].seen(7)).number == 14
        assert watcher.releases == 0
        theirs.store.kept.clear()
        await watcher.gone.wait()


async def test_a_cpp_servers_refusal_arrives_as_ours() -> None:
    async with cpp_server() as theirs:
        with pytest.raises(Error, match="E025 INTERNAL"):
            await theirs.peer.call(theirs.root, STORE.fail, Coded(0))
        with pytest.raises(Error, match="E002 UNSUPPORTED_VERSION"):
            await theirs.peer.call(theirs.root, BOX.name, Empty())


async def test_withdrawing_a_call_cancels_it_in_cpp() -> None:
    async with cpp_server() as theirs:
        call = theirs.peer.start_call(theirs.root, STORE.wait, Empty())
        await theirs.store.waiting.wait()
        call.cancel()
        await theirs.store.cancelled.wait()
        await theirs.peer.call(theirs.root, STORE.open, Named("after"))
        assert theirs.peer.sizes["questions"] == 0


async def test_ours_comes_back_from_a_cpp_server() -> None:
    async with cpp_server() as theirs:
        watcher = Watcher()
        answer = await theirs.peer.call(theirs.root, STORE.give, Watched(watcher))
        assert answer.watcher is watcher
        assert WATCHER.seen.key in watcher.methods
        assert await watcher.dispatch(WATCHER.seen, Number(1)) == Number(2)
