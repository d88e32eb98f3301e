"""Where this device stands in a group: it follows the log, it missed a part of it, or it is out.

Only an active group is encrypted to. What is missing is shown in the group's history, never passed in silence.
"""

from __future__ import annotations

from typing import Any

from qnpc import _core
from qnpc.client.state import Transaction
from qnpc.errors import Code, Error

OUTSIDE = ("removed", "lapsed")
"""States of a group whose log this device cannot follow."""


def is_outside(tx: Transaction, group_id: bytes) -> bool:
    row = tx.group(group_id)
    return row is None or row.state in OUTSIDE


def require_active(tx: Transaction, group_id: bytes) -> _core.Group:
    """Raises Error(NOT_A_MEMBER, GROUP_LAPSED)."""
    row = tx.group(group_id)
    if row is not None and row.state == "lapsed":
        raise Error(Code.GROUP_LAPSED, f"this device missed part of {row.name}")
    if row is None or row.state == "removed":
        raise Error(Code.NOT_A_MEMBER)
    return tx.mls_group(group_id)


def lapse(tx: Transaction, group_id: bytes, at: int) -> None:
    """This device cannot follow the group any more: a part is missing, or its own state is from a backup. Nothing is
    encrypted with it again (a ratchet key would be used twice); an admin's new invitation heals it."""
    tx.set_group_state(group_id, "lapsed")
    tx.touched = True
    _show(tx, group_id, None, b"lapsed" + at.to_bytes(8, "big", signed=True), {"lapsed": True}, at)


def show_gap(
    tx: Transaction, channel: bytes, incarnation: int, upto: int, at: int, body: dict[str, Any]
) -> None:
    """A hole in the log of a group that is followed. `upto`: the last seq that is in it."""
    if is_outside(tx, channel):
        return
    gap = b"gap" + incarnation.to_bytes(8, "big") + upto.to_bytes(8, "big")
    _show(tx, channel, upto, gap, body, at)


def _show(
    tx: Transaction,
    group: bytes,
    seq: int | None,
    id: bytes,  # noqa: A002
    body: dict[str, Any],
    at: int,
) -> None:
    tx.add_history(
        group=group,
        seq=seq,
        id=id,
        device=b"",
        sender="",
        kind="gap",
        body=body,
        own=False,
        state="received",
        at=at,
    )
