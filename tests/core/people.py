"""People with devices and the node that follows their group, over the binding: they do what a client and a node do, in that order.

Every device is started again from its rows after each step, so nothing here works by what is left in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qnpc._core import (
    Application,
    Change,
    Device,
    Group,
    Identity,
    MlsStore,
    OwnCommit,
    PendingCommit,
    Tracker,
    generate_key_packages,
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
