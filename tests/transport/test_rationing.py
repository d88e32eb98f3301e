"""When strangers are served: at once while nobody else wants anything, else in slices that lie apart."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from qnpc.limits import DEFAULT
from qnpc.transport.connection import Connection
from qnpc.transport.lines import Datagram
from qnpc.transport.rationing import Rationing
from tests.node.links import ManualClock
from tests.support.links import turns

COST = 0.0006
"""Seconds for each datagram: two of them are more than a slice."""


PAUSES = 1 / DEFAULT.turn_share - 1
"""Of a slice's time, until the next."""


class Open:
    is_open = True


class Node:
    """Serves strangers, each at a cost, and notes when."""

    def __init__(self, cost: float = COST) -> None:
        self._cost = cost
        self.clock = ManualClock(now=0.0)
        self.rationing = Rationing(self.clock, DEFAULT, self._serve, lambda _key: 0)
        self.served: list[float] = []

    def come(self, count: int) -> None:
        for number in range(count):
            self.rationing.turns.put((b"x", (f"10.0.0.{number}", 1)), None)
        self.rationing.work()

    def _serve(self, _connection: Connection | None, _datagrams: list[Datagram]) -> None:
        self.served.append(self.clock.monotonic())
        self.clock.advance(self._cost)


async def test_a_slice_ends_and_others_have_a_turn_of_the_loop_between() -> None:
    node = Node()
    seen: list[int] = []

    def other() -> None:
        seen.append(len(node.served))
        if len(seen) < 5:
            asyncio.get_running_loop().call_soon(other)

    asyncio.get_running_loop().call_soon(other)
    node.come(6)
    assert len(node.served) == 2
    await turns()
    assert seen[:3] == [2, 4, 6], "and none of them waits for a timer"


async def test_while_somebody_known_is_served_slices_lie_apart() -> None:
    node = Node()
    node.rationing.notice()
    node.come(6)
    for expected in (2, 4, 6):
        await turns()
        assert len(node.served) == expected
        node.clock.advance(PAUSES * 2 * COST)


@pytest.mark.parametrize(("cost", "pause"), [(0.003, 0.003 * PAUSES), (0.5, DEFAULT.turn_pause)])
async def test_the_longer_a_slice_took_the_later_comes_the_next(cost: float, pause: float) -> None:
    """But not for ever: it may have been the machine that was slow."""
    node = Node(cost)
    node.come(1)
    node.rationing.notice()
    node.come(2)
    node.clock.advance(pause - 0.001)
    assert len(node.served) == 2
    node.clock.advance(0.002)
    assert len(node.served) == 3


async def test_when_nobody_known_wants_anything_any_more_the_rest_is_served_at_once() -> None:
    node = Node()
    node.rationing.notice()
    node.clock.advance(DEFAULT.turn_quiet)
    node.come(10)
    await turns()
    assert len(node.served) == 10


async def test_what_comes_meanwhile_waits_for_the_next_slice() -> None:
    node = Node()
    node.rationing.notice()
    node.come(4)
    node.come(1)
    assert len(node.served) == 2


async def test_who_sends_little_but_often_gets_no_more_than_the_share() -> None:
    node = Node()
    for _ in range(40):
        node.rationing.notice()
        node.come(1)
        node.clock.advance(COST)
    share = DEFAULT.turn_share * node.clock.monotonic()
    assert share - 2 * COST < len(node.served) * COST < share + 2 * COST


async def test_what_a_turn_begins_counts_in_the_slice() -> None:
    """A connection's calls begin in the loop's next turn, and nothing is taken before."""
    node = Node(cost=0.0)
    began: list[int] = []

    def serve(_connection: object, _datagrams: object) -> None:
        def call() -> None:
            began.append(len(began))
            node.clock.advance(COST)

        asyncio.get_running_loop().call_soon(call)

    node.rationing._serve = serve
    node.rationing.notice()
    for _ in range(4):
        node.rationing.turns.open.owe(cast("Connection", Open()))
    node.rationing.work()
    assert began == []
    await turns()
    assert len(began) == 2
    node.clock.advance(PAUSES * 2 * COST)
    await turns()
    assert len(began) == 4


async def test_what_is_done_for_others_meanwhile_is_not_paid_for_by_strangers() -> None:
    node = Node(cost=0.0003)
    connection = cast("Connection", Open())
    serve = node.rationing._serve

    def serve_and_more(whose: Connection | None, datagrams: list[Datagram]) -> None:
        serve(whose, datagrams)
        asyncio.get_running_loop().call_soon(node.clock.advance, 0.5)  # somebody else's

    node.rationing._serve = serve_and_more
    node.rationing.notice()
    node.rationing.turns.open.owe(connection)
    node.rationing.work()
    await turns(5)
    node.rationing.notice()
    node.rationing.turns.open.owe(connection)
    node.rationing.work()
    node.clock.advance(PAUSES * (0.0003 + DEFAULT.turn))
    await turns(5)
    assert len(node.served) == 2


async def test_a_fault_in_one_turn_ends_no_other() -> None:
    node, faults = Node(), []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: faults.append(context["exception"])
    )
    serve = node.rationing._serve

    def stumble(whose: Connection | None, datagrams: list[Datagram]) -> None:
        serve(whose, datagrams)
        if len(node.served) == 1:
            raise KeyError

    node.rationing._serve = stumble
    node.come(3)
    await turns()
    assert len(node.served) == 3
    assert [type(fault) for fault in faults] == [KeyError]


async def test_nothing_is_served_after_the_end() -> None:
    node = Node()
    node.come(4)
    node.rationing.close()
    await turns()
    assert len(node.served) == 2
