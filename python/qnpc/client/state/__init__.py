"""One profile's durable state: the database, and the MLS state that lives and dies with its transactions."""

from qnpc.client.state.database import STATE, DatabaseError
from qnpc.client.state.rows import ContactRow, GroupRow, HistoryRow, IntentRow, InvitationRow, RawEntryRow
from qnpc.client.state.state import Keys, State
from qnpc.client.state.transaction import Transaction

__all__ = [
    "STATE",
    "ContactRow",
    "DatabaseError",
    "GroupRow",
    "HistoryRow",
    "IntentRow",
    "InvitationRow",
    "Keys",
    "RawEntryRow",
    "State",
    "Transaction",
]
