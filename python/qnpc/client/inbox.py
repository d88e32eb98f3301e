"""This device's inbox: sealed notes, of which invitations are kept.

Anybody with an account may write here, so nothing is believed beyond what it proves, what is kept is counted by the device that it
came from, and nobody's note replaces another's.
"""

from __future__ import annotations

from qnpc import _core, names
from qnpc.client.account import GROUP_ID, Account, group_name_fits, inbox_context
from qnpc.client.state import InvitationRow, RawEntryRow, Transaction
from qnpc.content import Invitation, decode_note
from qnpc.errors import Error
from qnpc.limits import Limits


def inbox_entry(tx: Transaction, account: Account, limits: Limits, row: RawEntryRow) -> None:
    """Anybody may write into an inbox: what does not open, or was not sealed by whom the node says it is from, is
    dropped."""
    try:
        certificate, plaintext = _core.open_envelope(
            account.keys.hybrid, inbox_context(tx.device.public_key), row.payload
        )
        note = decode_note(plaintext)
    except (_core.Malformed, _core.NotAuthentic, Error):
        return
    if certificate.device == row.sender and isinstance(note, Invitation):
        _invited(tx, account, limits, certificate, note, row)


def _invited(
    tx: Transaction,
    account: Account,
    limits: Limits,
    inviter: _core.Certificate,
    note: Invitation,
    row: RawEntryRow,
) -> None:
    """A stranger may claim any name under a key of its own: that proves nothing until the Welcome shows the inviter among
    the members, so no contact is touched here, and nobody's invitation replaces another's."""
    if not _plausible(account, limits, inviter, note):
        return
    group = tx.group(note.group)
    if group is not None and group.state == "active" and note.epoch <= tx.mls_group(note.group).epoch:
        return
    _make_room(tx, limits, row.sender)
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


def _plausible(account: Account, limits: Limits, inviter: _core.Certificate, note: Invitation) -> bool:
    """What no honest client sends is not stored."""
    try:
        named = names.username(inviter.username, limits) == inviter.username
    except Error:
        named = False
    somebody_else = inviter.username != account.username or inviter.identity_key == account.identity_key
    sized = len(note.group) == GROUP_ID and len(note.welcome) <= limits.welcome
    return named and somebody_else and sized and group_name_fits(note.name, limits)
