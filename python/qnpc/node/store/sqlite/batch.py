"""What the items of one batch share while its transaction lasts, and the refusals that several families
need.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qnpc.errors import Code, Error
from qnpc.node.store.contract import Actor
from qnpc.node.store.sqlite.database import Database


@dataclass(slots=True)
class Batch:
    """One transaction. `recipients` holds the present members per channel; who changes membership drops them,
    and it ends with the batch, so that nothing is ever believed that another process could have changed."""

    db: Database
    recipients: dict[int, tuple[bytes, ...]] = field(default_factory=dict)

    def acting(self, actor: Actor, now: int) -> int:
        """The device's row id. E004, E005, E022."""
        row = self.db.one("actor", device=actor.device, token=actor.token)
        if row is None:
            raise Error(Code.AUTH_REQUIRED)
        device, revoked, expires = row
        check_actor(revoked, expires, now)
        return int(device)


def check_actor(revoked: int, expires: int | None, now: int) -> None:
    """E022 for a revoked device, E005 for a token that has expired or is gone."""
    if revoked:
        raise Error(Code.DEVICE_REVOKED)
    if expires is None or expires <= now:
        raise Error(Code.SESSION_EXPIRED)


def check_length(value: bytes, length: int, what: str) -> None:
    if len(value) != length:
        raise Error(Code.BAD_REQUEST, f"{what} must have {length} bytes")
