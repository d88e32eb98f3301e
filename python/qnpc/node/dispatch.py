"""The capabilities that a node serves, and how a call of one becomes the call of a handler.

A capability here is only what it is about: a pending registration, a session, a group. What may be done with it stands in the table of
methods.py; `dispatch` looks a method up there and calls its handler. Authority is the capability, but it is no pardon: the handlers
hold token, device and membership against the store each time.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import structlog

from qnpc.errors import Code, Error
from qnpc.node.pending import Slot
from qnpc.node.services import Services
from qnpc.node.store.contract import Actor
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
    """One connection, as the handlers see it."""

    peer: Peer

    def __init__(self, services: Services, methods: Methods, address: str, tls_group: str) -> None:
        self.services = services
        self.methods = methods
        self.address = address
        self.tls_group = tls_group


class Hosted(Served):
    """What all capabilities here have in common."""

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
            raise


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
        self.actor = actor
        self.expires = expires


class GroupCap(Hosted):
    """A group, as one session sees it."""

    methods: ClassVar = GROUP.table

    def __init__(self, session: SessionCap, group: bytes) -> None:
        super().__init__(session.visitor)
        self.actor = session.actor
        self.group = group
