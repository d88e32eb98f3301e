"""Cap'n Proto RPC as a state machine: bytes in, events and bytes out, no clock, no socket, no task.

`receive_bytes` takes what came, `next_event` hands out what happened, `bytes_to_send` what is to be sent; both are asked after every
other call. `receive_bytes` raises nothing but RemoteProtocolError, which ends the connection: send an Abort and close. Two-party RPC of
level 1, without what needs a third vat; what is not supported is answered with `unimplemented` or refused. The two halves are caller.py
and callee.py, what they share is in state.py.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import Any, TypeVar

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.rpc import build, messages
from qnpc.rpc.build import CallTemplate
from qnpc.rpc.callee import Callee
from qnpc.rpc.caller import Caller
from qnpc.rpc.capability import Owner, Remote, Served
from qnpc.rpc.codec import StructCodec
from qnpc.rpc.errors import RemoteProtocolError
from qnpc.rpc.framing import Deframer
from qnpc.rpc.method import Method
from qnpc.rpc.state import Aborted, Event, Released, Returned, State
from qnpc.rpc.tables import Answer, Import, Path, Question

P = TypeVar("P")
R = TypeVar("R")


class Vat:
    """One end of a connection. `owner` is what its Remotes are released through; the vat itself will do."""

    def __init__(self, limits: Limits, bootstrap: Served | None = None, owner: Owner | None = None) -> None:
        self._state = State(limits, owner or self)
        self._deframer = Deframer(limits.message_before_login)
        self._most_waiting = limits.messages_waiting_before_login
        self._callee = Callee(self._state, bootstrap)
        self._caller = Caller(self._state)
        self._over = False

    # -- bytes and events -------------------------------------------------------------------------------------------------------

    def receive_bytes(self, data: bytes, most: int | None = None) -> bool:
        """Handles the messages that are whole, at most so many; returns whether there are more: then ask again, with nothing.

        Raises RemoteProtocolError. What was whole before it has its effect; nothing after it has.
        """
        if self._over:
            return False
        more = False
        try:
            with contextlib.closing(self._deframer.receive(data)) as messages_in:
                for message in itertools.islice(messages_in, most):
                    if not self._receive(message):
                        self._over = True
                        return False
            more = most is not None and self._deframer.ready()
            # What is held is known; how much of it is whole costs a look at each message, so it is asked second.
            most_waiting, deframer = self._most_waiting, self._deframer
            if more and deframer.held > most_waiting and deframer.waiting() > most_waiting:
                raise RemoteProtocolError("more is sent than can be taken", Code.TOO_MANY_CALLS)
        except RemoteProtocolError:
            self._over = True
            raise
        return more

    def next_event(self) -> Event | None:
        events = self._state.events
        return events.popleft() if events else None

    def bytes_to_send(self) -> bytes:
        """What was queued since the last time."""
        out = self._state.out
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def raise_limits(self) -> None:
        """From now on messages may be as large, and calls and objects as many, as after login, in both directions."""
        self._state.raise_limits()
        self._deframer.limit = self._state.message_limit

    @property
    def message_limit(self) -> int:
        return self._state.message_limit

    @property
    def sizes(self) -> dict[str, int]:
        """Entries of each table, and bytes of a message that is not whole."""
        state = self._state
        return {
            "questions": len(state.questions),
            "answers": len(state.answers),
            "exports": len(state.exports),
            "imports": len(state.imports),
            "bytes": self._deframer.held,
        }

    def _receive(self, data: bytes) -> bool:
        """Whether anything may follow."""
        message = messages.parse(data, self._state.limits)
        match message:
            case messages.Call(to_caller=True):
                self._callee.on_call(message, len(data))
            case messages.Return():
                self._caller.on_return(message)
            case messages.Finish():
                self._callee.on_finish(message)
            case messages.Release():
                self._callee.on_release(message)
            case messages.Bootstrap():
                self._callee.on_bootstrap(message, len(data))
            case messages.Resolve():
                self._caller.on_resolve(message)
            case messages.Disembargo(kind="senderLoopback"):
                self._callee.on_disembargo(message)
            case messages.Disembargo(kind="receiverLoopback"):
                raise RemoteProtocolError("a disembargo came that was not asked for")
            case messages.Unimplemented():
                self._caller.on_unimplemented(message)
            case messages.Abort(reason=reason):
                self._state.events.append(Aborted(Error.from_wire(reason)))
                return False
            case _:  # what only peers of a higher level say, or what is newer than our rpc.capnp
                self._state.send(build.unimplemented(data))
        return True

    # -- calling ------------------------------------------------------------------------------------------------------------------

    def bootstrap(self) -> Remote:
        """The other side's bootstrap object. Raises BusyError."""
        return self._caller.bootstrap()

    def send_call(self, target: Remote, method: Method[P, R], params: P, call: Any) -> Question:
        """See Caller.send_call."""
        return self._caller.send_call(target, method, params, call)

    def send_template(self, target: Remote, template: CallTemplate, call: Any) -> Question | None:
        """See Caller.send_template."""
        return self._caller.send_template(target, template, call)

    def promise(self, question: Question, path: Path) -> Remote:
        return self._caller.promise(question, path)

    def withdraw(self, question: Question) -> None:
        self._caller.withdraw(question)

    def share(self, remote: Remote) -> Remote:
        """Another Remote for the same import, released by itself. Raises LocalProtocolError, or why it is broken."""
        where = self._state.where(remote)
        if isinstance(where, Import):
            return self._state.handle(where)
        return self.promise(where.question, where.path)

    def release(self, remote: Remote) -> None:
        self._state.release(remote)

    # -- answering ----------------------------------------------------------------------------------------------------------------

    def send_results(self, answer: Answer, codec: StructCodec[Any], value: Any) -> None:
        """See Callee.send_results."""
        self._callee.send_results(answer, codec, value)

    def send_error(self, answer: Answer, error: Error) -> None:
        self._callee.send_error(answer, error)

    # -- ending -------------------------------------------------------------------------------------------------------------------

    def send_abort(self, error: Error) -> None:
        self._state.send(build.abort(error.to_wire()))

    def close(self, error: Error) -> tuple[list[Question], list[Served]]:
        """Forget everything. Returns the questions that will have no answer, and the objects that nobody holds any more.

        What was not asked for with next_event is among them.
        """
        self._over = True
        questions, served = self._caller.close(error), self._callee.close()
        for event in self._state.events:
            if isinstance(event, Returned):
                questions.append(event.question)
            elif isinstance(event, Released):
                served.append(event.served)
        self._state.events.clear()
        self._deframer.clear()
        return questions, served
