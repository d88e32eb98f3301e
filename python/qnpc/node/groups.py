"""Groups: the node keeps the order and checks the handshake.

Application messages are appended as they are, once what they say in the clear fits. A commit is judged by the group's tracker and then
moves epoch, members, Welcomes, GroupInfo and tree in one store transaction; the loser of a race is told E018. The store has the last
word on membership, epoch and ids; the tracker has it on what may be in a commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from qnpc._core import Change, CoreError, Malformed, Member, Panicked, Tracker, inspect_message
from qnpc.errors import Code, Error
from qnpc.node.checks import GROUP_BYTES, ID_BYTES, at_most, count_at_most, exactly
from qnpc.node.delivery import append
from qnpc.node.dispatch import GroupCap, SessionCap
from qnpc.node.keys import allowed, records, same_owner
from qnpc.node.services import LARGEST, Services
from qnpc.node.store.contract import (
    Actor,
    Append,
    CommitGroup,
    Committed,
    CreateGroup,
    Store,
    StoredDevice,
    StoredEntry,
    StoredGroup,
)
from qnpc.wire import (
    Empty,
    GroupCommitParams,
    GroupCommitResults,
    GroupInfoResults,
    GroupMembersResults,
    GroupSendParams,
    GroupSendResults,
    GroupSummary,
    GroupTreeParams,
    GroupTreeResults,
    SessionCreateGroupParams,
    SessionCreateGroupResults,
    SessionGroupParams,
    SessionGroupResults,
    SessionGroupsResults,
)

log = structlog.get_logger("qnpc.node")

NO_EPOCH: Final = -1
"""Of a commit that the store is only asked about: it answers for an id that it knows, refuses who is no member, and takes nothing."""


# -- what a session may do ----------------------------------------------------------------------------------------------------------


async def create_group(session: SessionCap, params: SessionCreateGroupParams) -> SessionCreateGroupResults:
    """A group whose only member is the session's device."""
    services = session.services
    group_info = at_most(services.limits.payload, params.group_info, "the GroupInfo")
    tree = at_most(services.limits.tree_of_one, params.tree, "the tree of a new group")
    id_ = exactly(ID_BYTES, params.id, "a message's id")
    tracker = await services.read(session.actor, _new_tracker, session.actor.device, group_info, tree)
    allowed(services, tracker.suite)
    group = exactly(GROUP_BYTES, tracker.group_id, "a group's id")
    await services.writer.submit(
        CreateGroup(
            actor=session.actor,
            group=group,
            id=id_,
            suite=tracker.suite,
            epoch=tracker.epoch,
            group_info=group_info,
            tree=tree,
            now=services.now(),
        )
    )
    log.info("group.created", group=group[:4].hex(), suite=tracker.suite)
    return SessionCreateGroupResults(GroupCap(session, group))


def _new_tracker(store: Store, device: bytes, group_info: bytes, tree: bytes) -> Tracker:
    try:
        tracker = Tracker.from_group_info(group_info, tree)
    except Panicked:
        raise
    except CoreError as error:
        raise Error(Code.COMMIT_INVALID, str(error)) from None
    if tracker.epoch != 0:  # RFC 9420, 11; and no epoch is ever past what a store can count
        raise Error(Code.COMMIT_INVALID, "a new group begins in epoch 0")
    members = tracker.members()
    if [member.device for member in members] != [device]:
        raise Error(Code.COMMIT_INVALID, "a new group's only member is the device that creates it")
    _check_registered(store, members)
    return tracker


async def group(session: SessionCap, params: SessionGroupParams) -> SessionGroupResults:
    group_id = exactly(GROUP_BYTES, params.id, "a group's id")
    await session.services.read(session.actor, _check_member, session.actor.device, group_id)
    return SessionGroupResults(GroupCap(session, group_id))


async def groups(session: SessionCap, params: Empty) -> SessionGroupsResults:
    def find(store: Store) -> list[StoredGroup]:
        return store.groups(session.actor.device)

    found = await session.services.read(session.actor, find)
    return SessionGroupsResults(tuple(GroupSummary(one.group, one.suite, one.epoch) for one in found))


# -- what a member may do -----------------------------------------------------------------------------------------------------------


async def send(cap: GroupCap, params: GroupSendParams) -> GroupSendResults:
    services = cap.services
    limits = services.limits
    message = at_most(limits.payload, params.message, "the message")
    _check_clear(cap.group, "application", True, params.epoch, message, params.id)
    done = await append(
        services,
        Append(
            actor=cap.actor,
            channel=cap.group,
            id=params.id,
            payload=message,
            epoch=params.epoch,
            depth=limits.channel_depth,
            bytes_limit=limits.channel_bytes,
            now=services.now(),
        ),
    )
    return GroupSendResults(done.seq)


async def commit(cap: GroupCap, params: GroupCommitParams) -> GroupCommitResults:
    services = cap.services
    limits = services.limits
    at_most(limits.payload, params.message, "the commit")
    at_most(limits.payload, params.group_info, "the GroupInfo")
    count_at_most(limits.group_devices, len(params.welcomes), "Welcomes")
    _check_clear(cap.group, "commit", False, params.epoch, params.message, params.id)
    done = await services.gate.finish(_commit(services, cap.actor, cap.group, params))
    return GroupCommitResults(done.seq)


@dataclass(frozen=True, slots=True)
class Judged:
    """A commit that passed, and where it leads."""

    tracker: Tracker
    change: Change
    tree: bytes


async def _commit(services: Services, actor: Actor, group: bytes, params: GroupCommitParams) -> Committed:
    async with services.trackers.judging(group):
        kept = services.trackers.take(group)
        try:
            judged = await services.read(actor, _judge, actor.device, group, params, kept)
        except Error:  # judging changes nothing
            services.trackers.keep(group, kept)
            raise
        item = _item(services, actor, group, params, judged)
        done = await services.writer.submit(
            item
        )  # after a failure here nobody knows where the group is: no tracker is kept
        _tell(services, item, done)
        if judged is None:
            services.trackers.keep(group, kept)
        elif done.fresh:
            await services.ports.jobs.run(judged.tracker.merge, judged.change)
            services.trackers.keep(group, judged.tracker)
    return done


def _judge(
    store: Store, device: bytes, group: bytes, params: GroupCommitParams, tracker: Tracker | None
) -> Judged | None:
    """None for what cannot be the group's next commit, but may be one that it had. In a job."""
    if not store.is_member(device, group):
        return None
    if tracker is None or tracker.epoch < params.epoch:
        stored = store.group(group)
        if stored is None:
            return None
        tracker = Tracker.from_group_info(
            stored.group_info, stored.tree
        )  # none at hand, or one that fell behind
    if tracker.epoch != params.epoch:
        return None
    try:
        change = tracker.process(params.message, device, params.group_info)
        tree = tracker.tree_after(change)
    except Panicked:
        raise
    except CoreError as error:
        raise Error(Code.COMMIT_INVALID, str(error)) from None
    _check_registered(store, change.added)
    return Judged(tracker, change, tree)


def _item(
    services: Services, actor: Actor, group: bytes, params: GroupCommitParams, judged: Judged | None
) -> CommitGroup:
    return CommitGroup(
        actor=actor,
        group=group,
        id=params.id,
        epoch=NO_EPOCH if judged is None else params.epoch,
        message=params.message,
        group_info=params.group_info,
        tree=b"" if judged is None else judged.tree,
        added=[] if judged is None else [member.device for member in judged.change.added],
        removed=[] if judged is None else [member.device for member in judged.change.removed],
        welcomes=[(welcome.device, welcome.payload) for welcome in params.welcomes],
        members_limit=services.limits.group_devices,
        now=services.now(),
    )


def _tell(services: Services, item: CommitGroup, done: Committed) -> None:
    fanout = services.fanout
    if not done.fresh:  # nobody may have been told of it the first time
        fanout.remind(item.group, done.seq, done.recipients)
        for welcome in done.welcomes:
            fanout.remind(welcome.channel, welcome.seq, (welcome.channel,))
        return
    entry = StoredEntry(item.group, done.seq, item.id, item.actor.device, item.now, item.message)
    fanout.tell(entry, done.recipients)
    for welcome in done.welcomes:
        fanout.tell(welcome, (welcome.channel,))
    log.info(
        "group.committed",
        group=item.group[:4].hex(),
        epoch=item.epoch + 1,
        added=len(item.added),
        removed=len(item.removed),
    )


async def info(cap: GroupCap, params: Empty) -> GroupInfoResults:
    found = await cap.services.read(cap.actor, _group, cap.actor.device, cap.group)
    return GroupInfoResults(found.epoch, found.group_info, found.tree)


async def tree(cap: GroupCap, params: GroupTreeParams) -> GroupTreeResults:
    """The ratchet tree of an epoch, which a Welcome leaves out."""

    def find(store: Store) -> bytes | None:
        _check_member(store, cap.actor.device, cap.group)
        return store.tree(cap.group, min(params.epoch, LARGEST))

    found = await cap.services.read(cap.actor, find)
    if found is None:
        raise Error(Code.NOT_FOUND, "the tree of this epoch is not kept any more")
    return GroupTreeResults(found)


async def members(cap: GroupCap, params: Empty) -> GroupMembersResults:
    def find(store: Store) -> list[StoredDevice]:
        _check_member(store, cap.actor.device, cap.group)
        return store.members(cap.group)

    return GroupMembersResults(records(await cap.services.read(cap.actor, find)))


# -- what all of them ask -----------------------------------------------------------------------------------------------------------


def _check_clear(group: bytes, kind: str, private: bool, epoch: int, message: bytes, id_: bytes) -> None:
    """That a message says in the clear what it is posted as. Raises Error(BAD_REQUEST)."""
    exactly(ID_BYTES, id_, "a message's id")
    try:
        clear = inspect_message(message)
    except Malformed:
        raise Error(Code.BAD_REQUEST, "this is no MLS message") from None
    said = (clear.kind, clear.private, clear.group_id, clear.epoch, clear.authenticated_data)
    if said != (kind, private, group, epoch, id_):
        raise Error(
            Code.BAD_REQUEST,
            f"the message is not the {kind} of this group, epoch and id that it is posted as",
        )


def _check_member(store: Store, device: bytes, group: bytes) -> None:
    if not store.is_member(device, group):
        raise Error(Code.NOT_A_MEMBER)


def _group(store: Store, device: bytes, group: bytes) -> StoredGroup:
    _check_member(store, device, group)
    found = store.group(group)
    if found is None:
        raise Error(Code.NOT_A_MEMBER)
    return found


def _check_registered(store: Store, members: Sequence[Member]) -> None:
    """That new leaves carry the account that this node knows for their device."""
    for member in members:
        registered = store.device(member.device)
        if registered is None:
            raise Error(Code.NOT_FOUND, "an added device is not registered here")
        if not same_owner(member.certificate, registered):
            raise Error(Code.COMMIT_INVALID, "an added device's certificate is not of its account here")
