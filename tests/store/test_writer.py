"""The writer: many wait, one transaction answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store import contract as c
from qnpc.node.store.writer import Writer
from qnpc.ports import Lane, Ports
from tests.store.backends import Backend, Scene, actor


class Watched:
    """A real store that says how its batches were cut, and can be made to wait or fail."""

    def __init__(self, store: c.Store) -> None:
        self.store = store
        self.batches: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.failure: Exception | None = None

    def commit(self, batch: Sequence[c.Item]) -> list[object | Error]:
        assert self.go.wait(60)
        self.batches.append(len(batch))
        if self.failure is not None:
            raise self.failure
        return self.store.commit(batch)

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


@pytest.fixture
def lane(ports: Ports) -> Lane:
    return ports.jobs.lane("store")


@pytest.fixture
def watched(backend: Backend) -> Iterator[Watched]:
    store = backend.open()
    yield Watched(store)
    store.close()


@pytest.fixture
def scene(watched: Watched) -> Scene:
    scene = Scene(watched.store)
    scene.register("alice", "bob")
    return scene


def make(watched: Watched, lane: Lane, max_batch: int = 256) -> Writer:
    return Writer(watched, lane, max_batch=max_batch)  # type: ignore[arg-type]


INBOX = actor("bob").device


async def test_all_that_waits_is_one_batch_in_order(watched: Watched, lane: Lane, scene: Scene) -> None:
    writer = make(watched, lane)
    answers = await asyncio.gather(
        *(writer.submit(scene.append("alice", INBOX, f"m{n}")) for n in range(100))
    )
    assert [answer.seq for answer in answers] == list(range(1, 101))
    assert watched.batches == [100]
    await writer.close()


async def test_batches_are_bounded_in_items_and_bytes(watched: Watched, lane: Lane, scene: Scene) -> None:
    writer = make(watched, lane, max_batch=40)
    small = [scene.append("alice", INBOX, f"m{n}") for n in range(100)]
    await asyncio.gather(*map(writer.submit, small))
    assert watched.batches == [40, 40, 20]
    large = [replace(item, id=bytes([n]) * 16, payload=bytes(3_000_000)) for n, item in enumerate(small[:5])]
    await asyncio.gather(*map(writer.submit, large))
    assert watched.batches == [40, 40, 20, 2, 2, 1]
    await writer.close()


async def test_what_comes_during_a_commit_is_the_next_batch(
    watched: Watched, lane: Lane, scene: Scene
) -> None:
    writer = make(watched, lane)
    watched.go.clear()
    first = asyncio.create_task(writer.submit(scene.append("alice", INBOX, "first")))
    while writer._queue or writer._task is None:  # until the first is on its way to the store
        await asyncio.wait([first], timeout=0)
    rest = [asyncio.create_task(writer.submit(scene.append("alice", INBOX, f"m{n}"))) for n in range(10)]
    await asyncio.wait(rest, timeout=0)
    watched.go.set()
    await asyncio.gather(first, *rest)
    assert watched.batches == [1, 10]
    await writer.close()


async def test_a_refusal_reaches_its_own_submitter_alone(watched: Watched, lane: Lane, scene: Scene) -> None:
    writer = make(watched, lane)
    good, bad, count = await asyncio.gather(
        writer.submit(scene.append("alice", INBOX, "good")),
        writer.submit(scene.append("nobody", INBOX, "bad")),
        writer.submit(c.ReapTokens(0)),
        return_exceptions=True,
    )
    assert isinstance(good, c.Appended)
    assert isinstance(bad, Error)
    assert bad.kind is Code.AUTH_REQUIRED
    assert count == 0
    await writer.close()


async def test_who_stops_waiting_does_not_take_the_write_back(
    watched: Watched, lane: Lane, scene: Scene
) -> None:
    writer = make(watched, lane)
    watched.go.clear()
    tasks = [asyncio.create_task(writer.submit(scene.append("alice", INBOX, f"m{n}"))) for n in range(5)]
    await asyncio.wait(tasks, timeout=0)
    tasks[2].cancel()
    await asyncio.wait([tasks[2]])
    watched.go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == [
        "Appended",
        "Appended",
        "CancelledError",
        "Appended",
        "Appended",
    ]
    assert [text for _, text in scene.texts(INBOX)] == [b"m0", b"m1", b"m2", b"m3", b"m4"]
    await writer.close()


async def test_a_failed_commit_reaches_all_of_its_batch_and_the_next_works(
    watched: Watched, lane: Lane, scene: Scene
) -> None:
    writer = make(watched, lane)
    items = [scene.append("alice", INBOX, f"m{n}") for n in range(3)]
    watched.failure = Error(Code.STORE_UNAVAILABLE)
    failures = await asyncio.gather(*map(writer.submit, items), return_exceptions=True)
    assert [failure.kind for failure in failures if isinstance(failure, Error)] == [
        Code.STORE_UNAVAILABLE
    ] * 3
    assert len({id(failure) for failure in failures}) == 3
    watched.failure = None
    answers = await asyncio.gather(*map(writer.submit, items))
    assert [answer.seq for answer in answers] == [1, 2, 3]
    await writer.close()


async def test_closing_commits_what_is_queued_and_takes_no_more(
    watched: Watched, lane: Lane, scene: Scene
) -> None:
    writer = make(watched, lane, max_batch=2)
    tasks = [asyncio.create_task(writer.submit(scene.append("alice", INBOX, f"m{n}"))) for n in range(7)]
    await asyncio.wait(tasks, timeout=0)
    await writer.close()
    with pytest.raises(Error, match="E023"):
        await writer.submit(c.ReapTokens(0))
    assert len(await asyncio.gather(*tasks)) == 7
    assert len(scene.texts(INBOX)) == 7
    await writer.close()


async def test_one_of_many_concurrent_commits_wins_each_epoch(
    watched: Watched, lane: Lane, scene: Scene
) -> None:
    writer = make(watched, lane, max_batch=3)
    group = scene.together("alice", "bob")
    for epoch in range(1, 6):
        results = await asyncio.gather(
            *(writer.submit(scene.commit(who, group, epoch)) for who in ["alice", "bob"] * 4),
            return_exceptions=True,
        )
        assert sum(isinstance(result, c.Committed) for result in results) == 1
        assert sum(isinstance(result, Error) and result.kind is Code.EPOCH_STALE for result in results) == 7
    await writer.close()
