"""A method of an interface, with everything that a caller or a callee needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from qnpc.rpc.codec import StructCodec
from qnpc.rpc.schema import Module

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Method(Generic[P, R]):
    """`P` and `R` are the frozen dataclasses of its parameters and its results."""

    interface_id: int
    method_id: int
    interface: str
    name: str
    params: StructCodec[P]
    results: StructCodec[R]

    @classmethod
    def of(cls, module: Module, interface: str, name: str, params: type[P], results: type[R]) -> Method[P, R]:
        """The method `name` (camelCase) of `interface` in a loaded schema. Raises TypeError, KeyError or ValueError on a mismatch."""
        schema = getattr(module, interface).schema
        number = [method.name for method in schema.node.interface.methods].index(name)
        shape = schema.methods[name]
        return cls(
            interface_id=schema.node.id,
            method_id=number,
            interface=interface,
            name=name,
            params=StructCodec(shape.param_type, params),
            results=StructCodec(shape.result_type, results),
        )

    @property
    def key(self) -> tuple[int, int]:
        """What a call names it by: interface id, method id."""
        return self.interface_id, self.method_id

    def __str__(self) -> str:
        return f"{self.interface}.{self.name}"
