"""Dataclasses to and from Cap'n Proto structs, by a plan made once per struct.

A field's snake_case name is its camelCase name in the schema; the plan is compiled when the codec is made, and what does not fit the
schema fails there, not on the wire. Writing uses setters and reading reads each field once (3 and 8 us for six fields). Capability
fields stand only at the top level of parameters and results: the codec skips them when writing, since pycapnp can neither set nor read
such a pointer, and messages.py patches the words. Fields that a newer peer adds are ignored.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from qnpc.errors import Code, Error
from qnpc.rpc.errors import LocalProtocolError
from qnpc.rpc.schema import CORRUPT, Builder, Reader, Struct

T = TypeVar("T")


class Kind(enum.Enum):
    PLAIN = enum.auto()  # a number, a Bool, Text or Data: set and read as it is
    LIST = enum.auto()  # a list of those
    STRUCT = enum.auto()
    STRUCTS = enum.auto()  # a list of structs
    CAPABILITY = enum.auto()


_PYTHON = {
    "bool": bool, "text": str, "data": bytes,
    "int8": int, "int16": int, "int32": int, "int64": int, "uint8": int, "uint16": int, "uint32": int, "uint64": int,
}  # fmt: skip
_UPPER = re.compile("[A-Z]")


def snake(camel: str) -> str:
    return _UPPER.sub(lambda letter: "_" + letter[0].lower(), camel)


class StructCodec(Generic[T]):
    """Between the dataclass `cls` and the struct `schema`. Raises TypeError when they do not match field by field."""

    def __init__(self, schema: Struct, cls: type[T], *, top: bool = True) -> None:
        self.schema = schema
        self.cls = cls
        hints = typing.get_type_hints(cls)
        names = {snake(name): name for name in schema.fieldnames}
        declared = [field.name for field in dataclasses.fields(typing.cast(Any, cls))]
        if declared != list(names):
            raise TypeError(f"{cls.__name__} has {declared}, the schema has {list(names)}")
        self._plan: list[tuple[str, str, Kind, StructCodec[Any] | None]] = []
        capabilities: list[tuple[str, int]] = []
        for name, camel in names.items():
            field = schema.fields[camel]
            kind, inner = _compile(f"{cls.__name__}.{name}", field, hints[name])
            if kind is Kind.CAPABILITY:
                if not top:
                    raise TypeError(f"{cls.__name__}.{name}: capabilities stand at the top level only")
                capabilities.append((name, field.proto.slot.offset))
            self._plan.append((name, camel, kind, inner))
        self.capabilities = tuple(capabilities)
        """Name and pointer index of each capability field."""

    def write(self, builder: Builder, value: T) -> None:
        """Fill a fresh struct. Capability fields are left null. Raises LocalProtocolError when a value does not fit its field."""
        try:
            self._write(builder, value)
        except (*CORRUPT, TypeError, AttributeError, OverflowError) as error:
            raise LocalProtocolError(f"{self.cls.__name__} does not fit its schema") from error

    def _write(self, builder: Builder, value: T) -> None:
        for name, camel, kind, inner in self._plan:
            item = getattr(value, name)
            if kind is Kind.PLAIN:
                setattr(builder, camel, item)
            elif kind is Kind.LIST:
                setattr(builder, camel, list(item))
            elif kind is Kind.STRUCT:
                assert inner is not None
                inner._write(builder.init(camel), item)
            elif kind is Kind.STRUCTS:
                assert inner is not None
                slots = builder.init(camel, len(item))
                for index, element in enumerate(item):
                    inner._write(slots[index], element)

    def read(self, reader: Reader, capabilities: Mapping[str, object]) -> T:
        """Make a value; `capabilities` holds one object per capability field, by name. Raises Error(BAD_REQUEST)."""
        try:
            return self._read(reader, capabilities)
        except CORRUPT as error:
            raise Error(Code.BAD_REQUEST, "a value in the message is malformed") from error

    def _read(self, reader: Reader, capabilities: Mapping[str, object]) -> T:
        values: list[Any] = []
        for name, camel, kind, inner in self._plan:
            if kind is Kind.PLAIN:
                values.append(getattr(reader, camel))
            elif kind is Kind.LIST:
                values.append(tuple(getattr(reader, camel)))
            elif kind is Kind.CAPABILITY:
                values.append(capabilities[name])
            else:
                assert inner is not None
                part = getattr(reader, camel)
                values.append(
                    inner._read(part, {}) if kind is Kind.STRUCT else tuple(inner._read(item, {}) for item in part)
                )
        return self.cls(*values)


def _compile(where: str, field: Any, hint: Any) -> tuple[Kind, StructCodec[Any] | None]:
    """How one field is handled, checked against the annotation of its dataclass."""
    if field.proto.which() != "slot":
        raise TypeError(f"{where}: groups are not supported")
    slot = field.proto.slot.type
    which = str(slot.which())
    if which == "interface":
        if not isinstance(hint, types.UnionType):
            raise TypeError(f"{where}: annotate it as Capability")
        return Kind.CAPABILITY, None
    if which == "struct":
        return Kind.STRUCT, StructCodec(field.schema, hint, top=False)
    if which == "list":
        element = str(slot.list.elementType.which())
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is not tuple or len(arguments) != 2 or arguments[1] is not Ellipsis:
            raise TypeError(f"{where}: annotate it as tuple[X, ...]")
        if element == "struct":
            return Kind.STRUCTS, StructCodec(field.schema.elementType, arguments[0], top=False)
        _plain(where, element, arguments[0])
        return Kind.LIST, None
    _plain(where, which, hint)
    return Kind.PLAIN, None


def _plain(where: str, which: str, hint: Any) -> None:
    if _PYTHON.get(which) is not hint:
        raise TypeError(f"{where}: {which} in the schema, {hint!r} in Python")
