"""The log is folded back beside the commits, so that no commit does it and all wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store.contract import Ack
from qnpc.node.store.folding import LONG, Folding
from qnpc.node.store.writer import Writer
from qnpc.ports import Ports
from tests.store.backends import Backend, Scene, actor

INBOX = actor("bob").device
PAYLOAD = bytes(64 * 1024)


class Watched:
    """The store; `fold` waits until it may."""

    def __init__(self, store: object) -> None:
        self.store = store
        self.go = threading.Event()
        self.go.set()
        self.folds = 0
        self.failure: Error | None = None

    def fold(self) -> int:
        assert self.go.wait(60)
        self.folds += 1
        if self.failure is not None:
            raise self.failure
        return int(self.store.fold())  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


@pytest.fixture
def watched(backend: Backend) -> Iterator[Watched]:
    store = backend.open()
    yield Watched(store)
    store.close()


Folded = tuple[Folding, Writer, Scene]


@pytest.fixture
def folded(watched: Watched, ports: Ports) -> Folded:
    """The writer and what it tells, over the store."""
    lane = ports.jobs.lane("store")
    folding = Folding(watched, lane, ports.jobs)  # type: ignore[arg-type]
    scene = Scene(watched.store)  # type: ignore[arg-type]
    scene.register("alice", "bob")
    return folding, Writer(watched, lane, committed=folding.grew), scene  # type: ignore[arg-type]


async def test_the_log_does_not_grow_and_no_commit_folds_it(
    backend: Backend, watched: Watched, folded: Folded
) -> None:
    folding, writer, scene = folded
    log = backend.path.with_name(backend.path.name + "-wal")
    for number in range(600):  # 38 MB
        await writer.submit(replace(scene.append("alice", INBOX, f"m{number}"), payload=PAYLOAD))
        if watched.folds and number % 60 == 0:
            await folding.close()
    await folding.close()
    assert watched.folds >= 5
    assert log.stat().st_size < 5 * LONG  # begun anew each time
    await writer.close()


async def test_commits_go_on_while_it_is_folded_and_a_failure_is_not_theirs(
    watched: Watched, folded: Folded
) -> None:
    folding, writer, scene = folded
    watched.go.clear()
    watched.failure = Error(Code.STORE_UNAVAILABLE)
    for number in range(3 * LONG // len(PAYLOAD)):
        done = await asyncio.wait_for(
            writer.submit(replace(scene.append("alice", INBOX, f"m{number}"), payload=PAYLOAD)), 30
        )
        assert done.seq == number + 1
    assert watched.folds == 0
    watched.go.set()
    await folding.close()
    assert watched.folds == 1
    watched.failure = None
    folding.grew(LONG)
    await folding.close()
    assert watched.folds == 3  # the second time for what came meanwhile, and that was little
    await writer.close()


async def test_many_small_items_do_not_fold_it_again_and_again(watched: Watched, folded: Folded) -> None:
    folding, writer, scene = folded
    await writer.submit(scene.append("alice", INBOX, "m"))
    for _ in range(20):
        await asyncio.gather(*(writer.submit(Ack(INBOX, INBOX, 1)) for _ in range(200)))
    refused = [
        replace(scene.append("alice", INBOX, f"m{n}"), payload=PAYLOAD, bytes_limit=1) for n in range(99)
    ]
    outcomes = await asyncio.gather(*map(writer.submit, refused), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Error}
    await folding.close()
    assert watched.folds == 0
    await writer.close()
