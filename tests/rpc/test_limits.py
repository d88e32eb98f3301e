"""Every limit of one connection: at it all is well, past it the connection ends with a code, and nothing is left behind."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import replace
from typing import Any

import pytest

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.rpc import Disconnected, Remote, RemoteProtocolError, build
from qnpc.rpc.messages import CONTENT, PARAMS_PATH, Descriptor, Target
from qnpc.rpc.pointers import View, descend
from qnpc.rpc.schema import RPC
from qnpc.rpc.state import Called
from qnpc.rpc.vat import Vat
from tests.rpc.bare import Bare
from tests.rpc.demo import BOX, STORE, Box, Echo, Empty, Item, Named, Payload, Sized, Store, Watched, Watcher
from tests.rpc.pairs import SMALL, Pair, pair
from tests.rpc.test_codec import EVERYTHING
from tests.support.links import turns

ROOT = Target(0)

LAVISH = replace(DEFAULT, message_before_login=1 << 20, message_after_login=1 << 20)
"""Of a client that allows itself more than the server does."""


async def ended_with(p: Pair, code: Code) -> None:
    """The server aborted with this code, told the client so, and holds nothing."""
    why = await p.server.wait_closed()
    assert isinstance(why, RemoteProtocolError)
    assert why.kind is code
    told = await p.client.wait_closed()
    assert isinstance(told, Error)
    assert (told.kind, told.sentence) == (code, why.sentence)
    assert p.server_link.reason == why.to_wire()
    assert set(p.server.sizes.values()) == {0}


def padding(size: int, target: Target = ROOT) -> Sized:
    """Parameters with which a call of Store.size at such a target is a message of `size` bytes."""
    near = Sized(bytes(size - 256), 0)  # in as many segments as the real one
    overhead = len(build.call(0, target, STORE.size.key, STORE.size.params, near, ())) - len(near.payload)
    return Sized(bytes(size - overhead), 0)


async def joined(**options: Any) -> Pair:
    """A pair whose root has come: calls of it name an import, not a promise."""
    p = pair(**options)
    await p.client.call(p.root, STORE.size, Sized(b"", 0))
    return p


# -- sizes --------------------------------------------------------------------------------------------------------------------------


async def test_before_login_a_message_may_be_so_large_and_no_larger() -> None:
    p = await joined(limits=SMALL, client_limits=LAVISH)
    assert await p.client.call(p.root, STORE.size, padding(4096)) == Payload(b"")
    call = p.client.start_call(p.root, STORE.size, padding(4104))
    with pytest.raises(Disconnected):
        await call
    await ended_with(p, Code.TOO_LARGE)


async def test_after_login_it_may_be_larger() -> None:
    p = await joined(limits=SMALL, client_limits=LAVISH)
    p.server.authenticated()
    await p.client.call(p.root, STORE.size, padding(65536))
    p.client.start_call(p.root, STORE.size, padding(65544))
    await ended_with(p, Code.TOO_LARGE)


async def test_what_would_be_too_large_is_not_even_sent() -> None:
    p = await joined(limits=SMALL)
    with pytest.raises(Error, match="E003 TOO_LARGE"):
        p.client.start_call(p.root, STORE.size, padding(4104))
    p.client.authenticated()
    p.server.authenticated()
    await p.client.call(p.root, STORE.size, padding(4104))
    await p.close()


async def test_an_answer_that_would_be_too_large_becomes_a_refusal() -> None:
    p = await joined(limits=SMALL)
    with pytest.raises(Error, match="E003 TOO_LARGE"):
        await p.client.call(p.root, STORE.size, Sized(b"", 4096))
    assert (await p.client.call(p.root, STORE.size, Sized(b"", 1000))).payload == bytes(1000)
    await p.close()


async def test_calls_in_flight_may_be_so_large_together() -> None:
    p = pair(limits=SMALL, client_limits=LAVISH)
    slow = p.client.start_call(p.root, STORE.slow, Named("b")).capability("box")
    for _ in range(3):
        p.client.start_call(slow, STORE.size, padding(4096, Target(0, (0,))))
    await turns()
    assert p.server.sizes["answers"] == 4
    p.client.start_call(slow, STORE.size, padding(4096, Target(0, (0,))))
    await ended_with(p, Code.TOO_MANY_CALLS)


async def test_large_calls_one_after_the_other_are_no_matter() -> None:
    p = await joined(limits=SMALL)
    p.client.start_call(p.root, STORE.wait, Empty())
    for _ in range(20):
        await p.client.call(p.root, STORE.size, padding(4096))
    await p.close()


# -- calls --------------------------------------------------------------------------------------------------------------------------


async def test_so_many_calls_may_be_in_flight_and_no_more() -> None:
    p = pair(limits=SMALL, client_limits=LAVISH)
    for _ in range(8):
        p.client.start_call(p.root, STORE.wait, Empty())
    await turns()
    assert p.server.sizes["handlers"] == 8
    p.client.start_call(p.root, STORE.wait, Empty())
    await ended_with(p, Code.TOO_MANY_CALLS)
    assert p.store.cancelled.is_set()


async def test_withdrawn_calls_count_until_they_end() -> None:
    class Stubborn(Store):
        async def _wait(self, _params: Empty) -> Empty:
            while not self.let_go.is_set():
                try:
                    await self.let_go.wait()
                except BaseException:
                    if self.peer.sizes["answers"] == 0:
                        raise
                    continue
            return Empty()

    p = pair(limits=SMALL, client_limits=LAVISH, store=Stubborn())
    for _ in range(9):
        p.client.start_call(p.root, STORE.wait, Empty()).cancel()
    p.store.let_go.set()
    await ended_with(p, Code.TOO_MANY_CALLS)


async def test_our_own_calls_wait_for_their_turn_or_are_told() -> None:
    p = pair(limits=SMALL)
    box = (await p.client.call(p.root, STORE.open, Named("b"))).box
    assert isinstance(box, Remote)
    waiting = [p.client.start_call(p.root, STORE.wait, Empty()) for _ in range(8)]
    with pytest.raises(Error, match="E026"):
        p.client.start_call(box, BOX.put, Item(0))
    queue = [asyncio.create_task(p.client.call(box, BOX.put, Item(number))) for number in range(20)]
    await turns()
    assert p.store.boxes[0].items == []
    p.store.let_go.set()
    assert [answer.count for answer in await asyncio.gather(*queue)] == list(range(1, 21))
    assert p.store.boxes[0].items == list(range(20))
    for call in waiting:
        await call
    await p.close()


async def test_calls_that_wait_for_their_turn_end_with_the_connection() -> None:
    p = pair(limits=SMALL)
    calls = [asyncio.create_task(p.client.call(p.root, STORE.wait, Empty())) for _ in range(12)]
    await turns()
    p.server.close()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, Disconnected)


async def test_calls_that_wait_in_an_answer_count_too() -> None:
    p = pair(limits=SMALL, client_limits=LAVISH)
    box = p.client.start_call(p.root, STORE.slow, Named("b")).capability("box")
    for number in range(8):
        p.client.start_call(box, BOX.put, Item(number))
    await ended_with(p, Code.TOO_MANY_CALLS)
    assert p.store.boxes == []


async def test_one_that_asks_and_does_not_read_is_cut_off() -> None:
    p = pair(limits=SMALL, client_limits=LAVISH)
    await p.client.call(p.root, STORE.size, Sized(b"", 0))
    p.client_link.hold()
    for _ in range(12):
        p.client.start_call(p.root, STORE.size, Sized(b"", 3900))
        await turns(10)
    p.client_link.resume()
    await ended_with(p, Code.TOO_MANY_CALLS)


# -- capabilities -------------------------------------------------------------------------------------------------------------------


async def test_so_many_objects_may_be_held_and_no_more() -> None:
    p = pair(limits=SMALL, client_limits=LAVISH)
    held = [await p.client.call(p.root, STORE.open, Named(str(number))) for number in range(15)]
    held.pop().box.release()  # type: ignore[union-attr]
    held.append(await p.client.call(p.root, STORE.open, Named("again")))
    assert p.server.sizes["exports"] == 16
    p.client.start_call(p.root, STORE.open, Named("one more"))
    await ended_with(p, Code.TOO_MANY_CALLS)
    assert [box.releases for box in p.store.boxes] == [1] * 16 + [0]


async def test_so_many_objects_may_be_passed_in_and_no_more() -> None:
    p = pair(limits=SMALL, client_limits=LAVISH)
    watchers = [Watcher() for _ in range(17)]
    for watcher in watchers[:16]:
        await p.client.call(p.root, STORE.keep, Watched(watcher))
    p.client.start_call(p.root, STORE.keep, Watched(watchers[16]))
    await ended_with(p, Code.TOO_MANY_CALLS)
    assert [watcher.releases for watcher in watchers] == [1] * 17


async def test_we_do_not_export_more_than_we_allow_ourselves() -> None:
    p = pair(limits=SMALL)
    for _ in range(16):
        await p.client.call(p.root, STORE.keep, Watched(Watcher()))
    extra = Watcher()
    with pytest.raises(Error, match="E026 TOO_MANY_CALLS: too many capabilities"):
        p.client.start_call(p.root, STORE.keep, Watched(extra))
    assert p.client.sizes["exports"] == 16
    await p.close()


# -- the vat by itself: what only a strange peer sends --------------------------------------------------------------------------------


@pytest.fixture
def bare() -> Bare:
    return Bare.serving()


def call(question: int, target: Target = ROOT, table: tuple[Descriptor, ...] = ()) -> bytes:
    method = STORE.keep if table else STORE.wait
    return build.call(
        question, target, method.key, method.params, Watched(Watcher()) if table else Empty(), table
    )


def test_answers_that_are_never_finished_are_bounded(bare: Bare) -> None:
    for question in range(1, 25):
        bare.send(build.bootstrap(question))
    assert bare.refused(build.bootstrap(99), Code.TOO_MANY_CALLS) == "too many answers are not finished"


def test_a_table_of_too_many_capabilities_is_refused(bare: Bare) -> None:
    message = RPC.Message.new_message()
    message.init("call").params.init("capTable", 17)
    assert "too many capabilities" in bare.refused(message.to_bytes(), Code.TOO_MANY_CALLS)


def test_a_path_that_is_too_long_is_refused(bare: Bare) -> None:
    assert bare.refused(call(1, Target(7, (0,) * 33))) == "the path into an answer is too long"


def echo_of_one_blob_many_times(count: int) -> bytes:
    """A call whose list of blobs has `count` pointers to one blob of 1000 bytes."""
    value = replace(EVERYTHING, blobs=(b"x" * 1000, *[b"y"] * (count - 1)))
    raw = bytearray(build.call(1, Target(0), STORE.echo.key, STORE.echo.params, Echo(value, ""), ()))
    content = descend(bytes(raw), *PARAMS_PATH, CONTENT)
    assert isinstance(content, View)
    inner = content.struct(0)
    assert isinstance(inner, View)
    slot = STORE.echo.params.schema.fields["value"].schema.fields["blobs"].proto.slot.offset
    (word,) = struct.unpack_from("<Q", raw, inner.pointer(slot))
    start = inner.pointer(slot) + 8 + 8 * ((word & 0xFFFFFFFF) >> 2)
    (first,) = struct.unpack_from("<Q", raw, start)
    for index in range(1, count):
        struct.pack_into("<Q", raw, start + 8 * index, first - 4 * index)
    return bytes(raw)


def test_a_message_is_not_read_as_more_than_it_is(bare: Bare) -> None:
    # A hundred pointers to the same kilobyte would be read as a hundred kilobytes.
    bare.send(echo_of_one_blob_many_times(100))
    (event,) = bare.events()
    assert isinstance(event, Called)
    with pytest.raises(Error, match="E001 BAD_REQUEST"):
        event.params.read(STORE.echo.params)


def test_what_is_nested_too_deeply_is_given_back_unread(bare: Bare) -> None:
    message = RPC.Message.new_message(num_first_segment_words=1024)
    inner = message.init("unimplemented")
    for _ in range(200):
        inner = inner.init("unimplemented")
    chain = bytearray(message.to_bytes())
    root = descend(bytes(chain))
    assert isinstance(root, View)
    struct.pack_into("<H", chain, root.data, 7)  # a kind that is not ours, whose content is the whole chain
    bare.send(bytes(chain))
    assert bare.sent()[-1].endswith(chain[8:])


async def test_before_login_fewer_calls_and_objects_are_allowed() -> None:
    limits = replace(SMALL, calls_before_login=2, exports_before_login=3)
    p = pair(limits=limits, client_limits=SMALL)
    boxes = [await p.client.call(p.root, STORE.open, Named("b")) for _ in range(2)]
    with pytest.raises(Disconnected):
        await p.client.call(p.root, STORE.open, Named("b"))  # the root is an object, too
    assert len(boxes) == 2
    await p.close()


async def test_login_raises_the_limits_on_both_sides() -> None:
    limits = replace(SMALL, calls_before_login=2, exports_before_login=3)
    p = pair(limits=limits)
    waiting = [p.client.start_call(p.root, STORE.wait, Empty()) for _ in range(1)]
    with pytest.raises(Error) as busy:
        waiting += [p.client.start_call(p.root, STORE.wait, Empty()) for _ in range(2)]
    assert busy.value.kind is Code.TOO_MANY_CALLS
    for peer in (p.client, p.server):
        peer.authenticated()
    waiting += [p.client.start_call(p.root, STORE.wait, Empty()) for _ in range(6)]
    await p.store.waiting.wait()
    p.store.let_go.set()
    for call in waiting:
        await call
    assert [await p.client.call(p.root, STORE.open, Named("b")) for _ in range(10)]
    await p.close()


def puts(count: int) -> bytes:
    """So many calls of Box.put on the root of a `Bare`."""
    return b"".join(
        build.call(n, ROOT, BOX.put.key, BOX.put.params, Item(n), ()) for n in range(1, count + 1)
    )


def test_messages_that_come_together_can_be_handled_a_few_at_a_time(bare: Bare) -> None:
    assert bare.vat.receive_bytes(puts(7), 0)
    assert list(bare.events()) == []
    taken = []
    more = True
    while more:
        more = bare.vat.receive_bytes(b"", 3)
        taken.append(len(list(bare.events())))
    assert taken == [3, 3, 1]


def test_who_sends_more_than_can_be_taken_is_cut_off(bare: Bare) -> None:
    much = build.finish_keeping(99) * 200
    assert bare.vat.receive_bytes(much[:4096], 1)
    with pytest.raises(RemoteProtocolError, match="more is sent than can be taken") as caught:
        bare.vat.receive_bytes(much * 3, 1)
    assert caught.value.kind is Code.TOO_MANY_CALLS


async def test_before_login_many_small_messages_leave_the_loop_to_others() -> None:
    p = await joined()
    p.client.release(p.root)
    one = build.finish_keeping(99)
    p.server.data_received(one * 150)
    held = p.server.sizes["bytes"]
    assert held == (150 - DEFAULT.messages_at_once_before_login) * len(one)
    await turns(3)
    assert 0 < held - p.server.sizes["bytes"] <= 8 * DEFAULT.messages_at_once_before_login * len(one)
    await p.close()


def test_a_message_on_its_way_is_no_excess_beside_few_that_wait() -> None:
    vat = Vat(DEFAULT, Box("root"))
    large = build.call(9, ROOT, STORE.size.key, STORE.size.params, Sized(bytes(20_000), 0), ())
    few = b"".join(build.bootstrap(number) for number in range(5))
    assert vat.receive_bytes(few + large[:12_000], DEFAULT.messages_at_once_before_login)
    many = build.finish_keeping(99) * (DEFAULT.messages_waiting_before_login // 40 + 5)
    with pytest.raises(RemoteProtocolError, match="more is sent than can be taken"):
        Vat(DEFAULT, Box("root")).receive_bytes(many + large[:12_000], 4)


def test_a_large_message_that_is_not_whole_yet_is_no_excess(bare: Bare) -> None:
    large = build.call(9, ROOT, STORE.size.key, STORE.size.params, Sized(bytes(3000), 0), ())
    assert not bare.vat.receive_bytes(puts(2) + large[:2000], 2)
    assert not bare.vat.receive_bytes(large[2000:], 2)
    assert len(list(bare.events())) == 3
