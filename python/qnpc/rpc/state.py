"""What the halves of one connection share: the tables, what is to be sent, what has happened, and how capabilities change sides.

A capability goes out as a descriptor (`describe`) and comes in as an object (`take`). Every reference that goes out is counted in its
export, every one that comes in in its import, so that both sides agree on when an object is gone.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.rpc import build
from qnpc.rpc.capability import Owner, Remote, Served
from qnpc.rpc.codec import StructCodec
from qnpc.rpc.errors import LocalProtocolError, RemoteProtocolError
from qnpc.rpc.messages import Descriptor, Payload
from qnpc.rpc.payload import Received
from qnpc.rpc.tables import Answer, Broken, Export, Exports, Import, Promise, Question, Table

BUDGET = 4
"""The calls in flight in one direction may be as large together as so many messages of the allowed size."""

RELEASED = Broken(LocalProtocolError("this capability has been released"))


@dataclass(slots=True)
class Called:
    """A call of an object of ours: exactly one of `send_results` and `send_error` answers it."""

    answer: Answer
    served: Served
    key: tuple[int, int]
    params: Received


@dataclass(slots=True)
class Withdrawn:
    """The caller no longer waits; the call may be cancelled. It is still to be answered."""

    answer: Answer


@dataclass(slots=True)
class Returned:
    """The answer to a call of ours. `outcome` is None when it was withdrawn."""

    question: Question
    outcome: Received | Error | None


@dataclass(slots=True)
class Released:
    """The other side no longer holds this object."""

    served: Served


@dataclass(slots=True)
class Aborted:
    """The other side gave up; nothing follows."""

    error: Error


Event: TypeAlias = Called | Withdrawn | Returned | Released | Aborted


class State:
    def __init__(self, limits: Limits, owner: Owner) -> None:
        self.limits = limits
        self._owner = weakref.ref(owner)  # which holds this
        self.message_limit = limits.message_before_login
        self.calls_limit = min(limits.calls_before_login, limits.calls_in_flight)
        self.exports_limit = min(limits.exports_before_login, limits.exports)
        self.questions: Table[Question] = Table()
        self.answers: Table[Answer] = Table()
        self.exports = Exports(self.exports_limit)
        self.imports: Table[Import] = Table()
        self.events: deque[Event] = deque()
        self.out: list[bytes] = []

    @property
    def owner(self) -> Owner:
        """Whom Remotes are released through."""
        owner = self._owner()
        if owner is None:
            raise LocalProtocolError("the connection is over and forgotten")
        return owner

    def raise_limits(self) -> None:
        self.message_limit = self.limits.message_after_login
        self.calls_limit = self.limits.calls_in_flight
        self.exports_limit = self.exports.limit = self.limits.exports

    def send(self, message: bytes) -> None:
        self.out.append(message)

    # -- out ------------------------------------------------------------------------------------------------------------------

    def describe(self, codec: StructCodec[Any], value: Any) -> tuple[list[Descriptor], list[Export]]:
        """The table for the capabilities in `value`, and what it exports: one reference each is already counted.

        Raises ExportsFullError, or what is wrong with a capability; nothing is counted then.
        """
        table: list[Descriptor] = []
        exported: list[Export] = []
        try:
            for name, _ in codec.capabilities:
                item = getattr(value, name)
                if isinstance(item, Served):
                    export = self.exports.of(item)
                    export.refs += 1
                    exported.append(export)
                    table.append(Descriptor("senderHosted", export.id))
                else:
                    table.append(self._describe_remote(item))
        except BaseException:
            self.unexport(exported)
            raise
        return table, exported

    def _describe_remote(self, remote: Any) -> Descriptor:
        if not isinstance(remote, Remote):
            raise LocalProtocolError("a capability field holds something else")
        where = self.where(remote)
        if isinstance(where, Import):
            return Descriptor("receiverHosted", where.id)
        return Descriptor("receiverAnswer", where.question.id, where.path)

    def where(self, remote: Remote) -> Import | Promise:
        """What a Remote leads to. Raises LocalProtocolError, or why it is broken."""
        if not remote.belongs_to(self.owner):
            raise LocalProtocolError("this capability belongs to another connection")
        if isinstance(remote.state, Broken):
            raise remote.state.error
        return remote.state

    def unexport(self, exports: Sequence[Export]) -> None:
        """Take back one reference each."""
        for export in exports:
            export.refs -= 1
            self.forget(export)

    def unhold(self, export: Export) -> None:
        export.holds -= 1
        self.forget(export)

    def forget(self, export: Export) -> None:
        """Drop it when nothing needs it any more."""
        if self.exports.drop_unused(export):
            self.events.append(Released(export.served))

    # -- in -------------------------------------------------------------------------------------------------------------------

    def take(self, payload: Payload) -> Received:
        """Take over the capabilities of a payload. Raises RemoteProtocolError."""
        return Received(payload, [self.take_one(descriptor) for descriptor in payload.table])

    def take_one(self, descriptor: Descriptor) -> Remote | Served | Error | None:
        kind = descriptor.kind
        if kind == "none":
            return None
        if kind == "receiverHosted":
            export = self.exports.find(descriptor.id)
            if export is None:
                raise RemoteProtocolError("a capability names an object that is not here")
            return export.served
        if kind == "receiverAnswer":
            answer = self.answers.find(descriptor.id)
            held = None if answer is None else answer.held.get(descriptor.path)
            return Error(Code.BAD_REQUEST, "a capability is not here yet") if held is None else held.served
        # senderHosted; a senderPromise is called like it, and the vine of thirdPartyHosted too
        known = self.imports.find(descriptor.id)
        if known is None:
            if len(self.imports) >= self.exports_limit:
                raise RemoteProtocolError("too many capabilities were sent", Code.TOO_MANY_CALLS)
            known = self.imports.add(Import(descriptor.id))
        known.refs += 1
        return self.handle(known)

    def handle(self, known: Import) -> Remote:
        """One more Remote that leads to an import."""
        known.handles += 1
        return Remote(self.owner, known)

    def release(self, remote: Remote) -> None:
        """Idempotent."""
        state, remote.state = remote.state, RELEASED
        if isinstance(state, Promise):
            state.question.promises = [pair for pair in state.question.promises if pair[1] is not remote]
        elif isinstance(state, Import):
            state.handles -= 1
            if state.handles == 0:
                self.imports.drop(state)
                self.send(build.release(state.id, state.refs))
