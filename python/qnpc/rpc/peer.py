"""One connection of Cap'n Proto RPC on asyncio: a thin driver around the state machine of vat.py.

Each incoming call runs in a task of its own; tasks start in the order in which the calls came. Whatever the other side sends, the worst
that happens is that this connection ends with an Abort. When it ends, nothing of it is left: pending calls fail with Disconnected,
handlers are cancelled and awaited, exported objects are told. Neither parameters nor results are ever logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.ports import Link
from qnpc.rpc.build import CallTemplate
from qnpc.rpc.caller import BusyError
from qnpc.rpc.capability import Remote, Served
from qnpc.rpc.errors import Disconnected, LocalProtocolError, RemoteProtocolError
from qnpc.rpc.log import Log, StandardLog
from qnpc.rpc.method import Method
from qnpc.rpc.payload import Received
from qnpc.rpc.serving import Handlers
from qnpc.rpc.state import BUDGET, Aborted, Called, Released, Returned, Withdrawn
from qnpc.rpc.tables import Question
from qnpc.rpc.vat import Vat

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Encoded(Generic[R]):
    """A call without its question id and target, encoded once for many peers."""

    method: Method[Any, R]
    params: Any = field(repr=False)
    template: CallTemplate = field(repr=False)


def encode(method: Method[P, R], params: P) -> Encoded[R]:
    """Encode a call once; `Peer.start_encoded` sends it, patching a copy. Its parameters hold no capability.

    Raises LocalProtocolError.
    """
    if method.params.capabilities:
        raise LocalProtocolError("a call with capabilities belongs to one connection")
    return Encoded(method, params, CallTemplate.of(method.key, method.params, params))


class Call(Generic[R]):
    """A call under way. Awaiting it gives the results, or raises what the other side said, or Disconnected.

    It has one awaiter; cancelling that withdraws the call.
    """

    def __init__(self, peer: Peer, method: Method[Any, R]) -> None:
        self._peer = peer
        self._method = method
        self._future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._question: Question | None = None

    def __await__(self) -> Generator[Any, None, R]:
        try:
            return (yield from self._future.__await__())
        except asyncio.CancelledError:
            self.cancel()
            raise

    @property
    def done(self) -> bool:
        return self._future.done()

    def cancel(self) -> None:
        """Withdraw it: nobody waits for the answer, and what it brought or would bring is released. Idempotent."""
        question, self._question = self._question, None
        if question is not None:
            self._peer._withdraw(question)
        if not self._future.done():
            self._future.cancel()
        elif not self._future.cancelled() and self._future.exception() is None:
            for name, _ in self._method.results.capabilities:
                item = getattr(self._future.result(), name)
                if isinstance(item, Remote):
                    item.release()

    def capability(self, name: str) -> Remote:
        """The capability in the results' field `name`: a Remote of its own, usable before the answer is here.

        Raises LocalProtocolError when there is no such field, or what the call failed with.
        """
        index = dict(self._method.results.capabilities).get(name)
        if index is None:
            raise LocalProtocolError(f"{self._method} returns no capability {name}")
        return self._peer._capability(self, self._question, name, index)

    def started(self, question: Question) -> None:
        self._question = question

    def returned(self, outcome: Received | Error | None) -> None:
        """The answer came, or will not."""
        self._question = None
        if isinstance(outcome, Received):
            if self._future.done():
                outcome.release()
                return
            try:
                self._future.set_result(outcome.read(self._method.results))
            except Error as error:  # it refuses nothing: whether the call was carried out is unknown
                failure = Error(Code.INTERNAL, "the answer cannot be read")
                failure.__cause__ = error
                self._fail(failure)
        elif outcome is not None:
            self._fail(outcome)

    def result(self) -> R:
        """What it returned or raised; only when it is done."""
        return self._future.result()

    def add_done_callback(self, callback: Callable[[Call[R]], None]) -> None:
        """`callback` is called with it on a turn of the loop after it is done, withdrawn included; cheaper than a task that awaits."""
        self._future.add_done_callback(lambda _: callback(self))

    def _fail(self, error: Error) -> None:
        if not self._future.done():
            self._future.set_exception(error)
            self._future.exception()  # nobody has to look at it


class Peer:
    """One connection. Give it a Link, `start` it, and both sides can call what the other offers.

    `bootstrap` is what the other side finds first. `on_writable` is called when `queued` fell, `on_authenticated` with
    `authenticated`, `on_closed` once, last, with what `wait_closed` returns. Needs a running loop.
    """

    def __init__(
        self,
        link: Link,
        limits: Limits,
        *,
        bootstrap: Served | None = None,
        log: Log | None = None,
    ) -> None:
        self.on_writable: Callable[[], None] | None = None
        self.on_closed: Callable[[Exception | None], None] | None = None
        self.on_authenticated: Callable[[], None] | None = None
        self._link = link
        self._limits = limits
        self._log = StandardLog() if log is None else log
        self._vat = Vat(limits, bootstrap, self)
        self._handlers = Handlers(self._vat, self._log, self._pump)
        self._ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._link_closed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._cause: Exception | None = None
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()
        self._hurries = False  # whatever comes is handled at once
        self._waits = False  # for its turn, with messages that were not handled

    # -- calling ------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._link.start(self)

    def bootstrap(self) -> Remote:
        """What the other side offers; usable at once. Raises Disconnected, or Error(TOO_MANY_CALLS)."""
        self._check_open()
        remote = self._vat.bootstrap()
        self._flush()
        return remote

    def start_call(self, target: Remote, method: Method[P, R], params: P) -> Call[R]:
        """Send a call now. `method` is one of those that the object behind `target` has.

        Raises Disconnected; Error(TOO_MANY_CALLS) when as many are in flight as the other side allows; Error(TOO_LARGE);
        LocalProtocolError; or why `target` is broken, when its answer was an error.
        """
        self._check_open()
        call = Call(self, method)
        call.started(self._vat.send_call(target, method, params, call))
        self._flush()
        return call

    async def call(self, target: Remote, method: Method[P, R], params: P) -> R:
        """Call and wait for the results. Waits for its turn, in order, while too many calls are in flight."""
        async with self._turn:
            while True:
                self._room.clear()
                try:
                    started = self.start_call(target, method, params)
                    break
                except BusyError:
                    await self._room.wait()
        return await started

    def start_encoded(self, target: Remote, encoded: Encoded[R]) -> Call[R]:
        """As start_call, with what `encode` made."""
        self._check_open()
        call = Call(self, encoded.method)
        question = self._vat.send_template(target, encoded.template, call)
        if question is None:
            question = self._vat.send_call(target, encoded.method, encoded.params, call)
        call.started(question)
        self._flush()
        return call

    def release(self, remote: Remote) -> None:
        """As `remote.release()`."""
        self._vat.release(remote)
        self._flush()

    def authenticated(self) -> None:
        """The limits are those after login from now on, in both directions. Each side says so for itself."""
        self._vat.raise_limits()
        self._hurries = True
        if self.on_authenticated is not None:
            self.on_authenticated()

    @property
    def queued(self) -> int:
        """Bytes handed to the link that the other side has not acknowledged yet."""
        return self._link.queued

    @property
    def sizes(self) -> dict[str, int]:
        """Entries of each table (questions, answers, exports, imports), bytes of a message that is not whole, handlers."""
        return {**self._vat.sizes, "handlers": len(self._handlers)}

    # -- ending -------------------------------------------------------------------------------------------------------------------

    def close(self, error: Error | None = None) -> None:
        """End the connection, with an Abort when there is an error to tell. Idempotent; see wait_closed."""
        if self._closing is None:
            if error is not None:
                self._vat.send_abort(error)
            self._end(error)
            self._link.close("" if error is None else error.to_wire())

    async def wait_closed(self) -> Exception | None:
        """Until the link is closed and every handler has ended; returns why, None after a good end. Not for a handler."""
        return await asyncio.shield(self._ended)

    def _end(self, cause: Exception | None) -> None:
        """Nothing is called any more, here or there."""
        self._cause = cause
        self._flush()
        lost = Disconnected(cause)
        questions, served = self._vat.close(lost)
        for question in questions:
            if question.call is not None:
                question.call.returned(lost)
        self._room.set()
        self._closing = asyncio.get_running_loop().create_task(self._wind_up(served))

    async def _wind_up(self, served: list[Served]) -> None:
        await self._handlers.cancel_all()
        for item in served:
            self._tell_released(item)
        await self._link_closed.wait()
        self._ended.set_result(self._cause)
        on_closed = self.on_closed
        self.on_closed = self.on_writable = self.on_authenticated = None  # who is told mostly holds this
        if on_closed is not None:
            on_closed(self._cause)

    def _check_open(self) -> None:
        if self._closing is not None:
            raise Disconnected(self._cause)

    # -- the link's side ------------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._closing is not None:
            return
        failure: Error | None = None
        most = None if self._hurries else 0 if self._waits else self._limits.messages_at_once_before_login
        try:
            more = self._vat.receive_bytes(data, most)
        except RemoteProtocolError as error:
            failure, more = error, False
        self._pump(failure)
        if more and not self._waits:
            self._waits = True
            self._link.in_turn(self._take_more)

    def _take_more(self) -> None:
        self._waits = False
        self.data_received(b"")

    def writable(self) -> None:
        if self.on_writable is not None:
            self.on_writable()

    def closed(self, error: Exception | None) -> None:
        self._link_closed.set()
        if self._closing is None:
            self._end(error)

    # -- between the vat and the rest -----------------------------------------------------------------------------------------------

    def _pump(self, failure: Error | None = None) -> None:
        """Handle what happened and send what is to be sent; then end the connection if it must end."""
        while (event := self._vat.next_event()) is not None:
            match event:
                case Called():
                    self._handlers.start(event)
                case Withdrawn(answer=answer):
                    self._handlers.cancel(answer)
                case Returned(question=question, outcome=outcome):
                    self._room.set()
                    if question.call is not None:
                        question.call.returned(outcome)
                case Released(served=served):
                    self._tell_released(served)
                case Aborted(error=error):
                    self._end(error)
                    self._link.close()
        self._flush()
        # Half of it may be calls of ours; the rest is answers that the other side asks for and does not take.
        if failure is None and self._link.queued > 2 * BUDGET * self._vat.message_limit:
            failure = RemoteProtocolError("more is asked than read", Code.TOO_MANY_CALLS)
        if failure is not None:
            self.close(failure)

    def _flush(self) -> None:
        data = self._vat.bytes_to_send()
        if data:
            self._link.send(data)

    def _tell_released(self, served: Served) -> None:
        try:
            served.released()
        except Exception as error:  # its failure is not the connection's
            self._log.error(
                "an object failed when released", object=type(served).__name__, error=type(error).__name__
            )

    def _withdraw(self, question: Question) -> None:
        self._vat.withdraw(question)
        self._flush()

    def _capability(self, call: Call[Any], question: Question | None, name: str, index: int) -> Remote:
        if question is not None:
            return self._vat.promise(question, (index,))
        if not call.done:
            raise LocalProtocolError("the call has been withdrawn")
        item = getattr(call.result(), name)
        if not isinstance(item, Remote):
            raise LocalProtocolError("this capability is hosted on this side")
        return self._vat.share(item)
