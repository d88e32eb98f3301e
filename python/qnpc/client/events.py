"""Events: what a request answers with, one JSON object each. Stable: every one has `"v": 1` and `"kind"`.

The same objects are printed by `--json`, rendered for people, and carried between processes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from qnpc.client.contacts import TOFU, trust_of
from qnpc.client.state import GroupRow, HistoryRow, InvitationRow, Transaction

Event = dict[str, Any]


def event(kind: str, **fields: Any) -> Event:
    return {"v": 1, "kind": kind, **fields}


def message_id(id: bytes) -> str:  # noqa: A002
    return f"m_{id.hex()}"


def moment(milliseconds: int) -> str:
    """ISO 8601, UTC, to the millisecond. A sender's clock may say anything: what no calendar holds becomes the epoch."""
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        at = datetime.fromtimestamp(0, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def suite_name(suite: int) -> str:
    return f"0x{suite:04X}"


def of_history(tx: Transaction, group: GroupRow, row: HistoryRow) -> Event:
    """A message as it is shown: kind text, members, name, unreadable, unknown or gap."""
    shown = event(
        row.kind,
        id=message_id(row.id),
        group=group.name,
        seq=row.seq,
        **{"from": row.sender},
        trust=trust_of(tx, row.sender) if row.sender else TOFU,
    )
    match row.kind:
        case "text" | "name":
            shown["text"] = row.body
        case "members" | "unreadable" | "gap":
            shown.update(json.loads(row.body))
    if row.own:
        shown["state"] = row.state
    if row.missing:
        shown["missing"] = row.missing
    shown["at"] = moment(row.at)
    return shown


def of_invitation(row: InvitationRow) -> Event:
    return event(
        "invitation",
        group=row.name,
        id=row.group.hex(),
        **{"from": row.inviter},
        suite=suite_name(row.suite),
        at=moment(row.received),
    )
