"""Parameters and results that came in: the content still unread, its capabilities already taken over.

Whoever receives a payload holds a reference to every capability in its table, used or not: `read` hands over those that the struct's
fields name and lets go of the others, `release` lets go of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from qnpc.errors import Code, Error
from qnpc.rpc.capability import Remote, Served
from qnpc.rpc.codec import StructCodec
from qnpc.rpc.messages import Payload
from qnpc.rpc.schema import CORRUPT

T = TypeVar("T")


class Received:
    """`objects` has one entry per entry of the table; an Error stands for what cannot be used, None for nothing."""

    __slots__ = ("_objects", "_payload")

    def __init__(self, payload: Payload, objects: Sequence[Remote | Served | Error | None]) -> None:
        self._payload = payload
        self._objects = objects

    def read(self, codec: StructCodec[T]) -> T:
        """The value. Raises Error(BAD_REQUEST), and has released everything then."""
        if self._payload.content is None and codec.empty:
            return codec.cls()
        try:
            taken = self._capabilities(codec)
            value = codec.read(self._payload.read(codec.schema), taken)
        except CORRUPT as error:
            self.release()
            raise Error(Code.BAD_REQUEST, "a value in the message is malformed") from error
        except Error:
            self.release()
            raise
        kept = {id(item) for item in taken.values()}
        for item in self._objects:
            if isinstance(item, Remote) and id(item) not in kept:
                item.release()
        return value

    def at(self, path: tuple[int, ...]) -> Remote | Served:
        """The capability at `path`: of one pointer, or empty for content that is a capability. Raises Error(BAD_REQUEST)."""
        try:
            if path:
                view = self._payload.view()
                index = None if view is None or len(path) > 1 else view.capability(path[0])
            else:
                index = self._payload.sole_capability()
        except ValueError as error:
            raise Error(Code.BAD_REQUEST, "a capability in the message is malformed") from error
        return self._object(index)

    def release(self) -> None:
        for item in self._objects:
            if isinstance(item, Remote):
                item.release()

    def _capabilities(self, codec: StructCodec[Any]) -> dict[str, Remote | Served]:
        if not codec.capabilities:
            return {}
        view = self._payload.view()
        return {
            name: self._object(None if view is None else view.capability(index))
            for name, index in codec.capabilities
        }

    def _object(self, index: int | None) -> Remote | Served:
        item = None if index is None or index >= len(self._objects) else self._objects[index]
        if item is None:
            raise Error(Code.BAD_REQUEST, "a capability is missing from the message")
        if isinstance(item, Error):
            raise item
        return item
