"""The capabilities that a node serves, and how a call of one becomes the call of a handler.

A capability here is only what it is about: a pending registration, a session, a group. What may be done with it stands in the table of
methods.py; `dispatch` looks a method up there and calls its handler. Authority is the capability, but it is no pardon: the handlers
hold token, device and membership against the store each time.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

import structlog

from qnpc.errors import Code, Error
from qnpc.node.pending import Slot
from qnpc.node.services import Services
from qnpc.node.store.contract import Actor
from qnpc.ports import Timer
from qnpc.rpc import Method, Peer, Served
from qnpc.wire import ENROL, GROUP, LOGIN, NODE, PROOF, REGISTRATION, SESSION

if TYPE_CHECKING:
    from qnpc.node.accounts import Enrolling, LoggingIn, Registering

log = structlog.get_logger("qnpc.node")


class Needs(enum.Enum):
    """What must stand, now and in the store, for a method to be carried out."""

    NOTHING = enum.auto()
    TOKEN = enum.auto()
    MEMBERSHIP = enum.auto()


LACKING: Final[Mapping[Needs, tuple[Code, ...]]] = {
    Needs.NOTHING: (),
    Needs.TOKEN: (Code.SESSION_EXPIRED, Code.DEVICE_REVOKED),
    Needs.MEMBERSHIP: (Code.SESSION_EXPIRED, Code.DEVICE_REVOKED, Code.NOT_A_MEMBER),
}
"""Codes of who lacks it."""


EVERYWHERE: Final = (Code.BAD_REQUEST, Code.TOO_LARGE, Code.SHUTTING_DOWN, Code.STORE_UNAVAILABLE)
"""Codes that any method may answer with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `codes` are those that `needs` and EVERYWHERE do not bring."""

    method: Method[Any, Any]
    handler: Callable[[Any, Any], Awaitable[Any]]
    needs: Needs
    codes: tuple[Code, ...] = ()

    @property
    def may_answer(self) -> tuple[Code, ...]:
        return EVERYWHERE + LACKING[self.needs] + self.codes


Methods = Mapping[tuple[int, int], Row]


class Visitor:
    """One connection, as the handlers see it. It was let in for its sessions, and ends with the last of them."""

    peer: Peer

    def __init__(self, services: Services, methods: Methods, address: str, tls_group: str) -> None:
        self.services = services
        self.methods = methods
        self.address = address
        self.tls_group = tls_group
        self._sessions: dict[bytes, Timer] = {}  # by token, with what ends it when that expires

    def opened(self, actor: Actor, expires: int) -> None:
        """From here on the connection may send large messages. `expires`: Unix milliseconds."""
        self._forget(actor)
        late = partial(self.ended, actor, Error(Code.SESSION_EXPIRED))
        seconds = max(0.0, (expires - self.services.now()) / 1000)
        self._sessions[actor.token] = self.services.ports.clock.call_later(seconds, late)
        self.peer.authenticated()

    def ended(self, actor: Actor, error: Error | None = None) -> None:
        """A session is over. Idempotent."""
        if self._forget(actor) and not self._sessions:
            self.peer.close(error)

    def ends_after_answer(self, actor: Actor, error: Error | None = None) -> None:
        """As `ended`, once the running call is answered."""
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(lambda _: self.ended(actor, error))

    def gone(self) -> None:
        """The connection is over."""
        for timer in self._sessions.values():
            timer.cancel()
        self._sessions.clear()
        del self.peer  # they hold each other

    def _forget(self, actor: Actor) -> bool:
        timer = self._sessions.pop(actor.token, None)
        if timer is not None:
            timer.cancel()
        return timer is not None


class Hosted(Served):
    """What all capabilities here have in common. `actor`: whose session it belongs to, if any."""

    actor: Actor | None = None

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.services = visitor.services

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        row = self.visitor.methods[method.key]
        try:
            self.services.gate.admit()
            return await row.handler(self, params)
        except Error as error:
            log.debug("call.refused", method=str(method), code=error.code)
            if error.kind not in row.may_answer:
                log.error("answer.unlisted", method=str(method), code=error.code)
            if self.actor is not None and error.kind in LACKING[Needs.TOKEN]:
                await self._look_at_session(self.actor)
            raise

    async def _look_at_session(self, actor: Actor) -> None:
        """It may be over; or what was refused was about another device."""
        try:
            await self.services.read(actor, lambda _: None)
        except Error as error:
            if error.kind in LACKING[Needs.TOKEN]:
                self.visitor.ends_after_answer(actor, error)


class NodeCap(Hosted):
    """The bootstrap: what anybody may ask."""

    methods: ClassVar = NODE.table


class RegistrationCap(Hosted):
    methods: ClassVar = REGISTRATION.table

    def __init__(self, visitor: Visitor, slot: Slot[Registering]) -> None:
        super().__init__(visitor)
        self.slot = slot

    def released(self) -> None:
        self.slot.free()


class LoginCap(Hosted):
    methods: ClassVar = LOGIN.table

    def __init__(self, visitor: Visitor, slot: Slot[LoggingIn]) -> None:
        super().__init__(visitor)
        self.slot = slot

    def released(self) -> None:
        self.slot.free()


class EnrolCap(Hosted):
    """The password was right; the device is still to be shown."""

    methods: ClassVar = ENROL.table

    def __init__(self, visitor: Visitor, slot: Slot[Enrolling]) -> None:
        super().__init__(visitor)
        self.slot = slot

    def released(self) -> None:
        self.slot.free()


class ProofCap(Hosted):
    """A challenge of a device. It holds little, and a connection's exports bound how many there are."""

    methods: ClassVar = PROOF.table

    def __init__(self, visitor: Visitor, device: bytes, nonce: bytes, deadline: float) -> None:
        super().__init__(visitor)
        self.device = device
        self.nonce: bytes | None = nonce  # None once used
        self.deadline = deadline


class SessionCap(Hosted):
    """A logged-in device. `expires`: Unix milliseconds."""

    methods: ClassVar = SESSION.table

    def __init__(self, visitor: Visitor, actor: Actor, expires: int) -> None:
        super().__init__(visitor)
        self.actor: Actor = actor
        self.expires = expires


class GroupCap(Hosted):
    """A group, as one session sees it."""

    methods: ClassVar = GROUP.table

    def __init__(self, session: SessionCap, group: bytes) -> None:
        super().__init__(session.visitor)
        self.actor: Actor = session.actor
        self.group = group
