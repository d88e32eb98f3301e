"""How calls and connections end: withdrawn, timed out, closed, cut off. Nothing of them is left."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from qnpc.errors import Code, Error
from qnpc.rpc import Disconnected
from tests.rpc.demo import (
    BOX,
    STORE,
    Empty,
    Item,
    Named,
    Store,
    Watch,
    Watched,
    Watcher,
)
from tests.rpc.pairs import clean, pair
from tests.support.links import turns

# -- withdrawing --------------------------------------------------------------------------------------------------------------------


async def test_cancelling_the_awaiter_cancels_the_handler() -> None:
    p = pair()
    task = asyncio.create_task(p.client.call(p.root, STORE.wait, Empty()))
    await p.store.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await p.store.cancelled.wait()
    await clean(p)


async def test_a_timeout_cancels_the_handler() -> None:
    p = pair()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await p.client.call(p.root, STORE.wait, Empty())
    await clean(p)


async def test_a_withdrawn_call_that_ends_well_all_the_same_leaves_nothing() -> None:
    class Stubborn(Store):
        async def _slow(self, params: Named) -> Any:
            with contextlib.suppress(asyncio.CancelledError):
                await super()._slow(params)
            return await self._inner(params)

        async def _inner(self, params: Named) -> Any:
            self.let_go.set()
            return await super()._slow(params)

    p = pair(store=Stubborn())
    call = p.client.start_call(p.root, STORE.slow, Named("unwanted"))
    box = call.capability("box")
    await p.store.waiting.wait()
    call.cancel()
    call.cancel()
    with pytest.raises(Error, match="withdrawn"):
        p.client.start_call(box, BOX.name, Empty())
    await p.store.cancelled.wait()
    await turns()
    assert p.store.boxes[0].releases == 1
    await clean(p)


async def test_an_answer_that_crosses_a_withdrawal_is_let_go() -> None:
    p = pair()
    p.client_link.hold()
    call = p.client.start_call(p.root, STORE.open, Named("crossing"))
    while not p.store.boxes:
        await turns(1)
    await turns()
    call.cancel()
    p.client_link.resume()
    await p.store.boxes[0].gone.wait()
    await clean(p)


async def test_the_answer_of_an_awaiter_that_is_cancelled_too_late_is_let_go() -> None:
    p = pair()
    call = p.client.start_call(p.root, STORE.open, Named("late"))

    async def wait() -> None:
        await call

    task = asyncio.create_task(wait())
    while not call.done:
        await turns(1)
    call.cancel()
    await task
    await p.store.boxes[0].gone.wait()
    await clean(p)


async def test_a_call_withdrawn_while_it_waits_for_an_answer_never_runs() -> None:
    p = pair()
    box = p.client.start_call(p.root, STORE.slow, Named("b")).capability("box")
    calls = [p.client.start_call(box, BOX.put, Item(number)) for number in range(3)]
    await p.store.waiting.wait()
    calls[1].cancel()
    await turns()
    p.store.let_go.set()
    assert [(await calls[0]).count, (await calls[2]).count] == [1, 2]
    assert p.store.boxes[0].items == [0, 2]
    await p.close()


# -- the end ------------------------------------------------------------------------------------------------------------------------


async def test_when_the_connection_ends_nothing_of_it_is_left() -> None:
    p = pair()
    watcher = Watcher()
    await p.client.call(p.root, STORE.keep, Watched(watcher))
    opened = await p.client.call(p.root, STORE.open, Named("b"))
    waiting = p.client.start_call(p.root, STORE.wait, Empty())
    ends: list[Exception | None] = []
    p.server.on_closed = p.client.on_closed = ends.append
    await p.store.waiting.wait()
    p.client.close()
    p.client.close()
    assert await p.client.wait_closed() is None
    assert await p.server.wait_closed() is None
    assert ends == [None, None]
    assert p.store.cancelled.is_set()
    assert (watcher.releases, p.store.boxes[0].releases, p.store.releases) == (1, 1, 1)
    with pytest.raises(Disconnected) as caught:
        await waiting
    assert caught.value.kind is Code.UNREACHABLE
    for call in (lambda: p.client.start_call(p.root, STORE.wait, Empty()), p.client.bootstrap):
        with pytest.raises(Disconnected):
            call()
    opened.box.release()  # type: ignore[union-attr]
    with pytest.raises(Disconnected):
        p.server.start_call(p.store.remote, BOX.name, Empty())
    for peer in (p.client, p.server):
        assert set(peer.sizes.values()) == {0}


async def test_a_dead_path_is_told_to_whoever_waits() -> None:
    p = pair()
    waiting = p.client.start_call(p.root, STORE.wait, Empty())
    await p.store.waiting.wait()
    broken = ConnectionError("the path died")
    p.client_link.cut(broken)
    assert await p.client.wait_closed() is broken
    with pytest.raises(Disconnected) as caught:
        await waiting
    assert caught.value.cause is broken
    assert await p.server.wait_closed() is broken


async def test_why_one_side_gives_up_reaches_the_other() -> None:
    p = pair()
    waiting = p.client.start_call(p.root, STORE.wait, Empty())
    await p.store.waiting.wait()
    p.server.close(Error(Code.SHUTTING_DOWN, "back soon", retry_after=5))
    why = await p.client.wait_closed()
    assert isinstance(why, Error)
    assert (why.kind, why.sentence, why.retry_after) == (Code.SHUTTING_DOWN, "back soon", 5)
    assert p.server_link.reason == why.to_wire()
    with pytest.raises(Disconnected):
        await waiting
    assert await p.server.wait_closed() is not None


async def test_a_peer_that_closes_inside_a_handler_ends_well() -> None:
    class Closer(Store):
        async def _wait(self, _params: Empty) -> Empty:
            self.peer.close()
            return Empty()

    p = pair(store=Closer())
    with pytest.raises(Disconnected):
        await p.client.call(p.root, STORE.wait, Empty())
    await p.server.wait_closed()


async def test_an_object_that_fails_when_released_does_no_harm() -> None:
    class Fragile(Watcher):
        def released(self) -> None:
            raise RuntimeError("no")

    p = pair()
    await p.client.call(p.root, STORE.watch, Watch(Fragile(), 1))
    assert (await p.client.call(p.root, STORE.open, Named("on"))).size == 2
    await p.close()


async def test_a_link_that_drains_is_told() -> None:
    p = pair()
    drained = asyncio.Event()
    p.client.on_writable = drained.set
    await p.client.call(p.root, STORE.open, Named("x"))
    await drained.wait()
    await turns()
    assert p.client.queued == 0
    await p.close()
