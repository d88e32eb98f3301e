"""The half of a connection that calls: our bootstraps and calls, their answers, and what we import.

A question lives until its Return. With it, everything that was promised in its answer becomes an import or breaks, and a Finish goes out
at once: nothing of ours stays in the other side's tables but what is still held here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from qnpc.errors import Code, Error
from qnpc.rpc import build
from qnpc.rpc.build import CallTemplate
from qnpc.rpc.capability import Remote
from qnpc.rpc.errors import LocalProtocolError, RemoteProtocolError
from qnpc.rpc.messages import Resolve, Return, Target, Unimplemented
from qnpc.rpc.method import Method
from qnpc.rpc.payload import Received
from qnpc.rpc.state import BUDGET, Returned, State
from qnpc.rpc.tables import Broken, Import, Path, Promise, Question

P = TypeVar("P")
R = TypeVar("R")


class BusyError(Error):
    """As many calls are in flight as the other side allows; it goes on when one returns."""

    def __init__(self) -> None:
        super().__init__(Code.TOO_MANY_CALLS)


class Caller:
    def __init__(self, state: State) -> None:
        self._state = state
        self._bytes = 0  # of the questions that are open

    # -- what goes out ----------------------------------------------------------------------------------------------------------

    def bootstrap(self) -> Remote:
        """Raises BusyError."""
        question = self._ask(None, build.bootstrap)
        return self.promise(question, ())

    def send_call(self, target: Remote, method: Method[P, R], params: P, call: Any) -> Question:
        """`call` comes back with the answer. Raises BusyError, LocalProtocolError, Error(TOO_LARGE), or why `target` is broken."""
        state = self._state
        where = self._target(target)
        self._check_room(0)
        table, exported = state.describe(method.params, params)
        try:
            question = self._ask(
                call, lambda number: build.call(number, where, method.key, method.params, params, table)
            )
        except BaseException:
            state.unexport(exported)
            raise
        question.exported = exported
        return question

    def send_template(self, target: Remote, template: CallTemplate, call: Any) -> Question | None:
        """None when the target is a promise: a template can name only what is imported."""
        where = self._target(target)
        if where.path is not None:
            return None
        return self._ask(call, lambda number: template.patched(number, where.id))

    def promise(self, question: Question, path: Path) -> Remote:
        """What will stand at `path` of an open question."""
        remote = Remote(self._state.owner, Promise(question, path))
        question.promises.append((path, remote))
        return remote

    def withdraw(self, question: Question) -> None:
        """Nobody waits for it any more; what it would bring is released. Idempotent."""
        if question.withdrawn or self._state.questions.find(question.id) is not question:
            return
        question.withdrawn = True
        self._break(
            question, Error(Code.BAD_REQUEST, "the call that this capability comes from was withdrawn")
        )
        self._state.send(build.finish_releasing(question.id))

    def close(self, error: Error) -> list[Question]:
        """Forget everything; returns the questions that will have no answer."""
        questions = list(self._state.questions)
        for question in questions:
            self._break(question, error)
        self._state.questions.clear()
        self._state.imports.clear()
        return questions

    # -- what comes in ----------------------------------------------------------------------------------------------------------

    def on_return(self, message: Return) -> None:
        question = self._state.questions.find(message.answer)
        if question is None:
            raise RemoteProtocolError("an answer came to no call")
        outcome: Received | Error | None = None
        if not question.withdrawn:
            outcome = self._outcome(message)
            self._resolve(question, outcome)
            if not message.no_finish:
                self._state.send(build.finish_keeping(question.id))
        self._close(question, release_params=message.release_params)
        self._state.events.append(Returned(question, outcome))

    def on_unimplemented(self, message: Unimplemented) -> None:
        if message.kind == "disembargo":
            return
        question = None if message.question is None else self._state.questions.find(message.question)
        if question is None:
            raise RemoteProtocolError("a message was given back that every peer must know")
        error = Error(Code.UNSUPPORTED_VERSION)
        self._break(question, error)
        self._close(question, release_params=True)
        self._state.events.append(Returned(question, None if question.withdrawn else error))

    def on_resolve(self, message: Resolve) -> None:
        """We go on calling the promise itself, which is allowed, and let go of what it became."""
        if message.descriptor is not None:
            taken = self._state.take_one(message.descriptor)
            if isinstance(taken, Remote):
                self._state.release(taken)

    # -- the life of a question -------------------------------------------------------------------------------------------------

    def _target(self, remote: Remote) -> Target:
        where = self._state.where(remote)
        return Target(where.id) if isinstance(where, Import) else Target(where.question.id, where.path)

    def _check_room(self, size: int) -> None:
        state = self._state
        if len(state.questions) >= state.calls_limit:
            raise BusyError
        if len(state.questions) and self._bytes + size > BUDGET * state.message_limit:
            raise BusyError

    def _ask(self, call: Any, make: Callable[[int], bytes]) -> Question:
        state = self._state
        self._check_room(0)
        number = state.questions.new_id()
        try:
            message = make(number)
            if len(message) > state.message_limit:
                raise Error(Code.TOO_LARGE, "the call is larger than allowed")
            self._check_room(len(message))
        except BaseException:
            state.questions.free_id(number)
            raise
        self._bytes += len(message)
        state.send(message)
        return state.questions.add(Question(number, call, len(message)))

    def _outcome(self, message: Return) -> Received | Error:
        if message.payload is not None:
            return self._state.take(message.payload)
        if message.kind == "exception":
            error = Error.from_wire(message.reason)
            if message.type == "unimplemented" and error.kind is Code.INTERNAL:
                return Error(Code.UNSUPPORTED_VERSION)
            return error
        if message.kind in {"canceled", "resultsSentElsewhere"}:
            raise RemoteProtocolError("an answer of this kind was not asked for")
        return Error(Code.UNSUPPORTED_VERSION)  # takeFromOtherQuestion, acceptFromThirdParty

    def _resolve(self, question: Question, outcome: Received | Error) -> None:
        promises, question.promises = question.promises, []
        for path, remote in promises:
            try:
                if isinstance(outcome, Error):
                    raise outcome
                found = outcome.at(path)
                if not isinstance(found, Remote):
                    raise LocalProtocolError("this capability turned out to be hosted on this side")
                if not isinstance(found.state, Import):
                    raise LocalProtocolError("this capability has been released")
                found.state.handles += 1
                remote.state = found.state
            except (Error, LocalProtocolError) as error:
                remote.state = Broken(error)
        if question.call is None and isinstance(outcome, Received):
            outcome.release()  # a bootstrap: its promise is all that there is

    def _break(self, question: Question, error: Error) -> None:
        promises, question.promises = question.promises, []
        for _, remote in promises:
            remote.state = Broken(error)

    def _close(self, question: Question, *, release_params: bool) -> None:
        self._state.questions.drop(question)
        self._state.questions.free_id(question.id)
        self._bytes -= question.size
        if release_params:
            exported, question.exported = question.exported, []
            self._state.unexport(exported)
