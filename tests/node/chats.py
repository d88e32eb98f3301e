"""Groups as their members see them, over the real MLS of the core: for tests of what the node makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from qnpc import wire
from qnpc._core import SUITE_CLASSICAL, Change, Group, PendingCommit, generate_key_packages
from qnpc.rpc import Remote
from tests.node.rig import Person, Rig, remote


@dataclass(slots=True)
class Member:
    """A person's device in one group."""

    person: Person
    group: Group
    cap: Remote

    @property
    def id(self) -> bytes:
        return self.group.group_id

    def new_id(self) -> bytes:
        return self.person.rig.services.ports.random.bytes(16)

    async def say(self, text: bytes, id_: bytes | None = None) -> int:
        id_ = id_ or self.new_id()
        return await self.send(self.group.encrypt(text, id_), id_)

    async def send(self, message: bytes, id_: bytes, epoch: int | None = None) -> int:
        params = wire.GroupSendParams(self.group.epoch if epoch is None else epoch, message, id_)
        return (await self.person.visit.call(self.cap, wire.GROUP.send, params)).seq

    # -- commits --------------------------------------------------------------------------------------------------------------

    async def adding(self, *people: Person, id_: bytes) -> PendingCommit:
        packages = [await package_of(self.person, one, self.group.suite) for one in people]
        return self.group.commit_add(packages, id_)

    def post(
        self, pending: PendingCommit, id_: bytes, *welcomed: Person, **changed: object
    ) -> wire.GroupCommitParams:
        """What is sent for a commit; the Welcome goes as it is to each that was added."""
        said: dict[str, object] = {
            "epoch": self.group.epoch,
            "message": pending.commit,
            "group_info": pending.group_info,
            "welcomes": tuple(wire.Welcome(one.key, pending.welcome or b"") for one in welcomed),
            "id": id_,
        }
        return wire.GroupCommitParams(**{**said, **changed})  # type: ignore[arg-type]

    async def commit(self, params: wire.GroupCommitParams) -> int:
        return (await self.person.visit.call(self.cap, wire.GROUP.commit, params)).seq

    async def add(self, *people: Person) -> int:
        id_ = self.new_id()
        seq = await self.commit(self.post(await self.adding(*people, id_=id_), id_, *people))
        self.group.merge_pending()
        return seq

    async def remove(self, *people: Person) -> int:
        id_ = self.new_id()
        pending = self.group.commit_remove([one.key for one in people], id_)
        seq = await self.commit(self.post(pending, id_))
        self.group.merge_pending()
        return seq

    async def update(self) -> int:
        id_ = self.new_id()
        seq = await self.commit(self.post(self.group.commit_update(id_), id_))
        self.group.merge_pending()
        return seq

    def read(self, entry: wire.Entry) -> bytes | None:
        """The plaintext of an entry; a commit is merged and gives None."""
        got = self.group.process(entry.payload)
        if isinstance(got, Change):
            self.group.merge(got)
            return None
        return got.plaintext  # type: ignore[union-attr]


async def upload_packages(person: Person, count: int = 3, suite: int = SUITE_CLASSICAL) -> list[bytes]:
    packages = generate_key_packages(person.mls, person.device, person.certificate, suite, count)
    await person.ask(
        wire.SESSION.upload_key_packages, wire.SessionUploadKeyPackagesParams(suite, tuple(packages))
    )
    return packages


async def package_of(asker: Person, person: Person, suite: int) -> bytes:
    found = await asker.ask(
        wire.SESSION.fetch_key_packages, wire.SessionFetchKeyPackagesParams(person.name, suite)
    )
    return next(one.key_package for one in found.packages if one.device == person.key)


async def create(person: Person, suite: int = SUITE_CLASSICAL) -> Member:
    random = person.rig.services.ports.random
    group = Group.create(person.mls, person.device, person.certificate, random.bytes(16), suite)
    params = wire.SessionCreateGroupParams(group.group_info(), group.tree(), random.bytes(16))
    done = await person.ask(wire.SESSION.create_group, params)
    return Member(person, group, remote(done.group))


async def join(person: Person, group_id: bytes, welcome: bytes, epoch: int) -> Member:
    """By a Welcome from the inbox, and the tree from the node."""
    cap = remote((await person.ask(wire.SESSION.group, wire.SessionGroupParams(group_id))).group)
    tree = (await person.visit.call(cap, wire.GROUP.tree, wire.GroupTreeParams(epoch))).tree
    return Member(person, Group.join(person.mls, person.device, welcome, tree), cap)


async def people(node: Rig, *names: str, suite: int = SUITE_CLASSICAL) -> list[Person]:
    made = [await node.person(name) for name in names]
    for person in made:
        await upload_packages(person, 5, suite)
    return made


async def joined(inviter: Member, *others: Person) -> list[Member]:
    """Adds them, and lets them join by what came to their inboxes."""
    await inviter.add(*others)
    members = []
    for one in others:
        welcome = (await one.fetch(one.key)).entries[-1].payload
        members.append(await join(one, inviter.id, welcome, inviter.group.epoch))
    return members
