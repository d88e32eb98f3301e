"""Join: from an invitation to a group, in one transaction with the replay of what came before it was opened."""

from __future__ import annotations

from qnpc import _core
from qnpc.client import contacts, intents
from qnpc.client.inbound import Inbound, group_entry
from qnpc.client.state import InvitationRow, Transaction
from qnpc.errors import Code, Error


def find_invitation(tx: Transaction, name: str) -> InvitationRow:
    """By the group's name or its id in hex. Raises Error(NOT_FOUND, BAD_REQUEST when several have that name)."""
    found = tx.invitations(name)
    if not found and len(name) == 32:
        found = [row for row in tx.invitations() if row.group.hex() == name]
    if not found:
        raise Error(Code.NOT_FOUND, f"there is no invitation to {name}")
    if len(found) > 1:
        ids = ", ".join(f"{row.group.hex()} (by {row.inviter})" for row in found)
        raise Error(Code.BAD_REQUEST, f"several invitations are to {name}: name one by its id: {ids}")
    return found[0]


def join(tx: Transaction, inbound: Inbound, invitation: InvitationRow, tree: bytes, update: bytes) -> str:
    """The group's name here. `tree` is the node's word and checked against the Welcome.

    `update` becomes the id of an intent that renews our leaf: until then the group relies on a KeyPackage that lay at
    the node, so post-compromise security begins with it.

    Raises Error(BAD_REQUEST, COMMIT_INVALID) for an invitation that does not open; it stays."""
    try:
        group = tx.join_mls_group(invitation.group, invitation.welcome, tree)
    except _core.Refused as error:
        raise Error(Code.COMMIT_INVALID, f"the group breaks the rules: {error}") from error
    except (_core.Malformed, _core.NotAuthentic, _core.Unreadable, _core.EpochStale) as error:
        raise Error(Code.BAD_REQUEST, "the invitation does not open: ask for another one") from error
    for member in group.members():
        contacts.meet(tx, member.certificate)
    name = tx.put_group(invitation.group, invitation.name, invitation.suite, "active")
    tx.delete_invitation(invitation.group)
    for row in tx.take_raw(invitation.group):
        group_entry(tx, inbound, row)
    intents.add_update(tx, update, invitation.group)
    return name
