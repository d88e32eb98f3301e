"""One inbound batch, applied inside one transaction.

Every entry moves its channel's cursor, whatever it holds: what can never be read is recorded as unreadable and
passed, so one poisonous entry cannot stop a client. Only local failures (storage, library) leave this module as
exceptions; then the whole batch is as if it never came. What somebody else wrote raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qnpc.client.account import Account
from qnpc.client.grouplog import group_entry, unreadable
from qnpc.client.inbox import inbox_entry
from qnpc.client.membership import show_gap
from qnpc.client.state import RawEntryRow, Transaction
from qnpc.limits import Limits
from qnpc.wire import Entry


def apply(tx: Transaction, account: Account, limits: Limits, entries: Sequence[Entry]) -> None:
    """Raises _core.StateError and what the database raises."""
    tx.prepare({entry.channel for entry in entries if tx.group(entry.channel) is not None})
    for entry in entries:
        if not _advance(tx, limits, entry):
            continue
        if entry.channel == tx.device.public_key:
            inbox_entry(tx, account, limits, _row(entry))
        else:
            group_entry(tx, limits, _row(entry))


def pass_over(tx: Transaction, limits: Limits, entry: Entry, reason: str) -> None:
    """Records an entry that failed even alone in a fresh state, and moves on."""
    if _advance(tx, limits, entry) and tx.group(entry.channel) is not None:
        unreadable(tx, _row(entry), reason)


def _row(entry: Entry) -> RawEntryRow:
    return RawEntryRow(entry.channel, entry.seq, entry.id, entry.sender, entry.received, entry.payload)


def _advance(tx: Transaction, limits: Limits, entry: Entry) -> bool:
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
            if tx.group(entry.channel) is None:  # not joined yet: join shows it
                tx.lose_raw(entry.channel, entry.seq - 1)
    elif not _known(tx, entry.channel) and tx.unknown_channels() >= limits.unknown_channels:
        return False
    tx.set_cursor(entry.channel, entry.incarnation, entry.seq)
    return True


def _known(tx: Transaction, channel: bytes) -> bool:
    return channel == tx.device.public_key or tx.group(channel) is not None or tx.is_invited(channel)
