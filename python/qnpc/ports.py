"""The seams: everything that a test replaces, and nothing else.

Time, randomness, datagrams, threads and the moments around a commit come from here. No other module may read the system's clock,
draw system randomness or sleep (lint refuses it), so that a whole deployment can run in one process under a seed.
The MLS library is the exception: it reads the system's time for lifetimes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Address = tuple[str, int]
"""Host and port as a socket gives them; IPv6 scope and flow are dropped."""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time. `now` may jump, `monotonic` never goes back."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; the clock of all deadlines and of QUIC."""

    async def sleep(self, seconds: float) -> None: ...

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Needs a running loop."""


class Random(Protocol):
    """Unpredictable bytes. Jitter may draw from it too."""

    def bytes(self, n: int) -> bytes: ...

    def uniform(self, low: float, high: float) -> float: ...


class DatagramReceiver(Protocol):
    """Who is told of datagrams. All that one readiness event brings is one call."""

    def datagrams_received(self, datagrams: list[tuple[bytes, Address]]) -> None: ...


class Datagrams(Protocol):
    """A bound UDP socket, or a simulated network."""

    @property
    def address(self) -> Address:
        """Where it is bound."""

    def start(self, receiver: DatagramReceiver) -> None: ...

    def send(self, datagrams: list[bytes], address: Address) -> None:
        """Best effort, in order; what the kernel refuses is lost, as on the way."""

    def close(self) -> None: ...


class DatagramsFactory(Protocol):
    async def bind(self, address: Address) -> Datagrams:
        """Bind for a server. Raises OSError."""

    async def resolve(self, address: Address) -> list[Address]:
        """The numeric addresses that `address` stands for (its host may be a name), best first, at least one. Raises OSError."""

    async def towards(self, address: Address) -> tuple[Datagrams, Address]:
        """A socket for talking to `address` (its host may be a name); returns what it resolved to. Raises OSError."""


class Link(Protocol):
    """Ordered bytes between two RPC peers: one QUIC stream, or a pair of pipes in a test."""

    def start(self, receiver: LinkReceiver) -> None:
        """From now on `receiver` is told; bytes that came before are handed to it at once."""

    def send(self, data: bytes) -> None:
        """Queue; never blocks. After the link is closed it does nothing."""

    @property
    def queued(self) -> int:
        """Bytes taken by `send` that the other side has not acknowledged yet."""

    def in_turn(self, go_on: Callable[[], None]) -> None:
        """Whoever has more to do for this link than it may at once goes on then: in the next turn of the loop, or, while nobody is
        logged in on it, when its turn among those has come. At most one may wait. Not called after the link is closed."""

    def close(self, reason: str = "") -> None:
        """Idempotent; `reason` is an error's wire form and reaches the other side. `closed` is still called."""


class LinkReceiver(Protocol):
    def data_received(self, data: bytes) -> None: ...

    def writable(self) -> None:
        """`queued` fell; whoever held something back may go on."""

    def closed(self, error: Exception | None) -> None:
        """Called once, last. None: the other side or we closed it in good order."""


class Jobs(Protocol):
    """Where blocking work runs."""

    async def run(self, function: Callable[..., T], /, *args: Any) -> T:
        """In some thread."""

    def lane(self, name: str) -> Lane:
        """A thread of its own, in which calls run one after the other."""

    def close(self) -> None:
        """Waits for what runs."""


class Lane(Protocol):
    async def run(self, function: Callable[..., T], /, *args: Any) -> T: ...

    def close(self) -> None: ...


class StoreHooks(Protocol):
    """Called in the writer's thread around each commit; a raise is a fault injected there."""

    def before_commit(self) -> None: ...

    def after_commit(self) -> None: ...


# -- the real ones --------------------------------------------------------------------------------------------------------------


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)


class SystemRandom:
    def bytes(self, n: int) -> bytes:
        return os.urandom(n)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * (int.from_bytes(os.urandom(7), "big") / (1 << 56))


class UdpDatagrams:
    """A UDP socket on the running loop: drained per readiness event, with segmentation offload where the kernel has it."""

    _DRAIN = 256
    _SEGMENT = 103  # UDP_SEGMENT of linux/udp.h; Python has no name for it
    _BATCH = 40
    _NO_OFFLOAD = frozenset({errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP})

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._receiver: DatagramReceiver | None = None
        self._pump: asyncio.Task[None] | None = None
        self._offload = sys.platform == "linux"
        self._buffer = bytearray(
            65536
        )  # a datagram that is kept takes its own size, not the largest there could be
        self._seen = memoryview(self._buffer)
        bound = sock.getsockname()
        self.address: Address = (bound[0], bound[1])

    def start(self, receiver: DatagramReceiver) -> None:
        self._receiver = receiver
        try:
            self._loop.add_reader(self._sock.fileno(), self._readable)
        except NotImplementedError:  # the loop of Windows has completions, not readiness
            self._pump = self._loop.create_task(self._pump_completions())

    def _readable(self, first: list[tuple[bytes, Address]] | None = None) -> None:
        got = first or []
        for _ in range(self._DRAIN):
            try:
                size, address = self._sock.recvfrom_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of an earlier datagram
                continue
            got.append((bytes(self._seen[:size]), (address[0], address[1])))
        if got and self._receiver is not None:
            self._receiver.datagrams_received(got)

    async def _pump_completions(self) -> None:
        while self._sock.fileno() >= 0:
            try:
                data, address = await self._loop.sock_recvfrom(self._sock, 65536)
            except OSError:  # as above, or the socket was closed
                await asyncio.sleep(0.001)
                continue
            self._readable([(data, (address[0], address[1]))])

    def send(self, datagrams: list[bytes], address: Address) -> None:
        start = 0
        while start < len(datagrams):
            end = self._run(datagrams, start) if self._offload else start + 1
            try:
                if end - start == 1:
                    self._sock.sendto(datagrams[start], address)
                else:
                    size = len(datagrams[start]).to_bytes(2, sys.byteorder)
                    self._sock.sendmsg(
                        datagrams[start:end], [(socket.IPPROTO_UDP, self._SEGMENT, size)], 0, address
                    )
            except OSError as error:
                if end - start > 1 and error.errno in self._NO_OFFLOAD:
                    self._offload = False  # the kernel or the device has none: say it once more, singly
                    continue
            start = end

    def _run(self, datagrams: list[bytes], start: int) -> int:
        """The end of the run that one segmented send can carry: equal sizes, the last may be shorter."""
        size, end = len(datagrams[start]), start + 1
        while end < len(datagrams) and end - start < self._BATCH:
            if len(datagrams[end - 1]) != size or len(datagrams[end]) > size:
                break
            end += 1
        return end

    def close(self) -> None:
        if self._sock.fileno() < 0:
            return
        if self._pump is not None:
            self._pump.cancel()
        elif not self._loop.is_closed():
            self._loop.remove_reader(self._sock.fileno())
        self._sock.close()


class Udp:
    """UDP sockets of this machine."""

    _BUFFER = 4 * 1024 * 1024

    async def bind(self, address: Address) -> Datagrams:
        family, resolved = (await self._lookup(address, socket.AI_PASSIVE))[0]
        return self._open(family, resolved)

    async def resolve(self, address: Address) -> list[Address]:
        return [resolved for _, resolved in await self._lookup(address)]

    async def towards(self, address: Address) -> tuple[Datagrams, Address]:
        family, resolved = (await self._lookup(address))[0]
        return self._open(family, ("::" if family == socket.AF_INET6 else "0.0.0.0", 0)), resolved  # noqa: S104

    async def _lookup(self, address: Address, flags: int = 0) -> list[tuple[int, Address]]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address[0] or None, address[1], type=socket.SOCK_DGRAM, flags=flags)
        addresses = [(family, (str(where[0]), int(where[1]))) for family, _, _, _, where in found]
        return list(dict.fromkeys(addresses))

    def _open(self, family: int, address: Address) -> Datagrams:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                with contextlib.suppress(OSError):  # some systems refuse what others cut to their maximum
                    sock.setsockopt(socket.SOL_SOCKET, option, self._BUFFER)
            if family == socket.AF_INET6:
                with contextlib.suppress(OSError):  # `::` means IPv4 too, whatever the system's default
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(address)
            return UdpDatagrams(sock)
        except BaseException:
            sock.close()
            raise


class ThreadLane:
    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"qnpc-{name}")

    async def run(self, function: Callable[..., T], /, *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def close(self) -> None:
        self._executor.shutdown(wait=True)


class ThreadJobs:
    def __init__(self, threads: int = 4) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="qnpc-job")
        self._lanes: list[ThreadLane] = []

    async def run(self, function: Callable[..., T], /, *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def lane(self, name: str) -> ThreadLane:
        lane = ThreadLane(name)
        self._lanes.append(lane)
        return lane

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()
        self._executor.shutdown(wait=True)


class NoHooks:
    def before_commit(self) -> None: ...

    def after_commit(self) -> None: ...


@dataclass(slots=True)
class Ports:
    """One of each, handed down from the top: nobody makes their own."""

    clock: Clock = field(default_factory=SystemClock)
    random: Random = field(default_factory=SystemRandom)
    datagrams: DatagramsFactory = field(default_factory=Udp)
    jobs: Jobs = field(default_factory=ThreadJobs)
    store_hooks: StoreHooks = field(default_factory=NoHooks)

    def close(self) -> None:
        self.jobs.close()
