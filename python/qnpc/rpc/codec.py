"""Dataclasses to and from Cap'n Proto structs, by a plan made once per struct.

A field's snake_case name is its camelCase name in the schema; the plan is compiled when the codec is made, and what does not fit the
schema fails there, not on the wire. Capability fields stand only at the top level of parameters and results: they are skipped when
writing, since pycapnp can neither set nor read such a pointer, and payload.py handles the words. Fields that a newer peer adds are
ignored.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from qnpc.errors import Code, Error
from qnpc.rpc.errors import LocalProtocolError
from qnpc.rpc.schema import CORRUPT, Builder, Field, Reader, Struct, init_field, read_field, set_field

T = TypeVar("T")

Write = Callable[[Builder, Any], None]
Read = Callable[[Reader], Any]

_PYTHON = {
    "bool": bool,
    "text": str,
    "data": bytes,
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), int),
}
_MISFIT = (*CORRUPT, TypeError, AttributeError, OverflowError)
_UPPER = re.compile("[A-Z]")


def snake(camel: str) -> str:
    return _UPPER.sub(lambda letter: "_" + letter[0].lower(), camel)


class StructCodec(Generic[T]):
    """Between the dataclass `cls` and the struct `schema`. Raises TypeError when they do not match field by field."""

    def __init__(self, schema: Struct, cls: type[T], *, top: bool = True) -> None:
        self.schema = schema
        self.cls = cls
        names = {snake(name): schema.fields[name] for name in schema.fieldnames}
        declared = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        if declared != list(names):
            raise TypeError(f"{cls.__name__} has {declared}, the schema has {list(names)}")
        hints = typing.get_type_hints(cls)
        self._writes: list[tuple[str, Write]] = []
        self._reads: list[tuple[str, Read | None]] = []
        capabilities: list[tuple[str, int]] = []
        for name, field in names.items():
            where = f"{cls.__name__}.{name}"
            if _which(where, field) == "interface":
                if not top or not isinstance(hints[name], types.UnionType):
                    raise TypeError(f"{where}: a capability stands at the top level, as Capability")
                capabilities.append((name, field.proto.slot.offset))
                self._reads.append((name, None))
                continue
            write, read = _compile(where, field, hints[name])
            self._writes.append((name, write))
            self._reads.append((name, read))
        self.capabilities = tuple(capabilities)
        """Name and pointer index of each capability field, in the order of the schema."""

    @property
    def empty(self) -> bool:
        return not self._reads

    def write(self, builder: Builder, value: T) -> None:
        """Fill a fresh struct, capability fields excepted. Raises LocalProtocolError when a value does not fit."""
        try:
            self.write_inner(builder, value)
        except _MISFIT as error:
            raise LocalProtocolError(f"this {self.cls.__name__} does not fit its schema") from error

    def read(self, reader: Reader, capabilities: Mapping[str, object]) -> T:
        """Make a value; `capabilities` holds an object for each capability field. Raises Error(BAD_REQUEST)."""
        try:
            return self.read_inner(reader, capabilities)
        except CORRUPT as error:
            raise Error(Code.BAD_REQUEST, "a value in the message is malformed") from error

    def write_inner(self, builder: Builder, value: T) -> None:
        for name, write in self._writes:
            write(builder, getattr(value, name))

    def read_inner(self, reader: Reader, capabilities: Mapping[str, object]) -> T:
        values = [capabilities[name] if read is None else read(reader) for name, read in self._reads]
        return self.cls(*values)


def _which(where: str, field: Field) -> str:
    if field.proto.which() != "slot":
        raise TypeError(f"{where}: groups are not supported")
    return str(field.proto.slot.type.which())


def _compile(where: str, field: Field, hint: Any) -> tuple[Write, Read]:
    """How one field is written and read, checked against the annotation of its dataclass."""
    which = _which(where, field)
    if which == "struct":
        return _nested(field, StructCodec(field.schema, hint, top=False))
    if which != "list":
        _check_plain(where, which, hint)
        return _plain(field)
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is not tuple or len(arguments) != 2 or arguments[1] is not Ellipsis:
        raise TypeError(f"{where}: annotate it as tuple[X, ...]")
    element = str(field.proto.slot.type.list.elementType.which())
    if element == "struct":
        return _structs(field, StructCodec(field.schema.elementType, arguments[0], top=False))
    _check_plain(where, element, arguments[0])
    return _plains(field)


def _check_plain(where: str, which: str, hint: Any) -> None:
    if _PYTHON.get(which) is not hint:
        raise TypeError(f"{where}: {which} in the schema, {hint!r} in Python")


def _plain(field: Field) -> tuple[Write, Read]:
    return lambda builder, value: set_field(builder, field, value), lambda reader: read_field(reader, field)


def _plains(field: Field) -> tuple[Write, Read]:
    def write(builder: Builder, value: tuple[Any, ...]) -> None:
        slots = init_field(builder, field, len(value))
        for index, item in enumerate(value):
            slots[index] = item

    return write, lambda reader: tuple(read_field(reader, field))


def _nested(field: Field, codec: StructCodec[Any]) -> tuple[Write, Read]:
    return (
        lambda builder, value: codec.write_inner(init_field(builder, field), value),
        lambda reader: codec.read_inner(read_field(reader, field), {}),
    )


def _structs(field: Field, codec: StructCodec[Any]) -> tuple[Write, Read]:
    def write(builder: Builder, value: tuple[Any, ...]) -> None:
        slots = init_field(builder, field, len(value))
        for index, item in enumerate(value):
            codec.write_inner(slots[index], item)

    def read(reader: Reader) -> tuple[Any, ...]:
        return tuple([codec.read_inner(item, {}) for item in read_field(reader, field)])

    return write, read
