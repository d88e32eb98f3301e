"""Entries of groups that this device does not follow (yet, or any more), as they came; join replays them.

Whoever adds this device to groups cannot fill the disk: each group has its bound, and all of them together. What is kept of a group is
always the end of its log, so what is not kept is one gap at the beginning, and join tells of it.
"""

from __future__ import annotations

from qnpc.client.state import RawEntryRow, Transaction
from qnpc.limits import Limits


def keep(tx: Transaction, limits: Limits, row: RawEntryRow) -> None:
    """The oldest entries of its group make room for it; then those of groups that this device is out of, then those of groups that
    nobody has invited it to, then those of whichever takes the most."""
    size = len(row.payload)
    while tx.raw_bytes(row.channel) + size > limits.raw_bytes_per_group:
        if not tx.drop_raw(row.channel):
            break
    while tx.raw_bytes() + size > limits.raw_bytes:
        channel = tx.raw_to_drop()
        if channel is None:
            break
        tx.drop_raw(channel)
    fits = tx.raw_bytes(row.channel) + size <= limits.raw_bytes_per_group
    if fits and tx.raw_bytes() + size <= limits.raw_bytes:
        tx.put_raw(row)
    else:
        tx.lose_raw(row.channel, row.seq)
