"""What a person wants, made durable: each function adds one intent (and what people see of it) inside a transaction.

An intent names accounts and groups, never leaf indexes.
"""

from __future__ import annotations

from qnpc.client import contacts
from qnpc.client.account import group_id_of
from qnpc.client.membership import require_active
from qnpc.client.state import GroupRow, Transaction
from qnpc.errors import Code, Error


def find_group(tx: Transaction, name: str) -> GroupRow:
    """By its id in hex or by its name here; what looks like an id is never taken for a name. Raises Error(NOT_FOUND)."""
    group_id = group_id_of(name)
    row = tx.group_named(name) if group_id is None else tx.group(group_id)
    if row is None:
        raise Error(Code.NOT_FOUND, f"there is no group {name} here")
    return row


def add_create(tx: Transaction, intent: bytes, group: bytes, name: str, suite: int) -> None:
    """Raises Error(GROUP_EXISTS)."""
    if tx.group_named(name) is not None:
        raise Error(Code.GROUP_EXISTS, f"there is a group {name} here already")
    tx.create_mls_group(group, suite)
    tx.put_group(group, name, suite, "creating")
    tx.add_intent(intent, group, "create", {})


def add_text(tx: Transaction, intent: bytes, group: GroupRow, text: str, sender: str) -> None:
    """Raises Error(NOT_A_MEMBER, IDENTITY_CHANGED)."""
    mls = require_active(tx, group.id)
    contacts.require_unchanged(tx, mls.members())
    tx.add_intent(intent, group.id, "text", {"text": text})
    tx.add_history(
        group=group.id,
        seq=None,
        id=intent,
        device=tx.device.public_key,
        sender=sender,
        kind="text",
        body=text,
        own=True,
        state="queued",
        at=tx.now,
    )


def add_members(tx: Transaction, intent: bytes, group: GroupRow, users: list[str], by: str) -> None:
    """Raises Error(NOT_A_MEMBER, NOT_ALLOWED, BAD_REQUEST) before anything is asked of the node."""
    _require_admin(tx, group)
    present = {member.username for member in tx.mls_group(group.id).members()}
    already = [user for user in users if user in present]
    if already:
        raise Error(Code.BAD_REQUEST, f"{', '.join(already)} is in {group.name} already")
    tx.add_intent(intent, group.id, "add", {"users": users, "by": by})


def remove_members(tx: Transaction, intent: bytes, group: GroupRow, users: list[str], by: str) -> None:
    """Raises Error(NOT_A_MEMBER, NOT_ALLOWED, NOT_FOUND, BAD_REQUEST)."""
    _require_admin(tx, group)
    if by in users:
        raise Error(Code.BAD_REQUEST, "nobody can remove themselves")
    present = {member.username for member in tx.mls_group(group.id).members()}
    absent = [user for user in users if user not in present]
    if absent:
        raise Error(Code.NOT_FOUND, f"{', '.join(absent)} is not in {group.name}")
    tx.add_intent(intent, group.id, "remove", {"users": users, "by": by})


def add_update(tx: Transaction, intent: bytes, group: bytes) -> None:
    """Fresh key material for our leaf and path (RFC 9420, 16.6). Nothing to do if we were removed meanwhile."""
    row = tx.group(group)
    if row is not None and row.state == "active":
        tx.add_intent(intent, group, "update", {})


def _require_admin(tx: Transaction, group: GroupRow) -> None:
    mls = require_active(tx, group.id)
    if not any(member.admin for member in mls.members() if member.device == tx.device.public_key):
        raise Error(Code.NOT_ALLOWED)
