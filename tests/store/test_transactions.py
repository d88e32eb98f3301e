"""A batch stands whole or not at all, whatever happens around its COMMIT, and readers see it whole."""

from __future__ import annotations

import threading

import pytest

from qnpc.errors import Code, Error
from qnpc.node.store import contract as c
from qnpc.node.store.sqlite.database import FAILURES
from tests.store.backends import PLENTY, Backend, Scene, actor


class Faults:
    """Raises once, at the moment that was asked for."""

    def __init__(self) -> None:
        self.at: str | None = None
        self.fault: Exception = InjectedFault()

    def before_commit(self) -> None:
        self._reach("before")

    def after_commit(self) -> None:
        self._reach("after")

    def _reach(self, moment: str) -> None:
        if self.at == moment:
            self.at = None
            raise self.fault


class InjectedFault(Exception):
    pass


@pytest.fixture
def faults() -> Faults:
    return Faults()


def test_a_fault_before_the_commit_leaves_nothing(backend: Backend, faults: Faults) -> None:
    scene = Scene(backend.open(faults))
    (_, bob) = scene.register("alice", "bob")
    group = scene.create("alice")
    batch: list[c.Item] = [
        scene.append("alice", bob.device, "hello"),
        scene.commit("alice", group, 0, add=["bob"]),
    ]
    faults.at = "before"
    with pytest.raises(InjectedFault):
        scene.store.commit(batch)
    assert scene.texts(bob.device) == []
    assert scene.texts(group) == []
    first, second = scene.store.commit(batch)
    assert isinstance(first, c.Appended)
    assert (first.seq, first.fresh) == (1, True)
    assert isinstance(second, c.Committed)
    assert second.fresh
    scene.store.close()


def test_a_fault_after_the_commit_leaves_all_and_a_retry_finds_it(backend: Backend, faults: Faults) -> None:
    scene = Scene(backend.open(faults))
    (_, bob) = scene.register("alice", "bob")
    note = scene.append("alice", bob.device, "hello")
    faults.at = "after"
    with pytest.raises(InjectedFault):
        scene.store.commit([note])
    assert scene.do(note) == c.Appended(1, False, (bob.device,))
    assert scene.texts(bob.device) == [(1, b"hello")]
    scene.store.close()


def test_a_closed_store_answers_with_a_code(scene: Scene) -> None:
    (alice,) = scene.register("alice")
    scene.store.close()
    scene.store.close()
    with pytest.raises(Error, match="E024"):
        scene.do(c.ReapTokens(0))
    with pytest.raises(Error, match="E024"):
        scene.store.heads(alice.device)


def test_two_stores_on_one_file_see_each_other(backend: Backend) -> None:
    """`qnpc node invite` beside a node that runs."""
    one, two = Scene(backend.open()), Scene(backend.open())
    (_, bob) = one.register("alice", "bob")
    assert two.say("alice", bob.device, "from two").seq == 1
    assert one.say("alice", bob.device, "from one").seq == 2
    assert two.texts(bob.device) == [(1, b"from two"), (2, b"from one")]
    assert one.store.secret("opaque", b"mine") == b"mine"
    assert two.store.secret("opaque", b"another") == b"mine"
    assert two.store.secret("tls", b"another") == b"another"
    one.store.close()
    two.store.close()


def test_many_threads_read_while_one_writes(scene: Scene) -> None:
    """Each reader sees a log without gaps, whose head it can read, and only whole batches."""
    (alice, _) = scene.register("alice", "bob")
    group = scene.together("alice", "bob")
    done = threading.Event()
    wrong: list[object] = []
    reads = [0] * 6

    def read(index: int) -> None:
        seen = 1
        while not done.is_set() or reads[index] == 0:
            try:
                head = scene.head("bob", group)
                found = scene.store.entries(group, seen, head.seq, 1000, PLENTY)
                heads = scene.store.heads(alice.device)
                if [entry.seq for entry in found] != list(range(seen + 1, head.seq + 1)):
                    wrong.append(found)
                if (head.seq - 1) % 5 or heads[1].seq < head.seq:
                    wrong.append((head, heads))
                seen = head.seq
                reads[index] += 1
            except Exception as error:  # a thread of its own: the test must hear of it
                wrong.append(error)
                return

    threads = [threading.Thread(target=read, args=(index,)) for index in range(len(reads))]
    for thread in threads:
        thread.start()
    for n in range(60):
        scene.store.commit([scene.append("alice", group, f"m{n} {k}", 1) for k in range(5)])
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert min(reads) > 0
    assert scene.head("bob", group).seq == 301


def test_incarnation_stays_until_it_is_renewed(backend: Backend) -> None:
    first = backend.open()
    drawn = first.incarnation
    assert 0 < drawn < 1 << 63
    first.close()
    second = backend.open()
    assert second.incarnation == drawn
    renewed = second.renew_incarnation()
    assert renewed == second.incarnation != drawn
    second.close()
    third = backend.open()
    assert third.incarnation == renewed
    third.close()


def test_a_failing_disk_is_a_code_and_the_next_batch_works(backend: Backend, faults: Faults) -> None:
    scene = Scene(backend.open(faults))
    scene.register("alice")
    faults.fault = FAILURES[-1]("disk I/O error")
    faults.at = "before"
    with pytest.raises(Error) as caught:
        scene.do(c.Logout(actor("alice")))
    assert caught.value.kind is Code.STORE_UNAVAILABLE
    assert "disk" not in str(caught.value)
    assert scene.store.token(actor("alice").token) is not None
    scene.do(c.Logout(actor("alice")))
    assert scene.store.token(actor("alice").token) is None
    scene.store.close()
