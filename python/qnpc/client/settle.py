"""The outcome of an intent, written once whoever learns it first: the node's answer, or our own entry in the group's log."""

from __future__ import annotations

import json

from qnpc.client.membership import is_outside
from qnpc.client.state import IntentRow, Transaction
from qnpc.errors import Error


def text_accepted(tx: Transaction, intent: IntentRow, seq: int) -> None:
    """`parts` of a sealed text is its counter: the next message here counts on from it."""
    if intent.state == "accepted":
        return
    tx.accept_intent(intent.id, seq)
    tx.settle_history(intent.group, tx.device.public_key, intent.id, "accepted", seq)
    if intent.parts is not None:
        tx.set_counter(intent.group, int.from_bytes(intent.parts, "big"))


def commit_accepted(tx: Transaction, intent: IntentRow, seq: int | None) -> None:
    """Merges the pending commit, unless that was done; notes a change of members in history."""
    if intent.state == "accepted":
        return
    row = tx.group(intent.group)
    if row is not None and row.state == "active" and intent.epoch == tx.mls_group(intent.group).epoch:
        tx.mls_group(intent.group).merge_pending()
    tx.touched = True
    tx.accept_intent(intent.id, seq)
    if intent.kind in ("add", "remove"):
        body = json.loads(intent.body)
        changed = {"added": [], "removed": [], "by": body["by"]}
        changed["added" if intent.kind == "add" else "removed"] = body["users"]
        tx.add_history(
            group=intent.group,
            seq=seq,
            id=intent.id,
            device=tx.device.public_key,
            sender=body["by"],
            kind="members",
            body=changed,
            own=True,
            state="accepted",
            at=tx.now,
        )


def created(tx: Transaction, intent: IntentRow) -> None:
    tx.accept_intent(intent.id, None)
    tx.set_group_state(intent.group, "active")


def failed(tx: Transaction, intent_id: bytes, error: Error) -> None:
    """Refused for good: a pending commit is cleared, and only then. Nothing happens to one that was accepted meanwhile."""
    intent = tx.intent(intent_id)
    if intent is None or intent.state not in ("waiting", "sealed"):
        return
    if intent.state == "sealed":
        _clear_pending(tx, intent)
    tx.fail_intent(intent.id, error)
    if intent.kind == "text":
        tx.settle_history(intent.group, tx.device.public_key, intent.id, "failed", None)
    if intent.kind == "create":
        tx.delete_mls_group(intent.group)
        tx.delete_group(intent.group)


def reopened(tx: Transaction, intent_id: bytes) -> None:
    """The epoch went by: the pending commit is cleared, and the intent is sealed again in a later epoch under the same
    id."""
    intent = tx.intent(intent_id)
    if intent is not None and intent.state == "sealed":
        _clear_pending(tx, intent)
        tx.reopen_intent(intent.id)


def _clear_pending(tx: Transaction, intent: IntentRow) -> None:
    if intent.kind in ("add", "remove", "update") and not is_outside(tx, intent.group):
        group = tx.mls_group(intent.group)
        if group.pending:
            group.clear_pending()
