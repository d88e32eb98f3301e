"""demo.capnp as values, and objects that serve it: the service that the tests of qnpc.rpc talk to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import capnp

from qnpc.errors import Code, Error
from qnpc.rpc import Capability, Method, Remote, Served

SCHEMA: Any = capnp.load(str(Path(__file__).with_name("demo.capnp")))


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Everything:
    flag: bool
    i8: int
    i16: int
    i32: int
    i64: int
    u8: int
    u16: int
    u32: int
    u64: int
    text: str
    blob: bytes
    numbers: tuple[int, ...]
    blobs: tuple[bytes, ...]
    words: tuple[str, ...]
    point: Point
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Empty:
    pass


@dataclass(frozen=True, slots=True)
class Echo:
    value: Everything
    tag: str


@dataclass(frozen=True, slots=True)
class Named:
    name: str


@dataclass(frozen=True, slots=True)
class Opened:
    size: int
    box: Capability
    note: str


@dataclass(frozen=True, slots=True)
class Coded:
    code: int


@dataclass(frozen=True, slots=True)
class Watch:
    watcher: Capability
    times: int


@dataclass(frozen=True, slots=True)
class Calls:
    calls: int


@dataclass(frozen=True, slots=True)
class Watched:
    watcher: Capability


@dataclass(frozen=True, slots=True)
class Two:
    left: Capability
    right: Capability


@dataclass(frozen=True, slots=True)
class Boxed:
    box: Capability


@dataclass(frozen=True, slots=True)
class Sized:
    payload: bytes
    answer: int


@dataclass(frozen=True, slots=True)
class Payload:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Item:
    item: int


@dataclass(frozen=True, slots=True)
class Count:
    count: int


@dataclass(frozen=True, slots=True)
class Number:
    number: int


P = TypeVar("P")
R = TypeVar("R")


def _method(interface: str, name: str, params: type[P], results: type[R]) -> Method[P, R]:
    return Method.of(SCHEMA, interface, name, params, results)


class STORE:
    echo = _method("Store", "echo", Echo, Echo)
    open = _method("Store", "open", Named, Opened)
    fail = _method("Store", "fail", Coded, Empty)
    wait = _method("Store", "wait", Empty, Empty)
    watch = _method("Store", "watch", Watch, Calls)
    keep = _method("Store", "keep", Watched, Empty)
    twice = _method("Store", "twice", Empty, Two)
    give = _method("Store", "give", Watched, Watched)
    slow = _method("Store", "slow", Named, Boxed)
    size = _method("Store", "size", Sized, Payload)


class BOX:
    name = _method("Box", "name", Empty, Named)
    put = _method("Box", "put", Item, Count)
    inner = _method("Box", "inner", Empty, Boxed)


class WATCHER:
    seen = _method("Watcher", "seen", Number, Number)


class Box(Served):
    """Remembers the order in which things were put into it."""

    methods: ClassVar = {method.key: method for method in (BOX.name, BOX.put, BOX.inner)}

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[int] = []
        self.releases = 0
        self.gone = asyncio.Event()

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        if method is BOX.name:
            return Named(self.name)
        if method is BOX.inner:
            return Boxed(Box(self.name + "/inner"))
        self.items.append(params.item)
        return Count(len(self.items))

    def released(self) -> None:
        self.releases += 1
        self.gone.set()


class Watcher(Served):
    methods: ClassVar = {WATCHER.seen.key: WATCHER.seen}

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.releases = 0
        self.gone = asyncio.Event()

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        self.seen.append(params.number)
        return Number(params.number * 2)

    def released(self) -> None:
        self.releases += 1
        self.gone.set()


class Store(Served):
    """`wait` and `slow` last until `let_go`; `kept` are the watchers that `keep` was given."""

    methods: ClassVar = {method.key: method for method in vars(STORE).values() if isinstance(method, Method)}

    def __init__(self) -> None:
        self.peer: Any = None
        self.boxes: list[Box] = []
        self.kept: list[Capability] = []
        self.started: list[str] = []
        self.let_go = asyncio.Event()
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.releases = 0

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        self.started.append(method.name)
        return await getattr(self, f"_{method.name}")(params)

    def released(self) -> None:
        self.releases += 1

    @property
    def remote(self) -> Remote:
        """The first watcher that was kept."""
        assert isinstance(self.kept[0], Remote)
        return self.kept[0]

    def box(self, name: str) -> Box:
        self.boxes.append(Box(name))
        return self.boxes[-1]

    async def _echo(self, params: Echo) -> Echo:
        return Echo(params.value, params.tag)

    async def _open(self, params: Named) -> Opened:
        return Opened(len(params.name), self.box(params.name), params.name * 100)

    async def _fail(self, params: Coded) -> Empty:
        if params.code == 0:
            raise RuntimeError("a secret of the insides")
        raise Error(list(Code)[params.code - 1], "as asked", retry_after=12)

    async def _wait(self, _params: Empty) -> Empty:
        self.waiting.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Empty()

    async def _slow(self, params: Named) -> Boxed:
        await self._wait(Empty())
        if not params.name:
            raise Error(Code.NOT_FOUND, "nothing of that name")
        return Boxed(self.box(params.name))

    async def _watch(self, params: Watch) -> Calls:
        assert isinstance(params.watcher, Remote)
        calls = 0
        for number in range(params.times):
            answer = await self.peer.call(params.watcher, WATCHER.seen, Number(number))
            calls += answer.number == 2 * number
        params.watcher.release()
        return Calls(calls)

    async def _keep(self, params: Watched) -> Empty:
        self.kept.append(params.watcher)
        return Empty()

    async def _twice(self, _params: Empty) -> Two:
        box = self.box("one")
        return Two(box, box)

    async def _give(self, params: Watched) -> Watched:
        return Watched(params.watcher)

    async def _size(self, params: Sized) -> Payload:
        return Payload(bytes(params.answer))
