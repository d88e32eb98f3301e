"""Three devices and a node, in both suites, over the binding: what a client and a node do, in the order they do it.

Every device is started again from its rows after each step, so nothing here works by what is left in memory.
"""

from __future__ import annotations

import copy
import pickle
import threading
from dataclasses import dataclass, field

import pytest

from qnpc._core import (
    SUITE_CLASSICAL,
    SUITE_HYBRID,
    SUITES,
    Application,
    Change,
    CoreError,
    Device,
    EpochStale,
    Group,
    Identity,
    Malformed,
    MlsStore,
    NotAuthentic,
    OwnCommit,
    PendingCommit,
    Refused,
    StateError,
    Tracker,
    Unreadable,
    generate_key_packages,
    inspect_key_package,
    inspect_message,
)

GROUP = bytes(range(16))


def message_id(n: int) -> bytes:
    return bytes([n]) * 16


@dataclass
class Person:
    """One device, with its rows on what stands for a disk."""

    name: str
    suite: int
    identity: Identity = field(default_factory=Identity.generate)
    device: Device = field(default_factory=Device.generate)
    disk: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)
    store: MlsStore = field(default_factory=MlsStore)
    opened: Group | None = None

    @property
    def certificate(self) -> bytes:
        return self.identity.certify(self.name, self.device.public_key, 1)

    @property
    def group(self) -> Group:
        assert self.opened is not None
        return self.opened

    def key_packages(self, count: int = 1) -> list[bytes]:
        return generate_key_packages(self.store, self.device, self.certificate, self.suite, count)

    def create(self) -> None:
        self.opened = Group.create(self.store, self.device, self.certificate, GROUP, self.suite)
        self.restart()

    def join(self, welcome: bytes, tree: bytes) -> None:
        self.opened = Group.join(self.store, self.device, welcome, tree)
        self.restart()

    def save(self) -> int:
        if self.opened is not None:
            self.opened.flush()
        delta = self.store.take_delta()
        for scope, key, value in delta:
            if value is None:
                self.disk.pop((scope, key), None)
            else:
                self.disk[scope, key] = value
        return len(delta)

    def restart(self) -> None:
        self.save()
        self.store = MlsStore()
        self.store.load([(scope, key, value) for (scope, key), value in self.disk.items()])
        self.opened = Group.load(self.store, self.device, GROUP)

    def says(self, text: bytes, n: int = 1) -> bytes:
        message = self.group.encrypt(text, message_id(n))
        self.restart()
        return message

    def reads(self, message: bytes) -> Application:
        read = self.group.process(message)
        assert isinstance(read, Application)
        self.restart()
        return read

    def follows(self, commit: bytes) -> Change:
        change = self.group.process(commit)
        assert isinstance(change, Change)
        self.group.merge(change)
        self.restart()
        return change


@dataclass
class World:
    node: Tracker
    people: list[Person]

    def accept(self, author: Person, pending: PendingCommit) -> bytes:
        """The node takes a commit, everybody follows, and all agree. The tree of the new epoch."""
        author.restart()
        change = self.node.process(pending.commit, author.device.public_key, pending.group_info)
        tree = self.node.tree_after(change)
        self.node.merge(change)
        for person in self.people:
            if person is author:
                own = person.group.process(pending.commit)
                assert isinstance(own, OwnCommit)
                assert own.epoch == change.epoch
                person.group.merge_pending()
                person.restart()
            elif person.group.active:
                person.follows(pending.commit)
        present = [person.group for person in self.people if person.group.active]
        assert {group.epoch_authenticator() for group in present} == {present[0].epoch_authenticator()}
        assert {group.tree() for group in present} == {tree}
        assert [member.device for member in present[0].members()] == [m.device for m in self.node.members()]
        return tree

    def add(self, *newcomers: Person) -> None:
        author = self.people[0]
        packages = [person.key_packages()[0] for person in newcomers]
        pending = author.group.commit_add(packages, message_id(200))
        tree = self.accept(author, pending)
        assert pending.welcome is not None
        for person in newcomers:
            person.join(pending.welcome, tree)
            self.people.append(person)


def world(suite: int, *names: str) -> World:
    first, *others = [Person(name, suite) for name in names]
    first.create()
    made = World(Tracker.from_group_info(first.group.group_info(), first.group.tree()), [first])
    if others:
        made.add(*others)
    return made


@pytest.fixture(params=SUITES, ids=["classical", "hybrid"])
def suite(request: pytest.FixtureRequest) -> int:
    code: int = request.param
    return code


def test_the_suites_are_the_two_of_the_registry() -> None:
    assert SUITES == (SUITE_CLASSICAL, SUITE_HYBRID) == (0x0001, 0x004F)


def test_three_devices_talk_renew_their_keys_and_part(suite: int) -> None:
    here = world(suite, "alice", "bob", "carol")
    alice, bob, carol = here.people
    assert (alice.group.epoch, alice.group.suite, alice.group.group_id) == (1, suite, GROUP)
    assert [(m.username, m.admin) for m in bob.group.members()] == [
        ("alice", True),
        ("bob", False),
        ("carol", False),
    ]

    message = alice.says("hi all ☃".encode(), 7)
    for person in (bob, carol):
        read = person.reads(message)
        assert (read.plaintext, read.message_id, read.epoch) == ("hi all ☃".encode(), message_id(7), 1)
        assert (read.sender.username, read.sender.device) == ("alice", alice.device.public_key)
        assert bytes(read.sender.certificate) == alice.certificate

    here.accept(bob, bob.group.commit_update(message_id(8)))
    assert carol.reads(bob.says(b"with fresh keys")).plaintext == b"with fresh keys"

    here.accept(alice, alice.group.commit_remove([carol.device.public_key], message_id(9)))
    assert not carol.group.active
    secret = alice.says(b"without carol")
    assert bob.reads(secret).plaintext == b"without carol"
    with pytest.raises(Unreadable):
        carol.group.process(secret)
    with pytest.raises(StateError):
        carol.group.encrypt(b"still here", message_id(1))
    assert alice.group.export("label", b"context", 32) == bob.group.export("label", b"context", 32)


def test_who_is_not_an_admin_neither_adds_nor_removes_others(suite: int) -> None:
    here = world(suite, "alice", "bob", "carol")
    _, bob, carol = here.people
    with pytest.raises(Refused, match="only an admin"):
        bob.group.commit_remove([carol.device.public_key], message_id(1))
    with pytest.raises(Refused, match="only an admin"):
        bob.group.commit_add(Person("dave", suite).key_packages(), message_id(1))
    assert bob.save() == 0
    assert not bob.group.pending
    with pytest.raises(Refused, match="not a member"):
        bob.group.commit_remove([bytes(32)], message_id(1))


def test_anyone_removes_a_lost_device_of_their_own(suite: int) -> None:
    here = world(suite, "alice", "bob")
    bob = here.people[1]
    lost = Person("bob", suite, identity=bob.identity)
    here.add(lost)
    here.accept(bob, bob.group.commit_remove([lost.device.public_key], message_id(1)))
    assert not lost.group.active


def test_a_change_says_who_came_and_went(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    dave = Person("dave", suite)
    pending = alice.group.commit_add(dave.key_packages(), message_id(3))
    change = here.node.process(pending.commit, alice.device.public_key, pending.group_info)
    assert (change.epoch, change.message_id, change.removes_self) == (2, message_id(3), False)
    assert (change.committer.username, [m.username for m in change.added]) == ("alice", ["dave"])
    assert (change.added[0].leaf, change.removed) == (2, [])
    seen = bob.follows(pending.commit)
    assert [bytes(member.certificate) for member in seen.added] == [dave.certificate]


def test_replays_losers_and_noise_are_told_apart(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    message = alice.says(b"once")
    bob.reads(message)
    for _ in range(2):
        with pytest.raises(Unreadable):
            bob.group.process(message)
    with pytest.raises(Unreadable):
        alice.group.process(message)

    changed = bytearray(alice.says(b"twice"))
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        bob.group.process(bytes(changed))
    for noise in (b"", b"noise", GROUP):
        with pytest.raises(Malformed):
            bob.group.process(noise)

    loser = alice.group.commit_update(message_id(1))
    alice.restart()
    winner = bob.group.commit_update(message_id(2))
    here.node.merge(here.node.process(winner.commit, bob.device.public_key, winner.group_info))
    with pytest.raises(EpochStale):
        here.node.process(loser.commit, alice.device.public_key, loser.group_info)
    alice.follows(winner.commit)
    bob.group.merge_pending()
    with pytest.raises(EpochStale):
        bob.group.process(loser.commit)
    with pytest.raises(EpochStale):
        alice.group.process(winner.commit)


def test_a_failed_read_leaves_no_delta(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    message = alice.says(b"hello")
    for cut in (len(message) // 2, len(message) - 1):
        with pytest.raises(CoreError):
            bob.group.process(message[:cut])
    changed = bytearray(message)
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        bob.group.process(bytes(changed))
    assert bob.save() == 0
    assert bob.reads(message).plaintext == b"hello"


def test_what_was_discarded_happens_again(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    message, commit = alice.says(b"hello"), alice.group.commit_update(message_id(1))
    for _ in range(2):
        read = bob.group.process(message)
        assert isinstance(read, Application)
        change = bob.group.process(commit.commit)
        assert isinstance(change, Change)
        bob.group.merge(change)
        assert bob.group.epoch == 2
        with pytest.raises(StateError):
            bob.group.merge(change)
        bob.store.discard()
        bob.opened = Group.load(bob.store, bob.device, GROUP)
        assert bob.group.epoch == 1


def test_a_pending_commit_outlives_a_restart_and_is_cleared_on_a_refusal(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice = here.people[0]
    alice.group.commit_update(message_id(1))
    alice.restart()
    waits = [alice.group.pending]
    with pytest.raises(StateError):
        alice.group.encrypt(b"not now", message_id(2))
    alice.group.clear_pending()
    alice.restart()
    waits.append(alice.group.pending)
    assert waits == [True, False]
    here.accept(alice, alice.group.commit_update(message_id(3)))


def test_a_welcome_is_for_one_device_once(suite: int) -> None:
    here = world(suite, "alice")
    alice = here.people[0]
    dave, eve = Person("dave", suite), Person("eve", suite)
    old_tree = alice.group.tree()
    pending = alice.group.commit_add(dave.key_packages(), message_id(1))
    tree = here.accept(alice, pending)
    assert pending.welcome is not None
    assert inspect_message(pending.welcome).kind == "welcome"
    with pytest.raises(Unreadable):
        eve.join(pending.welcome, tree)
    with pytest.raises(NotAuthentic):
        dave.join(pending.welcome, old_tree)
    with pytest.raises(Malformed):
        dave.join(pending.welcome, b"not a tree")
    dave.join(pending.welcome, tree)
    with pytest.raises(Unreadable):
        dave.join(pending.welcome, tree)
    assert {scope for scope, _ in dave.disk} == {GROUP}


def test_key_packages_say_whose_they_are_and_hold_only_for_them(suite: int) -> None:
    bob, eve = Person("bob", suite), Person("eve", suite)
    packages = bob.key_packages(2)
    infos = [inspect_key_package(package) for package in packages]
    assert {info.suite for info in infos} == {suite}
    assert {bytes(info.certificate) for info in infos} == {bob.certificate}
    assert len({info.reference for info in infos}) == 2
    assert inspect_message(packages[0]).kind == "key_package"
    with pytest.raises(Malformed):
        generate_key_packages(eve.store, eve.device, bob.certificate, suite, 1)
    with pytest.raises(Malformed):
        generate_key_packages(bob.store, bob.device, bob.certificate, 0x0002, 1)
    changed = bytearray(packages[0])
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        inspect_key_package(bytes(changed))
    with pytest.raises(Malformed):
        inspect_key_package(b"noise")


def test_a_group_takes_no_key_package_of_the_other_suite() -> None:
    here = world(SUITE_CLASSICAL, "alice")
    with pytest.raises(Refused, match="another ciphersuite"):
        here.people[0].group.commit_add(Person("dave", SUITE_HYBRID).key_packages(), message_id(1))


def test_the_node_believes_no_other_group_info_and_no_other_sender(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice, bob = here.people
    old = bob.group.group_info()
    pending = bob.group.commit_update(message_id(1))
    with pytest.raises(Refused, match="does not match"):
        here.node.process(pending.commit, bob.device.public_key, old)
    with pytest.raises(Refused, match="another device"):
        here.node.process(pending.commit, alice.device.public_key, pending.group_info)
    changed = bytearray(pending.group_info)
    changed[-1] ^= 1
    with pytest.raises(NotAuthentic):
        here.node.process(pending.commit, bob.device.public_key, bytes(changed))
    with pytest.raises(Refused, match="public messages"):
        here.node.process(alice.says(b"hi"), alice.device.public_key, old)
    here.accept(bob, pending)
    again = Tracker.from_group_info(pending.group_info, here.node.tree())
    assert (again.epoch, again.group_id, again.suite) == (2, GROUP, suite)
    with pytest.raises(CoreError):
        Tracker.from_group_info(old, here.node.tree())


def test_what_a_message_shows(suite: int) -> None:
    here = world(suite, "alice", "bob")
    alice = here.people[0]
    spoken, commit = alice.says(b"hi", 5), alice.group.commit_update(message_id(6))
    info = inspect_message(spoken)
    assert (info.kind, info.private, info.group_id, info.epoch, info.authenticated_data) == (
        "application",
        True,
        GROUP,
        1,
        message_id(5),
    )
    info = inspect_message(commit.commit)
    assert (info.kind, info.private, info.epoch, info.authenticated_data) == (
        "commit",
        False,
        1,
        message_id(6),
    )
    info = inspect_message(commit.group_info)
    assert (info.kind, info.epoch, info.group_id) == ("group_info", 2, GROUP)
    with pytest.raises(Malformed):
        inspect_message(b"noise")


def test_ids_have_sixteen_bytes() -> None:
    alice = Person("alice", SUITE_CLASSICAL)
    with pytest.raises(Malformed):
        Group.create(alice.store, alice.device, alice.certificate, b"short", alice.suite)
    alice.create()
    with pytest.raises(Malformed):
        alice.group.encrypt(b"hi", b"short")
    with pytest.raises(Malformed):
        alice.group.commit_update(bytes(17))


def test_rows_are_not_loaded_over_changes_and_a_deleted_group_is_gone() -> None:
    alice = Person("alice", SUITE_CLASSICAL)
    alice.create()
    alice.group.commit_update(message_id(1))
    with pytest.raises(StateError):
        alice.store.load([])
    alice.save()
    alice.group.delete()
    with pytest.raises(StateError):
        _ = alice.group.epoch
    alice.opened = None
    alice.save()
    assert alice.disk == {}
    assert Group.load(alice.store, alice.device, GROUP) is None


CANARY = b"CANARY in a coal mine"


def test_nothing_prints_what_was_said() -> None:
    here = world(SUITE_CLASSICAL, "alice", "bob")
    alice, bob = here.people
    read = bob.group.process(alice.says(CANARY))
    pending = alice.group.commit_update(message_id(1))
    change = bob.group.process(pending.commit)
    holders: list[object] = [read, change, pending, bob.store, bob.group, here.node, bob.group.members()[0]]
    for holder in holders:
        for text in (repr(holder), str(holder), f"{holder}"):
            assert "CANARY" not in text
            assert text.startswith("<qnpc._core.")
        with pytest.raises(TypeError):
            pickle.dumps(holder)
        with pytest.raises(TypeError):
            copy.copy(holder)
    with pytest.raises(CoreError) as caught:
        bob.group.process(alice.says(CANARY)[:-3])
    assert "CANARY" not in repr(caught.value)


def test_a_group_works_for_two_threads_in_turn() -> None:
    here = world(SUITE_CLASSICAL, "alice", "bob")
    alice, bob = here.people
    sent: list[bytes] = []
    group = alice.group

    def send(first: int) -> None:
        sent.extend(group.encrypt(bytes([n]), message_id(n)) for n in range(first, first + 20))

    threads = [threading.Thread(target=send, args=(n,)) for n in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = [bob.group.process(message) for message in sent]
    spoken = {message.plaintext for message in read if isinstance(message, Application)}
    assert spoken == {bytes([n]) for n in (*range(20), *range(100, 120))}
