"""`connect`: a client's connection, returned when the handshake is complete and the node's key is the pinned
one.

A name may stand for several addresses of which some do not answer: they are tried in turn, a little apart,
and the first that completes wins (RFC 8305). A key that is not the pinned one ends the search at once: it
must reach the user and never be passed over.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any, TypeVar

from aioquic.quic.configuration import QuicConfiguration

from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.link import join_address
from qnpc.ports import Address, Clock, Ports
from qnpc.transport import groups, reasons
from qnpc.transport.admission import CONNECTION_ID_BYTES, VERSIONS
from qnpc.transport.bounded import BoundedConnection
from qnpc.transport.connection import Connection
from qnpc.transport.endpoint import Endpoint
from qnpc.transport.pinning import PinCheck

_APART = 0.25
"""Seconds between the beginnings of two attempts (RFC 8305, 5)."""

T = TypeVar("T")


async def connect(
    ports: Ports, address: Address, limits: Limits, *, pin: bytes | None, require_hybrid: bool = True
) -> Connection:
    """A connection to the node at `address` (a name or a numeric address, and a port), on a socket of its
    own, which goes with it.

    `pin` is 32 bytes; None accepts any key, which `peer_pin` then shows. Without `require_hybrid` X25519
    alone is accepted too: `tls_group` tells. Raises Error: PIN_MISMATCH, UNREACHABLE, UNSUPPORTED_VERSION
    (what is there does not speak our protocol).
    """
    search = _search(ports, address, limits, pin, groups.offered(require_hybrid=require_hybrid))
    late = Error(
        Code.UNREACHABLE, f"{join_address(*address)} does not answer; is the node running, and does UDP pass?"
    )
    return await _within(ports.clock, limits.connect_timeout, search, late)


async def _search(
    ports: Ports, address: Address, limits: Limits, pin: bytes | None, offered: list[int]
) -> Connection:
    try:
        candidates = await ports.datagrams.resolve(address)
    except OSError as error:
        raise Error(Code.UNREACHABLE, f"the address {join_address(*address)} cannot be found") from error
    tasks: list[asyncio.Task[Connection]] = []
    news: asyncio.Queue[asyncio.Task[Connection] | None] = asyncio.Queue()
    running = 0
    winner: asyncio.Task[Connection] | None = None
    try:
        while winner is None:
            if len(tasks) < len(candidates):
                attempt = _attempt(ports, candidates[len(tasks)], address, limits, PinCheck(pin), offered)
                tasks.append(asyncio.ensure_future(attempt))
                tasks[-1].add_done_callback(news.put_nowait)
                running += 1
            timer = None
            if len(tasks) < len(candidates):
                timer = ports.clock.call_later(_APART, lambda: news.put_nowait(None))
            done = await news.get()
            if timer is not None:
                timer.cancel()
            if done is None:
                continue
            running -= 1
            failure = done.exception()
            exhausted = not running and len(tasks) == len(candidates)
            if failure is None:
                winner = done
            elif exhausted or not isinstance(failure, Error) or failure.kind is Code.PIN_MISMATCH:
                raise failure
        return winner.result()
    finally:
        for task in tasks:
            if task is not winner and not task.cancel() and not task.cancelled() and task.exception() is None:
                task.result().close()


async def _attempt(
    ports: Ports, candidate: Address, named: Address, limits: Limits, check: PinCheck, offered: list[int]
) -> Connection:
    peer = join_address(*named)
    try:
        datagrams, resolved = await ports.datagrams.towards(candidate)
    except OSError as error:
        raise Error(Code.UNREACHABLE, f"there is no way to {peer}: {error.strerror}") from error
    endpoint = Endpoint(ports, datagrams, limits, on_lost=lambda data, *_: connection.receive_stray(data))
    try:
        outcome: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

        def opened(connection: Connection) -> None:
            connection.peer_pin = check.seen
            if not outcome.done():
                outcome.set_result(connection)

        def failed(error: Error | None) -> None:
            if check.mismatched:
                error = Error(Code.PIN_MISMATCH, f"the key of {peer} is not the pinned one")
            if not outcome.done():
                outcome.set_exception(error or Error(Code.UNREACHABLE, f"{peer} closed the connection"))

        now = endpoint.now()
        quic = BoundedConnection(configuration=_configuration(named[0], limits), groups=offered, check=check)
        quic.connect(resolved, now)
        connection = Connection(quic, endpoint, limits, resolved, now, on_open=opened, on_failed=failed)
        endpoint.add(connection, quic.host_cid, on_removed=_nothing)
        return await outcome
    except BaseException:
        endpoint.shut()
        raise


async def _within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T], late: Error) -> T:
    """`work`, cancelled and answered with `late` when the clock has passed `seconds`."""
    task = asyncio.ensure_future(work)
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = not task.done()
        task.cancel()

    timer = clock.call_later(seconds, expire)
    try:
        return await task
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if expired and task.cancelled() and (current is None or not current.cancelling()):
            raise late from None
        raise
    finally:
        timer.cancel()


def _configuration(host: str, limits: Limits) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=True,
        alpn_protocols=[reasons.PROTOCOL],
        connection_id_length=CONNECTION_ID_BYTES,
        idle_timeout=limits.idle,
        max_datagram_size=limits.datagram,
        max_data=limits.receive_window,
        max_stream_data=limits.receive_window,
        server_name=host,
        supported_versions=VERSIONS,
        verify_mode=ssl.CERT_NONE,  # the pin is what is verified
    )


def _nothing() -> None: ...
