"""That a session still stands. A capability is not a pardon: this is asked again for each read, in the job that reads."""

from __future__ import annotations

from qnpc.errors import Code, Error
from qnpc.node.store.contract import Actor, Store


def check_live(store: Store, actor: Actor, now: int) -> None:
    """That a session's token and device still stand. Raises Error(SESSION_EXPIRED), Error(DEVICE_REVOKED)."""
    token = store.token(actor.token)
    if token is None or token.device != actor.device or token.expires <= now:
        raise Error(Code.SESSION_EXPIRED)
    device = store.device(actor.device)
    if device is None:
        raise Error(Code.SESSION_EXPIRED)
    if device.revoked:
        raise Error(Code.DEVICE_REVOKED)
