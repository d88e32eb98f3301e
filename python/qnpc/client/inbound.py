"""One inbound batch, applied inside one transaction.

Every entry moves its channel's cursor, whatever it holds: what can never be read is recorded as unreadable and
passed, so one poisonous entry cannot stop a client. Only local failures (storage, library) leave this module as
exceptions; then the whole batch is as if it never came. What somebody else wrote raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qnpc import _core, names
from qnpc.client import contacts
from qnpc.client.account import GROUP_ID, Account, group_name_fits, inbox_context
from qnpc.client.settle import commit_accepted, text_accepted
from qnpc.client.state import GroupRow, InvitationRow, RawEntryRow, Transaction
from qnpc.content import Content, GroupName, Invitation, Text, decode_content, decode_note
from qnpc.errors import Error
from qnpc.limits import Limits
from qnpc.wire import Entry

_UNREADABLE = (_core.Malformed, _core.NotAuthentic, _core.EpochStale, _core.Refused, _core.Unreadable)


@dataclass(slots=True)
class Inbound:
    """What applying needs besides the transaction."""

    account: Account
    limits: Limits


def apply(tx: Transaction, inbound: Inbound, entries: Sequence[Entry]) -> None:
    """Raises _core.StateError and what the database raises."""
    tx.prepare({entry.channel for entry in entries if tx.group(entry.channel) is not None})
    for entry in entries:
        if not _advance(tx, inbound, entry):
            continue
        row = RawEntryRow(entry.channel, entry.seq, entry.id, entry.sender, entry.received, entry.payload)
        if entry.channel == tx.device.public_key:
            _inbox_entry(tx, inbound, row)
        else:
            group_entry(tx, inbound, row)


def pass_over(tx: Transaction, inbound: Inbound, entry: Entry, reason: str) -> None:
    """Records an entry that failed even alone in a fresh state, and moves on."""
    if _advance(tx, inbound, entry):
        group = tx.group(entry.channel)
        if group is not None:
            _unreadable(tx, entry.channel, entry.seq, entry.id, entry.sender, entry.received, reason)


def group_entry(tx: Transaction, inbound: Inbound, row: RawEntryRow) -> None:
    """One entry of a group's log, now or in join's replay. The cursor is the caller's."""
    group = tx.group(row.channel)
    if group is not None and row.sender == tx.device.public_key and tx.intent(row.id) is not None:
        _own_entry(tx, inbound, group, row)
    elif group is None or group.state in OUTSIDE:  # invited and not joined yet: join replays it
        tx.keep_raw(row, inbound.limits.raw_bytes)
    else:
        _foreign_entry(tx, inbound, group, row)


OUTSIDE = ("removed", "lapsed")
"""States of a group whose log this device cannot follow."""


def lapse(tx: Transaction, group_id: bytes, at: int) -> None:
    """This device cannot follow the group any more: a part is missing, or its own state is from a backup. Nothing is
    encrypted with it again (a ratchet key would be used twice); an admin's new invitation heals it."""
    tx.set_group_state(group_id, "lapsed")
    tx.touched = True
    tx.add_history(
        group=group_id,
        seq=None,
        id=b"lapsed" + at.to_bytes(8, "big", signed=True),
        device=b"",
        sender="",
        kind="gap",
        body={"lapsed": True},
        own=False,
        state="received",
        at=at,
    )


def _advance(tx: Transaction, inbound: Inbound, entry: Entry) -> bool:
    """Moves the cursor. False for what is durable here already, and for what is not kept: anybody may add this device to
    groups that it never heard of, so they are counted, and above the cap such an entry is acknowledged and forgotten."""
    cursor = tx.cursor(entry.channel)
    if cursor is not None:
        incarnation, seq = cursor
        if incarnation == entry.incarnation and entry.seq <= seq:
            return False
        expired = entry.seq - seq - 1
        if incarnation != entry.incarnation or expired > 0:
            gap: dict[str, Any] = (
                {"expired": expired} if incarnation == entry.incarnation else {"restored": True}
            )
            show_gap(tx, entry.channel, entry.incarnation, entry.seq - 1, entry.received, gap)
    elif not _known(tx, entry.channel) and tx.unknown_channels() >= inbound.limits.unknown_channels:
        return False
    tx.set_cursor(entry.channel, entry.incarnation, entry.seq)
    return True


def _known(tx: Transaction, channel: bytes) -> bool:
    return channel == tx.device.public_key or tx.group(channel) is not None or tx.is_invited(channel)


def show_gap(
    tx: Transaction, channel: bytes, incarnation: int, upto: int, at: int, body: dict[str, Any]
) -> None:
    """A hole in a group's log is shown, never passed in silence. `upto`: the last seq that is in it."""
    group = tx.group(channel)
    if group is None or group.state in OUTSIDE:
        return
    tx.add_history(
        group=channel,
        seq=upto,
        id=b"gap" + incarnation.to_bytes(8, "big") + upto.to_bytes(8, "big"),
        device=b"",
        sender="",
        kind="gap",
        body=body,
        own=False,
        state="received",
        at=at,
    )


# -- the inbox ------------------------------------------------------------------------------------------------------------------


def _inbox_entry(tx: Transaction, inbound: Inbound, row: RawEntryRow) -> None:
    """Anybody may write into an inbox: what does not open, or was not sealed by whom the node says it is from, is
    dropped."""
    try:
        certificate, plaintext = _core.open_envelope(
            inbound.account.keys.hybrid, inbox_context(tx.device.public_key), row.payload
        )
        note = decode_note(plaintext)
    except (*_UNREADABLE, Error):
        return
    if certificate.device == row.sender and isinstance(note, Invitation):
        _invited(tx, inbound, certificate, note, row)


def _invited(
    tx: Transaction, inbound: Inbound, inviter: _core.Certificate, note: Invitation, row: RawEntryRow
) -> None:
    """A stranger may claim any name under a key of its own: that proves nothing until the Welcome shows the inviter among
    the members, so no contact is touched here, and nobody's invitation replaces another's."""
    if not _plausible(inbound, inviter, note):
        return
    group = tx.group(note.group)
    if group is not None and group.state == "active" and note.epoch <= tx.mls_group(note.group).epoch:
        return
    _make_room(tx, inbound.limits, row.sender)
    tx.put_invitation(
        InvitationRow(
            note.group,
            note.name,
            inviter.username,
            inviter.identity_key,
            note.suite,
            note.epoch,
            note.welcome,
            row.received,
            row.sender,
        )
    )
    tx.touched = True  # somebody may wait for it


def _make_room(tx: Transaction, limits: Limits, device: bytes) -> None:
    """A device that invites much pushes out what it sent before itself; names and identity keys cost nothing, devices are
    what the node vouches for."""
    if tx.invitations_of(device) >= limits.invitations_per_device:
        tx.push_out_invitation(device)
    while tx.invitation_count() >= limits.invitations:
        tx.push_out_invitation(tx.busiest_inviter())


def _plausible(inbound: Inbound, inviter: _core.Certificate, note: Invitation) -> bool:
    """What no honest client sends is not stored."""
    account, limits = inbound.account, inbound.limits
    try:
        named = names.username(inviter.username, limits) == inviter.username
    except Error:
        named = False
    somebody_else = inviter.username != account.username or inviter.identity_key == account.identity_key
    sized = len(note.group) == GROUP_ID and len(note.welcome) <= limits.welcome
    return named and somebody_else and sized and group_name_fits(note.name, limits)


# -- a group's log ----------------------------------------------------------------------------------------------------------------


def _own_entry(tx: Transaction, inbound: Inbound, group: GroupRow, row: RawEntryRow) -> None:
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


def _foreign_entry(tx: Transaction, inbound: Inbound, group: GroupRow, row: RawEntryRow) -> None:
    mls = tx.mls_group(group.id)
    try:
        if row.sender == tx.device.public_key or _core.inspect_message(row.payload).epoch > mls.epoch:
            # of a past of ours that we do not remember, or of a future that we cannot reach
            lapse(tx, group.id, row.received)
            tx.keep_raw(row, inbound.limits.raw_bytes)
            return
        processed = mls.process(row.payload)
        if isinstance(processed, _core.Application):
            _application(tx, group, row, processed)
        elif isinstance(processed, _core.Change):
            _change(tx, group, row, mls, processed)
        else:
            lapse(tx, group.id, row.received)
    except _UNREADABLE as error:
        _unreadable(tx, group.id, row.seq, row.id, row.sender, row.received, _reason(error))


def _application(tx: Transaction, group: GroupRow, row: RawEntryRow, message: _core.Application) -> None:
    sender = message.sender
    if sender.device != row.sender or message.message_id != row.id:
        reason = "the node says that it is from somebody else"
        _unreadable(tx, group.id, row.seq, row.id, row.sender, row.received, reason)
        return
    try:
        content = decode_content(message.plaintext)
    except Error:
        _unreadable(
            tx,
            group.id,
            row.seq,
            row.id,
            row.sender,
            row.received,
            "its content is malformed",
            sender.username,
        )
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


def _unreadable(
    tx: Transaction,
    group: bytes,
    seq: int,
    id: bytes,  # noqa: A002
    device: bytes,
    at: int,
    reason: str,
    sender: str = "",
) -> None:
    """Shown with its reason; an entry that is in history already is a repetition and stays as it is."""
    tx.add_history(
        group=group,
        seq=seq,
        id=id,
        device=device,
        sender=sender,
        kind="unreadable",
        body={"reason": reason},
        own=False,
        state="received",
        at=at,
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
