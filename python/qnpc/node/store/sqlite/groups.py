"""Groups: their creation, and the one commit that wins each epoch.

Entry, membership, Welcomes, GroupInfo and tree change together. All is judged before the first write; the
epoch is compared in the transaction that moves it, so of two commits made in one epoch the second finds
itself stale.
"""

from __future__ import annotations

from typing import NamedTuple

from qnpc.errors import Code, Error
from qnpc.node.store.contract import CommitGroup, Committed, CreateGroup, StoredEntry
from qnpc.node.store.sqlite.batch import Batch, check_length
from qnpc.node.store.sqlite.delivery import ID, recipients, standing, write

GROUP = 16


class _Inbox(NamedTuple):
    device: int
    revoked: int
    channel: int
    head: int


def create_group(batch: Batch, item: CreateGroup) -> None:
    check_length(item.group, GROUP, "a group's id")
    check_length(item.id, ID, "an id")
    device = batch.acting(item.actor, item.now)
    origin = batch.db.one("group_origin", group=item.group)
    if origin == (device, item.id):
        return
    if origin is not None:
        raise Error(Code.GROUP_EXISTS)
    channel = batch.db.insert("create_channel", name=item.group)
    batch.db.run(
        "create_group",
        channel=channel,
        suite=item.suite,
        epoch=item.epoch,
        group_info=item.group_info,
        creator=device,
        id=item.id,
    )
    batch.db.run("insert_tree", channel=channel, epoch=item.epoch, now=item.now, tree=item.tree)
    batch.db.run("add_member", channel=channel, device=device, seq=0)


def commit_group(batch: Batch, item: CommitGroup) -> Committed:
    found = standing(batch, item.actor, item.group, item.id, item.now)
    channel = found.channel
    if channel is not None and found.sent is not None:
        welcomed = _welcomes_of(batch, channel, found.device, item.id)
        return Committed(found.sent, False, recipients(batch, channel, found.sent), welcomed)
    if channel is None or found.epoch is None or not found.member:
        raise Error(Code.NOT_A_MEMBER)
    if item.epoch != found.epoch:
        raise Error(Code.EPOCH_STALE)
    members: dict[bytes, int] = dict(batch.db.all("current_members", channel=channel))
    inboxes = {key: _inbox_of(batch, key) for key in item.added}
    _check_change(item, members)

    seq = write(batch, channel, found.head, found.device, item.id, item.message, item.now)
    present = recipients(batch, channel, seq)
    batch.recipients.pop(channel, None)
    for key in item.removed:
        batch.db.run("end_member", channel=channel, device=members[key], seq=seq)
    for key in item.added:
        batch.db.run("add_member", channel=channel, device=inboxes[key].device, seq=seq)
    changed = bool(item.added or item.removed)
    batch.db.run(
        "advance_group", channel=channel, epoch=item.epoch + 1, changed=changed, group_info=item.group_info
    )
    batch.db.run("insert_tree", channel=channel, epoch=item.epoch + 1, now=item.now, tree=item.tree)
    welcomes = [
        StoredEntry(
            key,
            write(batch, inboxes[key].channel, inboxes[key].head, found.device, item.id, envelope, item.now),
            item.id,
            item.actor.device,
            item.now,
            envelope,
        )
        for key, envelope in item.welcomes
    ]
    return Committed(seq, True, present, welcomes)


def _inbox_of(batch: Batch, key: bytes) -> _Inbox:
    row = batch.db.one("inbox_of", device=key)
    if row is None:
        raise Error(Code.NOT_FOUND, "an added device is not registered here")
    inbox = _Inbox._make(row)
    if inbox.revoked:
        raise Error(Code.DEVICE_REVOKED, "an added device has been revoked")
    return inbox


def _check_change(item: CommitGroup, members: dict[bytes, int]) -> None:
    added, removed = set(item.added), set(item.removed)
    if len((members.keys() - removed) | added) > item.members_limit:
        raise Error(Code.TOO_LARGE, f"a group may have at most {item.members_limit} devices")
    if len(added) != len(item.added) or len(removed) != len(item.removed):
        raise Error(Code.COMMIT_INVALID, "the commit names a device twice")
    if not removed <= members.keys():
        raise Error(Code.COMMIT_INVALID, "the commit removes a device that is not in the group")
    if added & (members.keys() - removed):
        raise Error(Code.COMMIT_INVALID, "the commit adds a device that is in the group")
    if sorted(device for device, _ in item.welcomes) != sorted(item.added):
        raise Error(Code.COMMIT_INVALID, "the Welcomes are not for the added devices")


def _welcomes_of(batch: Batch, channel: int, device: int, id: bytes) -> list[StoredEntry]:  # noqa: A002
    return [
        StoredEntry(*row) for row in batch.db.all("welcomes_of_commit", device=device, id=id, channel=channel)
    ]
