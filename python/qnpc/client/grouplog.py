"""One entry of a group's log, read: history, contacts and epochs follow from it.

What can never be read becomes a row that says why, and what cannot be followed any more lets the group lapse; only local failures raise.
"""

from __future__ import annotations

from collections.abc import Callable

from qnpc import _core
from qnpc.client import contacts, raw
from qnpc.client.membership import OUTSIDE, lapse
from qnpc.client.settle import commit_accepted, text_accepted
from qnpc.client.state import GroupRow, RawEntryRow, Transaction
from qnpc.content import Content, GroupName, Text, decode_content
from qnpc.errors import Error
from qnpc.limits import Limits

_UNREADABLE = (_core.Malformed, _core.NotAuthentic, _core.EpochStale, _core.Refused, _core.Unreadable)


def group_entry(tx: Transaction, limits: Limits, row: RawEntryRow) -> None:
    """One entry of a group's log, now or in join's replay. The cursor is the caller's."""
    group = tx.group(row.channel)
    if group is not None and row.sender == tx.device.public_key and tx.intent(row.id) is not None:
        _own_entry(tx, row)
    elif group is None or group.state in OUTSIDE:  # invited and not joined yet: join replays it
        raw.keep(tx, limits, row)
    else:
        _foreign_entry(tx, limits, group, row)


def _own_entry(tx: Transaction, row: RawEntryRow) -> None:
    """Our own, matched by id and never decrypted: it tells the outcome, if the answer did not."""
    intent = tx.intent(row.id)
    if intent is None or intent.state == "accepted":
        return
    if intent.sealed is not None and intent.sealed != row.payload:  # not what we sent: the node's invention
        return
    if intent.kind == "text":
        text_accepted(tx, intent, row.seq)
    else:
        commit_accepted(tx, intent, row.seq)


def _foreign_entry(tx: Transaction, limits: Limits, group: GroupRow, row: RawEntryRow) -> None:
    mls = tx.mls_group(group.id)
    try:
        if row.sender == tx.device.public_key or _core.inspect_message(row.payload).epoch > mls.epoch:
            # of a past of ours that we do not remember, or of a future that we cannot reach
            lapse(tx, group.id, row.received)
            raw.keep(tx, limits, row)
            return
        processed = mls.process(row.payload)
        if isinstance(processed, _core.Application):
            _application(tx, group, row, processed)
        elif isinstance(processed, _core.Change):
            _change(tx, group, row, mls, processed)
        else:
            lapse(tx, group.id, row.received)
    except _UNREADABLE as error:
        unreadable(tx, row, _reason(error))


def _application(tx: Transaction, group: GroupRow, row: RawEntryRow, message: _core.Application) -> None:
    sender = message.sender
    if sender.device != row.sender or message.message_id != row.id:
        unreadable(tx, row, "the node says that it is from somebody else")
        return
    try:
        content = decode_content(message.plaintext)
    except Error:
        unreadable(tx, row, "its content is malformed", sender.username)
        return
    contacts.meet(tx, sender.certificate)
    kind, body = _shown(content)
    tx.add_history(
        group=group.id,
        seq=row.seq,
        id=row.id,
        device=row.sender,
        sender=sender.username,
        kind=kind,
        body=body,
        own=False,
        state="received",
        at=content.sent_at,
        missing=tx.missing_before(group.id, row.sender, content.counter),
    )


def _shown(content: Content) -> tuple[str, str]:
    """(kind, body) of a history row."""
    match content.body:
        case Text(text):
            return "text", text
        case GroupName(name):
            return "name", name
        case _:
            return "unknown", ""


def _change(
    tx: Transaction, group: GroupRow, row: RawEntryRow, mls: _core.Group, change: _core.Change
) -> None:
    """Id and committer are those that the commit is signed with, whatever the node says of it: the group has moved in any case,
    and under another's id it would be taken for a repetition and shown to nobody."""
    for member in change.added:
        contacts.meet(tx, member.certificate)
    body = {
        "added": [member.username for member in change.added],
        "removed": [member.username for member in change.removed],
        "by": change.committer.username,
    }
    mls.merge(change)
    tx.touched = True  # an epoch that only renews keys leaves no row, but intents may wait for it
    if change.removes_self:
        tx.set_group_state(group.id, "removed")
    if change.added or change.removed:
        tx.add_history(
            group=group.id,
            seq=row.seq,
            id=change.message_id,
            device=change.committer.device,
            sender=change.committer.username,
            kind="members",
            body=body,
            own=False,
            state="received",
            at=row.received,
        )


def unreadable(tx: Transaction, row: RawEntryRow, reason: str, sender: str = "") -> None:
    """Shown with its reason; an entry that is in history already is a repetition and stays as it is."""
    tx.add_history(
        group=row.channel,
        seq=row.seq,
        id=row.id,
        device=row.sender,
        sender=sender,
        kind="unreadable",
        body={"reason": reason},
        own=False,
        state="received",
        at=row.received,
    )


_REASONS: list[tuple[type[_core.CoreError], Callable[[_core.CoreError], str]]] = [
    (_core.EpochStale, lambda error: "it is of an epoch that is gone"),
    (_core.Unreadable, lambda error: "its key is gone"),
    (_core.Refused, lambda error: f"it breaks the group's rules ({error})"),
    (_core.NotAuthentic, lambda error: "it is not authentic"),
    (_core.Malformed, lambda error: "it is malformed"),
]


def _reason(error: _core.CoreError) -> str:
    return next(say(error) for kind, say in _REASONS if isinstance(error, kind))
