"""What a node hands out, as this side holds it: a node allows a connection few objects at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.rpc import Peer, Remote
from qnpc.wire import SESSION, Head, SessionGroupParams


@dataclass(frozen=True, slots=True)
class Online:
    """A live session; `heads` are what the node had when it began, `renewed` that its token is new."""

    peer: Peer
    session: Remote
    heads: tuple[Head, ...]
    tls_group: str
    renewed: bool = False


def remote(capability: object) -> Remote:
    """What a node hands out is hosted by it. Raises Error(INTERNAL) if it hands our own back: that refuses nothing."""
    if not isinstance(capability, Remote):
        raise Error(Code.INTERNAL, "the node handed out no capability of its own")
    return capability


class Capabilities:
    """The groups' capabilities of one session. Those used lately are kept, for each costs a round trip."""

    def __init__(self, limits: Limits) -> None:
        self._online: Online | None = None
        self._kept: dict[bytes, Remote] = {}
        self._most = max(1, limits.exports // 4)
        self._room = asyncio.Semaphore(self._most)

    @asynccontextmanager
    async def group(self, online: Online, group: bytes) -> AsyncIterator[Remote]:
        """For one user of a group at a time. Raises what the node refuses with."""
        async with self._room:
            if self._online is not online:
                self._online, self._kept = online, {}
            held = self._kept.pop(group, None)
            if held is None:
                results = await online.peer.call(online.session, SESSION.group, SessionGroupParams(group))
                held = remote(results.group)
            try:
                yield held
            finally:
                if self._online is online:
                    self._kept[group] = held
                    if len(self._kept) > self._most:
                        self._kept.pop(next(iter(self._kept))).release()
