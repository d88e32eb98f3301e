"""The four tables of a connection (rpc.capnp): questions and imports on one side, answers and exports on the other.

They hold what is alive and nothing else: an entry goes when the protocol says that neither side will name it again, and each table has
a bound. What an entry means and when it goes is decided in vat.py.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from qnpc.errors import Code, Error
from qnpc.rpc.capability import Remote, Served
from qnpc.rpc.messages import Call
from qnpc.rpc.payload import Received

Path: TypeAlias = tuple[int, ...]
"""Pointer indexes from an answer's content to a capability; empty when the content is the capability."""


@dataclass(slots=True, eq=False)
class Export:
    """An object of ours that the other side may name. It stays while `refs` or `holds` is above zero."""

    id: int
    served: Served
    refs: int = 0  # what the other side holds, by its count
    holds: int = 0  # what this side needs it for: answers that may be called, calls that run


@dataclass(slots=True, eq=False)
class Import:
    """An object of theirs. Released, with all `refs`, when the last handle is."""

    id: int
    refs: int = 0  # how often it was sent to us
    handles: int = 0  # Remotes that lead to it

    def __str__(self) -> str:
        return f"import {self.id}"


@dataclass(slots=True, eq=False)
class Question:
    """A call or bootstrap of ours, until its Return. `call` is the driver's."""

    id: int
    call: Any
    size: int = 0
    exported: list[Export] = field(default_factory=list)  # in its parameters
    promises: list[tuple[Path, Remote]] = field(default_factory=list)
    withdrawn: bool = False


@dataclass(slots=True, eq=False)
class Promise:
    """What will stand at `path` in the answer to `question`."""

    question: Question
    path: Path

    def __str__(self) -> str:
        return f"promise {self.question.id} {self.path}"


@dataclass(slots=True, eq=False)
class Broken:
    """There is no such capability: released, or its answer failed."""

    error: Exception

    def __str__(self) -> str:
        return f"broken: {self.error}"


@dataclass(slots=True)
class Refusal:
    """An answer that is an exception. `kind` is rpc.capnp's Exception.Type."""

    reason: str
    kind: str


@dataclass(slots=True, eq=False)
class Answer:
    """A call or bootstrap of theirs, until it is both returned and finished."""

    id: int
    size: int
    target: Export | None = None  # while it runs
    base: Answer | None = None  # the answer it waits for
    waiting: list[tuple[Answer, Call, Received]] = field(
        default_factory=list
    )  # calls pipelined on it, in order
    returned: bool = False
    finished: bool = False
    refusal: Refusal | None = None
    sent: list[Export] = field(default_factory=list)  # one reference each went out with the results
    held: dict[Path, Export] = field(default_factory=dict)  # what may be called in it
    theirs: dict[Path, int] = field(default_factory=dict)  # what in it is theirs, by our import's id


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=_Numbered)


class Table(Generic[T]):
    """Entries by id. Ids of ours are the lowest free ones, so that the other side's tables stay dense."""

    def __init__(self) -> None:
        self._entries: dict[int, T] = {}
        self._free: list[int] = []
        self._next = 0

    def new_id(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def free_id(self, number: int) -> None:
        heapq.heappush(self._free, number)

    def add(self, entry: T) -> T:
        self._entries[entry.id] = entry
        return entry

    def find(self, number: int) -> T | None:
        return self._entries.get(number)

    def drop(self, entry: T) -> None:
        self._entries.pop(entry.id, None)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._entries.values()))


class ExportsFullError(Error):
    def __init__(self) -> None:
        super().__init__(Code.TOO_MANY_CALLS, "too many capabilities are held on this connection")


class Exports(Table[Export]):
    """One entry per object, however often it is sent."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self._by_object: dict[int, Export] = {}

    def of(self, served: Served) -> Export:
        """The entry of an object, made if need be. Raises ExportsFullError."""
        export = self._by_object.get(id(served))
        if export is None:
            if len(self) >= self.limit:
                raise ExportsFullError
            export = self.add(Export(self.new_id(), served))
            self._by_object[id(served)] = export
        return export

    def drop_unused(self, export: Export) -> bool:
        """Whether it was the last reference, and the entry is gone."""
        if export.refs or export.holds or self.find(export.id) is not export:
            return False
        self.drop(export)
        del self._by_object[id(export.served)]
        self.free_id(export.id)
        return True

    def clear(self) -> None:
        super().clear()
        self._by_object.clear()
