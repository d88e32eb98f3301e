"""Our peer against our peer, over a Link in memory: calls, pipelining, order, release, refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.rpc import Call, Disconnected, LocalProtocolError, Method, Peer, encode
from tests.rpc.demo import (
    BOX,
    STORE,
    Box,
    Coded,
    Count,
    Echo,
    Empty,
    Item,
    Named,
    Store,
    Two,
    Watch,
    Watched,
    Watcher,
)
from tests.rpc.pairs import SMALL, clean, pair
from tests.rpc.test_codec import EVERYTHING
from tests.support.links import memory_links, turns


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
async def test_a_call_brings_its_results(chunk: int) -> None:
    p = pair(chunk=chunk)
    assert await p.client.call(p.root, STORE.echo, Echo(EVERYTHING, "tag")) == Echo(EVERYTHING, "tag")
    await clean(p)


async def test_a_capability_in_an_answer_is_called_before_and_after_the_answer() -> None:
    p = pair()
    opened = p.client.start_call(p.root, STORE.open, Named("b"))
    early = opened.capability("box")
    first = p.client.start_call(early, BOX.put, Item(1))
    results = await opened
    second = p.client.start_call(early, BOX.put, Item(2))  # now it leads straight to the object
    third = p.client.start_call(results.box, BOX.put, Item(3))  # type: ignore[arg-type]
    assert [await first, await second, await third] == [Count(1), Count(2), Count(3)]
    assert p.store.boxes[0].items == [1, 2, 3]
    late = opened.capability("box")
    for remote in (early, results.box, late):
        assert p.store.boxes[0].releases == 0
        remote.release()  # type: ignore[union-attr]
        remote.release()  # type: ignore[union-attr]
        await turns()
    assert p.store.boxes[0].releases == 1
    await clean(p)


async def test_a_whole_chain_of_calls_goes_out_before_the_first_answer() -> None:
    p = pair()
    p.server_link.hold()
    remote = p.client.start_call(p.root, STORE.open, Named("b")).capability("box")
    for _ in range(5):
        remote = p.client.start_call(remote, BOX.inner, Empty()).capability("box")
    named = p.client.start_call(remote, BOX.name, Empty())
    p.server_link.resume()
    assert (await named).name == "b" + "/inner" * 5
    await p.close()


async def test_calls_start_in_the_order_in_which_they_were_made() -> None:
    p = pair(chunk=13)
    p.client.authenticated()
    p.server.authenticated()
    box = p.client.start_call(p.root, STORE.slow, Named("b")).capability("box")
    calls = [p.client.start_call(box, BOX.put, Item(number)) for number in range(20)]
    await p.store.waiting.wait()
    p.store.let_go.set()
    while not p.store.boxes:
        await turns(1)
    calls += [p.client.start_call(box, BOX.put, Item(number)) for number in range(20, 40)]
    assert [(await call).count for call in calls] == list(range(1, 41))
    assert p.store.boxes[0].items == list(range(40))
    await p.close()


async def test_calls_on_an_answer_that_is_a_refusal_are_refused_like_it() -> None:
    p = pair()
    slow = p.client.start_call(p.root, STORE.slow, Named(""))
    box = slow.capability("box")
    calls = [p.client.start_call(box, BOX.name, Empty()) for _ in range(2)]
    p.store.let_go.set()
    for outcome in await asyncio.gather(slow, *calls, return_exceptions=True):
        assert str(outcome) == "E013 NOT_FOUND: nothing of that name"
    with pytest.raises(Error, match="E013"):
        p.client.start_call(box, BOX.name, Empty())
    await clean(p)


async def test_a_capability_passed_in_is_called_back_and_released() -> None:
    p = pair()
    watcher = Watcher()
    assert (await p.client.call(p.root, STORE.watch, Watch(watcher, 3))).calls == 3
    await watcher.gone.wait()
    assert (watcher.seen, watcher.releases) == ([0, 1, 2], 1)
    await clean(p)


async def test_ones_own_object_comes_back_as_itself() -> None:
    p = pair()
    watcher = Watcher()
    assert (await p.client.call(p.root, STORE.give, Watched(watcher))).watcher is watcher
    await turns()
    assert watcher.releases == 1
    await clean(p)


async def test_a_capability_of_the_other_side_can_be_given_to_it() -> None:
    p = pair()
    box = p.client.start_call(p.root, STORE.open, Named("b")).capability("box")
    await p.client.call(p.root, STORE.keep, Watched(p.root))
    assert p.store.kept == [p.store]
    with pytest.raises(Error, match="E001"):
        await p.client.call(
            p.root, STORE.keep, Watched(p.client.start_call(p.root, STORE.slow, Named("x")).capability("box"))
        )
    await p.client.call(box, BOX.name, Empty())
    p.store.let_go.set()
    await p.close()


async def test_one_object_twice_in_one_answer_is_counted_twice() -> None:
    p = pair()
    twice = await p.client.call(p.root, STORE.twice, Empty())
    twice.left.release()  # type: ignore[union-attr]
    await turns()
    assert p.store.boxes[0].releases == 0
    assert (await p.client.call(twice.right, BOX.name, Empty())).name == "one"  # type: ignore[arg-type]
    twice.right.release()  # type: ignore[union-attr]
    await turns()
    assert p.store.boxes[0].releases == 1
    await clean(p)


# -- refusals -----------------------------------------------------------------------------------------------------------------------


class Log:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def error(self, event: str, **values: Any) -> None:
        self.lines.append({"event": event, **values})


async def test_a_refusal_arrives_as_it_was_raised() -> None:
    p = pair()
    for code in (Code.EPOCH_STALE, Code.TOO_MANY_CALLS):
        with pytest.raises(Error) as caught:
            await p.client.call(p.root, STORE.fail, Coded(list(Code).index(code) + 1))
        assert (caught.value.kind, caught.value.sentence, caught.value.retry_after) == (code, "as asked", 12)
        assert not isinstance(caught.value, Disconnected)
    await clean(p)


async def test_an_unexpected_failure_is_logged_without_its_text_and_hidden_from_the_caller() -> None:
    left, right = memory_links()
    log = Log()
    server, client = Peer(right, SMALL, bootstrap=Store(), log=log), Peer(left, SMALL)
    server.start()
    client.start()
    with pytest.raises(Error, match="E025 INTERNAL: something went wrong inside"):
        await client.call(client.bootstrap(), STORE.fail, Coded(0))
    (line,) = log.lines
    assert (line["method"], line["error"]) == ("Store.fail", "RuntimeError")
    assert any("_fail" in frame for frame in line["trace"])
    assert "secret" not in str(line)
    assert b"secret" not in right.sent
    client.close()
    await server.wait_closed()


async def test_who_is_not_logged_in_is_heard_a_few_messages_in_each_turn() -> None:
    left, right = memory_links()
    right.turns = []
    server, client = Peer(right, DEFAULT, bootstrap=Store()), Peer(left, DEFAULT)
    server.start()
    client.start()
    right.hold()
    root = client.bootstrap()
    calls = [client.start_call(root, STORE.fail, Coded(1)) for _ in range(11)]
    server.data_received(bytes(left.sent))  # all at once
    await turns()
    heard = [sum(call.done for call in calls)]
    for _ in range(2):
        (go_on,) = right.turns
        right.turns.clear()
        go_on()
        await turns()
        heard.append(sum(call.done for call in calls))
    assert heard == [3, 7, 11], "and the bootstrap"
    right.resume()
    client.close()
    await server.wait_closed()


async def test_a_client_code_never_leaves() -> None:
    p = pair()
    with pytest.raises(Error) as caught:
        await p.client.call(p.root, STORE.fail, Coded(list(Code).index(Code.UNREACHABLE) + 1))
    assert caught.value.kind is Code.INTERNAL
    await p.close()


async def test_a_method_that_the_object_does_not_have_is_e002() -> None:
    p = pair()
    with pytest.raises(Error, match="E002"):
        await p.client.call(p.root, BOX.name, Empty())
    with pytest.raises(Error, match="E002"):
        await p.server.call(p.server.bootstrap(), BOX.name, Empty())  # the client offers nothing
    await clean(p)


async def test_results_that_do_not_fit_are_e025_and_their_objects_are_let_go() -> None:
    class Liar(Box):
        async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
            return Named(5)  # type: ignore[arg-type]

    left, right = memory_links()
    log = Log()
    server, client = Peer(right, SMALL, bootstrap=Liar("liar"), log=log), Peer(left, SMALL)
    server.start()
    client.start()
    with pytest.raises(Error, match="E025"):
        await client.call(client.bootstrap(), BOX.name, Empty())
    assert log.lines[0]["error"] == "LocalProtocolError"
    client.close()
    await server.wait_closed()


async def test_objects_in_results_that_do_not_fit_are_let_go() -> None:
    class Half(Store):
        async def _twice(self, _params: Empty) -> Two:
            return Two(self.box("left"), None)  # type: ignore[arg-type]

    left, right = memory_links()
    store = Half()
    server, client = Peer(right, SMALL, bootstrap=store, log=Log()), Peer(left, SMALL)
    server.start()
    client.start()
    with pytest.raises(Error, match="E025"):
        await client.call(client.bootstrap(), STORE.twice, Empty())
    assert store.boxes[0].releases == 1
    client.close()
    await server.wait_closed()


async def test_a_capability_is_released_for_a_handler_that_raises() -> None:
    class Refuser(Store):
        async def _keep(self, params: Watched) -> Empty:
            raise Error(Code.NOT_ALLOWED)

    p = pair(store=Refuser())
    watcher = Watcher()
    with pytest.raises(Error, match="E027"):
        await p.client.call(p.root, STORE.keep, Watched(watcher))
    await watcher.gone.wait()
    await clean(p)


async def test_mistakes_of_ours_are_refused_here_and_harm_nothing() -> None:
    p, other = pair(), pair()
    with pytest.raises(LocalProtocolError, match="another connection"):
        p.client.start_call(other.root, STORE.wait, Empty())
    with pytest.raises(LocalProtocolError, match="another connection"):
        p.client.start_call(p.root, STORE.keep, Watched(other.root))
    with pytest.raises(LocalProtocolError, match="does not fit"):
        p.client.start_call(p.root, STORE.open, Named(5))  # type: ignore[arg-type]
    unsent = Watcher()
    with pytest.raises(LocalProtocolError, match="does not fit"):
        p.client.start_call(p.root, STORE.watch, Watch(unsent, -1))
    await turns()
    assert unsent.releases == 1
    with pytest.raises(LocalProtocolError, match="something else"):
        p.client.start_call(p.root, STORE.keep, Watched(None))  # type: ignore[arg-type]
    opened = p.client.start_call(p.root, STORE.open, Named(""))
    with pytest.raises(LocalProtocolError, match="no capability"):
        opened.capability("size")
    opened.cancel()
    gone = p.client.bootstrap()
    gone.release()
    with pytest.raises(LocalProtocolError, match="released"):
        p.client.start_call(gone, STORE.wait, Empty())
    await clean(p)
    await other.close()


# -- encoded once -------------------------------------------------------------------------------------------------------------------


async def test_a_call_encoded_once_is_the_same_bytes_as_one_encoded_for_its_peer() -> None:
    sent = []
    encoded = encode(STORE.echo, Echo(EVERYTHING, "t" * 300))
    for once in (False, True):
        p = pair()
        box = p.client.start_call(p.root, STORE.open, Named("b")).capability("box")
        await p.client.call(box, BOX.name, Empty())
        waiting = [p.client.start_call(p.root, STORE.wait, Empty()) for _ in range(3)]
        start = len(p.client_link.sent)
        call: Call[Echo] = (
            p.client.start_encoded(p.root, encoded)
            if once
            else p.client.start_call(p.root, STORE.echo, Echo(EVERYTHING, "t" * 300))
        )
        sent.append(bytes(p.client_link.sent[start:]))
        assert (await call).value == EVERYTHING
        p.store.let_go.set()
        for one in waiting:
            await one
        await p.close()
    assert sent[0] == sent[1]


async def test_an_encoded_call_may_go_to_a_promise() -> None:
    p = pair()
    box = p.client.start_call(p.root, STORE.open, Named("b")).capability("box")
    put = encode(BOX.put, Item(9))
    assert await p.client.start_encoded(box, put) == Count(1)
    assert await p.client.start_encoded(box, put) == Count(2)
    with pytest.raises(LocalProtocolError):
        encode(STORE.keep, Watched(Watcher()))
    await p.close()
