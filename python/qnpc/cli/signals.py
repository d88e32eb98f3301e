"""Being told to stop: the first signal is a request, the second ends the process as if nobody had asked to hear of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal

STOPPING = (signal.SIGTERM, signal.SIGINT)


def first() -> asyncio.Future[str]:
    """Done with the name of the first signal. Needs a running loop."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()

    def received(number: signal.Signals) -> None:
        for other in STOPPING:
            _forget(loop, other)
        if not told.done():
            told.set_result(number.name)

    for number in STOPPING:
        try:
            loop.add_signal_handler(number, received, number)
        except NotImplementedError:  # the loop of Windows
            signal.signal(
                number, lambda number, _: loop.call_soon_threadsafe(received, signal.Signals(number))
            )
    return told


def _forget(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
    with contextlib.suppress(NotImplementedError):
        loop.remove_signal_handler(number)
    signal.signal(number, signal.SIG_DFL)
