"""node.capnp and its Python counterpart say the same, to the last method and field."""

from __future__ import annotations

import dataclasses
import re
import typing
from importlib import resources
from typing import Any

import pytest

import qnpc.wire as wire
from qnpc.rpc import Served, StructCodec
from qnpc.rpc.codec import snake
from qnpc.rpc.schema import RPC
from qnpc.wire.methods import SCHEMA

INTERFACES: dict[str, Any] = {
    "Node": wire.NODE,
    "Registration": wire.REGISTRATION,
    "Login": wire.LOGIN,
    "Enrol": wire.ENROL,
    "Proof": wire.PROOF,
    "Session": wire.SESSION,
    "Group": wire.GROUP,
    "Sink": wire.SINK,
}


def declared(kind: str) -> set[str]:
    """The interfaces or structs that the schema file declares, by its text."""
    text = resources.files("qnpc").joinpath("schemas", "node.capnp").read_text()
    return set(re.findall(rf"^{kind} (\w+)", text, re.MULTILINE))


def test_every_interface_has_its_class() -> None:
    assert declared("interface") == set(INTERFACES)


@pytest.mark.parametrize("name", sorted(INTERFACES))
def test_every_method_has_its_constant(name: str) -> None:
    group, schema = INTERFACES[name], getattr(SCHEMA, name).schema
    names = [str(method.name) for method in schema.node.interface.methods]
    for number, method_name in enumerate(names):
        method = getattr(group, snake(method_name))
        assert (method.interface, method.name, method.key) == (name, method_name, (schema.node.id, number))
        assert group.table[method.key] is method
    assert len(group.table) == len(names)


@pytest.mark.parametrize("name", sorted(INTERFACES))
def test_parameters_and_results_are_named_after_their_method(name: str) -> None:
    for method in INTERFACES[name].table.values():
        title = name + method.name[0].upper() + method.name[1:]
        for codec, suffix in ((method.params, "Params"), (method.results, "Results")):
            assert codec.cls.__name__ in (title + suffix, "Empty")
            assert getattr(wire, codec.cls.__name__) is codec.cls


def test_every_struct_has_its_dataclass_with_the_same_fields() -> None:
    for name in declared("struct"):
        cls = getattr(wire, name)
        assert StructCodec(getattr(SCHEMA, name).schema, cls).cls is cls
        assert dataclasses.is_dataclass(cls)


SAMPLES: dict[Any, Any] = {int: 7, str: "text", bytes: b"bytes", bool: True}


class Anything(Served):
    async def dispatch(self, method: Any, params: Any) -> Any:
        raise NotImplementedError


def sample(codec: StructCodec[Any], depth: int = 0) -> Any:
    """A value with something in every field."""
    values: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(codec.cls).items():
        if dataclasses.is_dataclass(hint):
            values[name] = sample(StructCodec(getattr(SCHEMA, hint.__name__).schema, hint))  # type: ignore[arg-type, union-attr]
        elif typing.get_origin(hint) is tuple:
            element = typing.get_args(hint)[0]
            one = SAMPLES.get(element)
            if one is None:
                one = sample(StructCodec(getattr(SCHEMA, element.__name__).schema, element))
            values[name] = (one, one)
        else:
            values[name] = SAMPLES.get(hint) or Anything()
    return codec.cls(**values)


@pytest.mark.parametrize("name", sorted(INTERFACES))
def test_every_message_survives_the_wire(name: str) -> None:
    for method in INTERFACES[name].table.values():
        for codec in (method.params, method.results):
            value = sample(codec)
            message = RPC.Message.new_message()
            builder = message.init("call").params.content.as_struct(codec.schema)
            codec.write(builder, value)
            with RPC.Message.from_bytes(message.to_bytes()) as reader:
                capabilities = {name: getattr(value, name) for name, _ in codec.capabilities}
                content = reader.call.params.content.as_struct(codec.schema)
                assert codec.read(content, capabilities) == value


def test_secrets_are_in_no_repr() -> None:
    secret = b"\x13\x37secret"
    values = [
        wire.Token(secret, 5),
        wire.NodeResumeParams(secret),
        wire.NodeRegisterParams("alice", secret, secret),
        wire.NodeLoginParams("alice", secret),
        wire.LoginFinishParams(secret),
    ]
    assert not [value for value in values if "secret" in repr(value)]


# -- statements ---------------------------------------------------------------------------------------------------------------------


def test_no_two_lists_of_fields_make_one_statement() -> None:
    assert wire.statement(b"ab", b"c") == b"\0\0\0\2ab\0\0\0\1c"
    assert wire.statement() == b""
    lists = [
        (b"a", b"b"),
        (b"ab",),
        (b"ab", b""),
        (b"", b"ab"),
        (b"a", b"b", b""),
        (wire.statement(b"a", b"b"),),
    ]
    assert len({wire.statement(*fields) for fields in lists}) == len(lists)


def test_statements_hold_every_part_in_its_place() -> None:
    pin, challenge, identity, device = b"p" * 32, b"c" * 32, b"i" * 32, b"d" * 32
    enrolment = wire.enrolment_statement(pin, challenge, "zoë", identity, device)
    assert enrolment == wire.statement(pin, challenge, "zoë".encode(), identity, device)
    assert wire.challenge_statement(pin, challenge, device) == wire.statement(pin, challenge, device)
    assert wire.enrolment_statement(pin, challenge, "zoë", device, identity) != enrolment


def test_the_signing_contexts_differ() -> None:
    assert len({wire.CONTEXT_ENROL_IDENTITY, wire.CONTEXT_ENROL_DEVICE, wire.CONTEXT_CHALLENGE}) == 3
    assert (wire.WIRE_VERSION, wire.ALPN) == (1, "qnpc/1")
