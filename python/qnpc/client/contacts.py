"""Who is who: usernames and the identity keys that were first seen with them.

Trust never stops a merge (the group has moved, and a client that refused would be stranded); it stops sending. A
username whose identity key differs from the one first seen is `changed`, and nothing is sent to a group with such a
member until somebody has looked.
"""

from __future__ import annotations

from collections.abc import Iterable

from qnpc import _core
from qnpc.client.state import ContactRow, Transaction
from qnpc.errors import Code, Error

TOFU = "tofu"
CHANGED = "changed"


def meet(tx: Transaction, certificate: _core.Certificate) -> str:
    """Notes an identity key; returns the trust that a message under this certificate deserves."""
    known = tx.contact(certificate.username)
    if known is None:
        tx.put_contact(ContactRow(certificate.username, certificate.identity_key, TOFU))
        return TOFU
    if known.identity == certificate.identity_key:
        return known.trust
    if known.trust != CHANGED:
        tx.put_contact(ContactRow(known.username, known.identity, CHANGED))
    return CHANGED


def trust_of(tx: Transaction, username: str) -> str:
    known = tx.contact(username)
    return TOFU if known is None else known.trust


def require_unchanged(tx: Transaction, members: Iterable[_core.Member]) -> None:
    """Before anything is encrypted to them. Raises Error(IDENTITY_CHANGED)."""
    for member in members:
        known = tx.contact(member.username)
        if known is not None and (known.trust == CHANGED or known.identity != member.identity_key):
            raise Error(Code.IDENTITY_CHANGED, f"the identity key of {member.username} has changed")
