"""The tasks that answer incoming calls: one per call, started in order, each ending in exactly one answer.

What a handler raises is told to the caller if it is an Error, and is logged and hidden behind E025 otherwise. The log gets the method,
the exception's type and where it was raised: never parameters, results or the exception's own text.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qnpc.errors import Code, Error
from qnpc.rpc.capability import Remote
from qnpc.rpc.errors import LocalProtocolError, RemoteProtocolError
from qnpc.rpc.log import Log
from qnpc.rpc.method import Method
from qnpc.rpc.state import Called
from qnpc.rpc.tables import Answer
from qnpc.rpc.vat import Vat


@dataclass(slots=True, eq=False)
class _Running:
    answer: Answer
    method: Method[Any, Any]
    params: Any
    task: asyncio.Task[Any] | None = None


class Handlers:
    """`pump` is told after each answer, with what must end the connection if anything."""

    def __init__(self, vat: Vat, log: Log, pump: Callable[[Error | None], None]) -> None:
        self._vat = vat
        self._log = log
        self._pump = pump
        self._running: dict[Answer, _Running] = {}
        self._stopping = False

    def __len__(self) -> int:
        return len(self._running)

    def start(self, call: Called) -> None:
        method = call.served.methods.get(call.key)
        if method is None:
            call.params.release()
            self._vat.send_error(
                call.answer, Error(Code.UNSUPPORTED_VERSION, "this method is not known here")
            )
            return
        try:
            params = call.params.read(method.params)
        except Error as error:
            self._vat.send_error(call.answer, error)
            return
        running = self._running[call.answer] = _Running(call.answer, method, params)
        running.task = asyncio.get_running_loop().create_task(call.served.dispatch(method, params))
        running.task.add_done_callback(lambda task: self._ended(running, task))

    def cancel(self, answer: Answer) -> None:
        running = self._running.get(answer)
        if running is not None and running.task is not None:
            running.task.cancel()

    async def cancel_all(self) -> None:
        """Returns when every handler has ended; they are not answered."""
        self._stopping = True
        tasks = [running.task for running in self._running.values() if running.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pump = _nobody  # they hold each other

    def _ended(self, running: _Running, task: asyncio.Task[Any]) -> None:
        del self._running[running.answer]
        error = self._refusal(running, task)
        if self._stopping:
            return
        fatal: RemoteProtocolError | None = None
        if error is None:
            try:
                self._vat.send_results(running.answer, running.method.results, task.result())
            except RemoteProtocolError as failure:
                fatal = failure
            except Error as failure:
                error = failure
            except LocalProtocolError as failure:
                self._report(running, failure)
                error = Error(Code.INTERNAL)
        if error is not None:
            self._vat.send_error(running.answer, error)
            for name, _ in running.method.params.capabilities:
                item = getattr(running.params, name)
                if isinstance(item, Remote):
                    item.release()
        self._pump(fatal)

    def _refusal(self, running: _Running, task: asyncio.Task[Any]) -> Error | None:
        """What to tell the caller; None when there are results."""
        if task.cancelled():
            return Error(Code.INTERNAL)
        failure = task.exception()
        if failure is None or isinstance(failure, Error):
            return failure
        self._report(running, failure)
        return Error(Code.INTERNAL)

    def _report(self, running: _Running, failure: BaseException) -> None:
        frames = traceback.extract_tb(failure.__traceback__)
        self._log.error(
            "a call failed inside",
            method=str(running.method),
            error=type(failure).__name__,
            trace=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        )


def _nobody(_failure: Error | None) -> None:
    """Who is told when all is over."""
