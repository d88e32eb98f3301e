"""The half of a connection that is called: the other side's bootstraps and calls, our answers and exports.

Calls are handed out in the order of their arrival; a call on an answer that is not there yet waits in that answer, in order. An answer
is forgotten when it is both returned and finished, and holds what can be called in it until then.
"""

from __future__ import annotations

from typing import Any

from qnpc.errors import Code, Error
from qnpc.rpc import build
from qnpc.rpc.capability import Remote, Served
from qnpc.rpc.codec import StructCodec
from qnpc.rpc.errors import RemoteProtocolError
from qnpc.rpc.messages import Bootstrap, Call, Disembargo, Finish, Release
from qnpc.rpc.payload import Received
from qnpc.rpc.state import BUDGET, Called, State, Withdrawn
from qnpc.rpc.tables import Answer, Export, ExportsFullError, Import, Path, Refusal

_KINDS = {
    Code.UNSUPPORTED_VERSION: "unimplemented",
    Code.RATE_LIMITED: "overloaded",
    Code.QUEUE_FULL: "overloaded",
    Code.TOO_MANY_CALLS: "overloaded",
}
"""The Exception.Type of a code; failed otherwise."""


def refusal(error: Error) -> Refusal:
    return Refusal(error.to_wire(), _KINDS.get(error.kind, "failed"))


_CLOSED = refusal(Error(Code.BAD_REQUEST, "the answer holds no such capability, or is finished"))
_NO_BOOTSTRAP = refusal(Error(Code.UNSUPPORTED_VERSION, "nothing is offered here"))


class Callee:
    def __init__(self, state: State, bootstrap: Served | None) -> None:
        self._state = state
        self._running = 0  # answers that are not returned
        self._running_bytes = 0
        self._bootstrap: Export | None = None
        if bootstrap is not None:
            self._bootstrap = state.exports.of(bootstrap)
            self._bootstrap.holds += 1

    # -- what comes in ----------------------------------------------------------------------------------------------------------

    def on_bootstrap(self, message: Bootstrap, size: int) -> None:
        answer = self._open(message.question, size)
        if self._bootstrap is None:
            self._refuse(answer, _NO_BOOTSTRAP)
            return
        self._bootstrap.refs += 1
        answer.sent.append(self._bootstrap)
        self._hold(answer, (), self._bootstrap)
        self._state.send(build.return_bootstrap(answer.id, self._bootstrap.id))
        self._settle(answer)

    def on_call(self, message: Call, size: int) -> None:
        answer = self._open(message.question, size)
        params = self._state.take(message.payload)
        target = message.target
        if target.path is None:
            export = self._state.exports.find(target.id)
            if export is None:
                raise RemoteProtocolError("the call's target is not here")
            self._deliver(answer, message, params, export)
            return
        base = self._state.answers.find(target.id)
        if base is None or base is answer:
            params.release()
            self._refuse(answer, _CLOSED)
        elif base.returned:
            self._continue(answer, message, params, base)
        else:
            answer.base = base
            base.waiting.append((answer, message, params))

    def on_finish(self, message: Finish) -> None:
        answer = self._state.answers.find(message.question)
        if answer is None:
            return  # it needed no Finish
        if answer.finished:
            raise RemoteProtocolError("a call was finished twice")
        answer.finished = True
        if answer.returned:
            if message.release_results:
                self._state.unexport(answer.sent)
            self._close(answer)
        else:
            self._withdraw(answer)

    def on_release(self, message: Release) -> None:
        export = self._state.exports.find(message.id)
        if export is None or message.count > export.refs:
            raise RemoteProtocolError("a release exceeds what was sent")
        export.refs -= message.count
        self._state.forget(export)

    def on_disembargo(self, message: Disembargo) -> None:
        """A senderLoopback: an answer of ours led back to the other side, which asks for the end of what went that way."""
        target = message.target
        answer = None if target.path is None else self._state.answers.find(target.id)
        theirs = None if answer is None else answer.theirs.get(target.path or ())
        if theirs is None:
            raise RemoteProtocolError("a disembargo does not lead back to its sender")
        self._state.send(build.disembargo(theirs, message.id))

    # -- what goes out ----------------------------------------------------------------------------------------------------------

    def send_results(self, answer: Answer, codec: StructCodec[Any], value: Any) -> None:
        """Raises LocalProtocolError when they do not fit, Error(TOO_LARGE), and then the answer is still open.

        Raises RemoteProtocolError when the other side holds too many capabilities.
        """
        state = self._state
        try:
            table, exported = state.describe(codec, value)
        except ExportsFullError as error:
            raise RemoteProtocolError(error.sentence, error.kind) from error
        try:
            if codec.empty:
                message = build.return_empty(answer.id)
            else:
                message = build.return_results(answer.id, codec, value, table, no_finish=not table)
            if len(message) > state.message_limit:
                raise Error(Code.TOO_LARGE, "the answer is larger than allowed")
        except BaseException:
            state.unexport(exported)
            raise
        for name, index in codec.capabilities:
            item = getattr(value, name)
            if isinstance(item, Served):
                self._hold(answer, (index,), state.exports.of(item))
            elif isinstance(item.state, Import):
                answer.theirs[index,] = item.state.id
        if answer.finished:
            state.send(build.return_canceled(answer.id))
        else:
            state.send(message)
            answer.sent = list(exported)
            exported = []
        if not table:
            answer.finished = True
        self._settle(answer)
        state.unexport(exported)
        for name, _ in codec.capabilities:
            item = getattr(value, name)
            if isinstance(item, Remote):
                state.release(item)

    def send_error(self, answer: Answer, error: Error) -> None:
        self._refuse(answer, refusal(error))

    def close(self) -> list[Served]:
        """Forget everything; returns the objects that are exported."""
        served = [export.served for export in self._state.exports]
        self._state.answers.clear()
        self._state.exports.clear()
        return served

    # -- the life of an answer --------------------------------------------------------------------------------------------------

    def _open(self, number: int, size: int) -> Answer:
        state = self._state
        if state.answers.find(number) is not None:
            raise RemoteProtocolError("the id of a call is in use")
        if self._running >= state.calls_limit:
            raise RemoteProtocolError("too many calls are in flight", Code.TOO_MANY_CALLS)
        if self._running and self._running_bytes + size > BUDGET * state.message_limit:
            raise RemoteProtocolError("the calls in flight are too large together", Code.TOO_MANY_CALLS)
        if len(state.answers) >= state.calls_limit + state.exports_limit:
            raise RemoteProtocolError("too many answers are not finished", Code.TOO_MANY_CALLS)
        self._running += 1
        self._running_bytes += size
        return state.answers.add(Answer(number, size))

    def _deliver(self, answer: Answer, call: Call, params: Received, export: Export) -> None:
        export.holds += 1
        answer.target = export
        key = (call.interface_id, call.method_id)
        self._state.events.append(Called(answer, export.served, key, params))

    def _continue(self, answer: Answer, call: Call, params: Received, base: Answer) -> None:
        """A call on an answer that is returned."""
        answer.base = None
        export = base.held.get(call.target.path or ())
        if export is not None:
            self._deliver(answer, call, params, export)
        else:
            params.release()
            self._refuse(answer, base.refusal or _CLOSED)

    def _hold(self, answer: Answer, path: Path, export: Export) -> None:
        export.holds += 1
        answer.held[path] = export

    def _withdraw(self, answer: Answer) -> None:
        """Its caller no longer waits. It runs on while other calls wait for it: they hold it, not its caller."""
        if answer.waiting:
            return
        base = answer.base
        if base is None:
            self._state.events.append(Withdrawn(answer))
            return
        for entry in base.waiting:
            if entry[0] is answer:
                entry[2].release()
        base.waiting = [entry for entry in base.waiting if entry[0] is not answer]
        answer.base = None
        self._refuse(answer, _CLOSED)
        if base.finished:
            self._withdraw(base)

    def _refuse(self, answer: Answer, reason: Refusal) -> None:
        answer.refusal = reason
        if answer.finished:
            self._state.send(build.return_canceled(answer.id))
        else:
            self._state.send(build.return_exception(answer.id, reason.reason, reason.kind))
        self._settle(answer)

    def _settle(self, answer: Answer) -> None:
        """It is returned: let what waited for it go on, in order."""
        answer.returned = True
        self._running -= 1
        self._running_bytes -= answer.size
        waiting, answer.waiting = answer.waiting, []
        for following, call, params in waiting:
            self._continue(following, call, params, answer)
        target, answer.target = answer.target, None
        if target is not None:
            self._state.unhold(target)
        if answer.finished:
            self._close(answer)

    def _close(self, answer: Answer) -> None:
        self._state.answers.drop(answer)
        held, answer.held = answer.held, {}
        for export in held.values():
            self._state.unhold(export)
