"""Join: from an invitation to a group, in one transaction with the replay of what came before it was opened."""

from __future__ import annotations

from qnpc import _core
from qnpc.client import contacts, intents
from qnpc.client.account import group_id_of
from qnpc.client.grouplog import group_entry
from qnpc.client.membership import show_gap
from qnpc.client.state import InvitationRow, RawEntryRow, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits


def find_invitations(tx: Transaction, name: str) -> list[InvitationRow]:
    """All to one group, by its id in hex or its name. Raises Error(NOT_FOUND, BAD_REQUEST when several groups have that name)."""
    group_id = group_id_of(name)
    rows = tx.invitations(name if group_id is None else None)
    found = [row for row in rows if group_id in (None, row.group)]
    if not found:
        raise Error(Code.NOT_FOUND, f"there is no invitation to {name}")
    if len({row.group for row in found}) > 1:
        ids = ", ".join(f"{row.group.hex()} (by {row.inviter})" for row in found)
        raise Error(Code.BAD_REQUEST, f"several groups of that name: name one by its id: {ids}")
    return found


def join(tx: Transaction, limits: Limits, invitation: InvitationRow, tree: bytes, update: bytes) -> None:
    """`tree` is the node's word and checked against the Welcome.

    `update` becomes the id of an intent that renews our leaf: until then the group relies on a KeyPackage that lay at
    the node, so post-compromise security begins with it.

    Raises Error(BAD_REQUEST, COMMIT_INVALID) for an invitation that does not open; it stays."""
    try:
        group = tx.join_mls_group(invitation.group, invitation.welcome, tree)
    except _core.Refused as error:
        raise Error(Code.COMMIT_INVALID, f"the group breaks the rules: {error}") from error
    except (_core.Malformed, _core.NotAuthentic, _core.Unreadable, _core.EpochStale) as error:
        raise Error(Code.BAD_REQUEST, "the invitation does not open: ask for another one") from error
    inviter = (invitation.inviter, invitation.identity)
    if not any((member.username, member.identity_key) == inviter for member in group.members()):
        raise Error(
            Code.COMMIT_INVALID, f"{invitation.inviter} is not in the group that this invitation opens"
        )
    for member in group.members():
        contacts.meet(tx, member.certificate)
    again = tx.group(invitation.group) is not None
    tx.put_group(invitation.group, invitation.name, invitation.suite, "active")
    tx.delete_invitations(invitation.group)
    tx.forget_counters(invitation.group)  # what was said between two memberships is not missing
    _replay(tx, limits, invitation.group, group.epoch, again=again)
    intents.add_update(tx, update, invitation.group)


def decline(tx: Transaction, name: str) -> InvitationRow:
    """Forgets the invitations to one group and what came of it; a later invitation is a new one. Raises as `find_invitations`."""
    found = find_invitations(tx, name)
    for row in found:
        tx.delete_invitations(row.group)
        if tx.group(row.group) is None:
            tx.take_raw(row.group)
            tx.forget_cursor(row.group)
    tx.touched = True
    return found[0]


def _replay(tx: Transaction, limits: Limits, group: bytes, epoch: int, *, again: bool) -> None:
    """What came since we were added; what is missing is shown where it is missing. `again`: we knew the group before."""
    kept, lost = tx.take_raw(group)
    ours = [row for row in kept if not _before(row, epoch)]
    incarnation, _ = tx.cursor(group) or (0, 0)
    if not ours and (again or kept or lost):
        # The cursor is of a membership before this one, and would make the entries between the two look like lost ones.
        tx.forget_cursor(group)
    # What is kept is the end of the log: while an entry of before is, nothing is lost since.
    if lost and len(ours) == len(kept) and (not ours or lost < ours[0].seq):
        show_gap(tx, group, incarnation, lost, tx.now, {"dropped": True})
    reached = ours[0].seq if ours else 0
    for row in ours:
        if row.seq > reached + 1:
            show_gap(tx, group, incarnation, row.seq - 1, row.received, {"expired": row.seq - 1 - reached})
        reached = row.seq
        group_entry(tx, limits, row)


def _before(row: RawEntryRow, epoch: int) -> bool:
    """Of an epoch before the Welcome's: it was never for this membership."""
    try:
        return _core.inspect_message(row.payload).epoch < epoch
    except _core.Malformed:
        return False
