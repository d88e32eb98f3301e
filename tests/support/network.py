"""A network and a clock that exist in memory alone: deterministic under a seed, and an hour passes in no
time.

`VirtualLoop` is an event loop on which time stands still while there is work and jumps to the next timer when
there is none; when there is neither, the test can never end and that is an error at once. `Network` carries
datagrams between hosts, each a `ports.DatagramsFactory` of its own, and loses, doubles, delays and reorders
them as it is told. Hosts are IPv4 addresses; names are resolved from a table. No socket is touched.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qnpc.ports import Address, DatagramReceiver, Datagrams, NoHooks, Ports, ThreadJobs, Timer

T = TypeVar("T")


LONGEST = 3600.0
"""Seconds of virtual time after which a test is taken to be stuck: timers that come again and again would keep it going for ever."""


class _TimelessSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set")
        if not ready and timeout is not None:
            self.passed += max(0.0, timeout)
            if self.passed > LONGEST:
                self.passed = 0.0  # so that what is running can be cancelled
                raise RuntimeError(f"stuck: {LONGEST:.0f} seconds of virtual time have passed")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0 and is moved by timers alone."""

    def __init__(self) -> None:
        self._virtual = _TimelessSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` in virtual time, as `asyncio.run` does in real time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class VirtualClock:
    EPOCH = 1_800_000_000.0

    def now(self) -> float:
        return self.EPOCH + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        passed = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if passed.done() else passed.set_result(None))
        try:
            await passed
        finally:
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)


class SeededRandom:
    def __init__(self, seed: object) -> None:
        self._random = random.Random(repr(seed))  # noqa: S311

    def bytes(self, n: int) -> bytes:
        return self._random.randbytes(n)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


@dataclass
class Network:
    """What happens to every datagram: `loss` and `double` are probabilities, `delay` and `jitter` seconds
    (jitter reorders). `filter` may drop more: it gets sender, receiver and data.
    """

    seed: object = 0
    loss: float = 0.0
    double: float = 0.0
    delay: float = 0.01
    jitter: float = 0.0
    filter: Callable[[Address, Address, bytes], bool] = lambda _sender, _to, _data: True
    names: dict[str, list[str]] = field(default_factory=dict)
    log: list[tuple[float, Address, Address, int]] = field(default_factory=list)
    """What was sent: time, sender, receiver, size."""

    def __post_init__(self) -> None:
        self._random = random.Random(repr(self.seed))  # noqa: S311
        self._bound: dict[Address, MemoryDatagrams] = {}
        self._next_port = 40_000
        self._serial = 0
        self._way: list[tuple[float, int, Address, Address, bytes]] = []
        self.clock = VirtualClock()

    def host(self, ip: str) -> Host:
        return Host(self, ip)

    def ports(self, ip: str) -> Ports:
        """All ports of one host; its threads are real ones and not to be used in virtual time."""
        return Ports(
            clock=self.clock,
            random=SeededRandom((self.seed, ip)),
            datagrams=self.host(ip),
            jobs=ThreadJobs(1),
            store_hooks=NoHooks(),
        )

    def open(self, ip: str, port: int) -> MemoryDatagrams:
        if port == 0:
            self._next_port += 1
            port = self._next_port
        if (ip, port) in self._bound:
            raise OSError(98, "Address already in use")
        made = self._bound[ip, port] = MemoryDatagrams(self, (ip, port))
        return made

    def carry(self, sender: Address, to: Address, data: bytes) -> None:
        self.log.append((self.clock.monotonic(), sender, to, len(data)))
        lost = self._random.random() < self.loss or not self.filter(sender, to, data)
        for _ in range(0 if lost else 2 if self._random.random() < self.double else 1):
            at = self.clock.monotonic() + self.delay + self._random.random() * self.jitter
            self._serial += 1
            heapq.heappush(self._way, (at, self._serial, sender, to, data))
            self.clock.call_later(at - self.clock.monotonic(), self._arrivals)

    def forget(self, address: Address) -> None:
        self._bound.pop(address, None)

    def _arrivals(self) -> None:
        """The loop keeps no order among timers of one moment, so what is due comes from a heap of our own;
        each timer brings one datagram.
        """
        _, _, sender, to, data = heapq.heappop(self._way)
        socket = self._bound.get(to)
        if socket is not None and socket.receiver is not None:
            socket.receiver.datagrams_received([(data, sender)])


@dataclass
class Host:
    """A `ports.DatagramsFactory`."""

    network: Network
    ip: str

    async def bind(self, address: Address) -> Datagrams:
        return self.network.open(self.ip, address[1])

    async def resolve(self, address: Address) -> list[Address]:
        return [(ip, address[1]) for ip in self.network.names.get(address[0], [address[0]])]

    async def towards(self, address: Address) -> tuple[Datagrams, Address]:
        return self.network.open(self.ip, 0), (await self.resolve(address))[0]


class MemoryDatagrams:
    """A `ports.Datagrams`."""

    def __init__(self, network: Network, address: Address) -> None:
        self._network = network
        self.address = address
        self.receiver: DatagramReceiver | None = None

    def start(self, receiver: DatagramReceiver) -> None:
        self.receiver = receiver

    def send(self, datagrams: list[bytes], address: Address) -> None:
        for data in datagrams:
            self._network.carry(self.address, address, data)

    def close(self) -> None:
        self.receiver = None
        self._network.forget(self.address)
