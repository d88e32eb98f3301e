"""How long a connection waits for its other side, beside what QUIC waits for: a handshake, then a login, or a node that has gone silent.

A client gives up on a node that acknowledges nothing sooner than the idle timeout, which every retransmission would have to wait for, and
keeps the path open by a ping. Sans-IO.
"""

from __future__ import annotations

import enum
import math

from qnpc.limits import Limits


class Expired(enum.Enum):
    """What is to be done now."""

    GIVE_UP = enum.auto()
    DISMISS = enum.auto()
    PING = enum.auto()


class Patience:
    """`began`: when the connection did."""

    def __init__(self, limits: Limits, now: float, *, is_client: bool) -> None:
        self.began = now
        self._limits = limits
        self._is_client = is_client
        self._heard = now
        self._unanswered: float | None = None
        self._is_open = False
        self._expects_login = not is_client

    def hear(self, now: float) -> None:
        """Something came."""
        self._heard = now
        self._unanswered = None

    def ask(self, now: float) -> None:
        """Something was sent that must be acknowledged."""
        if self._unanswered is None:
            self._unanswered = now

    def opened(self) -> None:
        """The handshake is complete."""
        self._is_open = True

    def expect_no_login(self) -> None:
        """There was one, or the connection is about to end."""
        self._expects_login = False

    def next(self) -> float:
        """When `expired` has something to say at the earliest; infinite if never."""
        if not self._is_client and not self._expects_login:
            return math.inf  # most of them, and often
        return min(at for at, _ in self._deadlines())

    def expired(self, now: float) -> Expired | None:
        """A ping that is due counts as sent."""
        for at, what in self._deadlines():
            if now >= at:
                if what is Expired.PING:
                    self._heard = now
                return what
        return None

    def _deadlines(self) -> tuple[tuple[float, Expired], ...]:
        """The gravest first."""
        limits, waits = self._limits, self._is_client and self._is_open
        silence = self._unanswered + limits.silence if waits and self._unanswered is not None else math.inf
        login = self.began + (limits.login if self._is_open else limits.handshake)
        return (
            (silence, Expired.GIVE_UP),
            (login if self._expects_login else math.inf, Expired.DISMISS),
            (self._heard + limits.keepalive if waits else math.inf, Expired.PING),
        )
