"""Dataclasses to structs and back: what one side says is what the other side reads."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnpc.errors import Error
from qnpc.rpc import Capability, LocalProtocolError, StructCodec
from tests.rpc.demo import SCHEMA, Everything, Named, Point

CODEC = StructCodec(SCHEMA.Everything.schema, Everything)

EVERYTHING = Everything(
    flag=True,
    i8=-128,
    i16=-1,
    i32=2**31 - 1,
    i64=-(2**63),
    u8=255,
    u16=65535,
    u32=1,
    u64=2**64 - 1,
    text="naïve ☃",
    blob=b"\x00\x01",
    numbers=(0, 1, 65535),
    blobs=(b"", b"abc"),
    words=("", "ß"),
    point=Point(-1, 2**40),
    points=(Point(0, 0), Point(1, -1)),
)


def integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


points = st.builds(Point, integers(32, signed=True), integers(64, signed=True))
texts = st.text(st.characters(exclude_categories=["Cs"]))
everything = st.builds(
    Everything,
    flag=st.booleans(),
    **{f"i{bits}": integers(bits, signed=True) for bits in (8, 16, 32, 64)},
    **{f"u{bits}": integers(bits, signed=False) for bits in (8, 16, 32, 64)},
    text=texts,
    blob=st.binary(),
    numbers=st.lists(integers(16, signed=False)).map(tuple),
    blobs=st.lists(st.binary()).map(tuple),
    words=st.lists(texts).map(tuple),
    point=points,
    points=st.lists(points).map(tuple),
)


def written(value: Everything) -> bytes:
    builder = SCHEMA.Everything.new_message()
    CODEC.write(builder, value)
    return bytes(builder.to_bytes())


def read(data: bytes, codec: StructCodec[Any] = CODEC) -> Any:
    with SCHEMA.Everything.from_bytes(data) as reader:
        return codec.read(reader, {})


@given(everything)
def test_every_value_comes_back(value: Everything) -> None:
    assert read(written(value)) == value


@given(everything)
def test_what_we_write_is_what_pycapnp_writes_by_itself(value: Everything) -> None:
    fields: dict[str, Any] = {name: getattr(value, name) for name in Everything.__slots__}
    fields["point"] = {"x": value.point.x, "y": value.point.y}
    fields["points"] = [{"x": point.x, "y": point.y} for point in value.points]
    for name in ("numbers", "blobs", "words"):
        fields[name] = list(fields[name])
    assert read(bytes(SCHEMA.Everything.new_message(**fields).to_bytes())) == value


def test_an_older_peers_shorter_struct_reads_as_defaults() -> None:
    empty = read(struct.pack("<IIQ", 0, 1, 0))  # one segment of one word: a null root
    assert empty.numbers == ()
    assert empty.text == ""
    assert empty.point == Point(0, 0)


def test_what_a_newer_peer_adds_is_ignored() -> None:
    newer = SCHEMA.NewerPoint.new_message(x=1, y=2, z=3, label="unheard of").to_bytes()
    with SCHEMA.Point.from_bytes(newer) as reader:
        assert StructCodec(SCHEMA.Point.schema, Point).read(reader, {}) == Point(1, 2)


@settings(max_examples=300)
@given(everything, st.data())
def test_mutated_values_are_read_or_refused(value: Everything, data: st.DataObject) -> None:
    raw = bytearray(written(value))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(16, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Error):  # anything else would go up
        assert isinstance(read(bytes(raw)), Everything)


def test_text_that_is_not_utf8_is_refused() -> None:
    raw = written(replace(EVERYTHING, text="abcdefgh")).replace(b"abcdefgh", b"abc\xffefgh")
    with pytest.raises(Error, match="E001"):
        read(raw)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("u16", 65536),
        ("u8", -1),
        ("text", "\ud800"),
        ("points", 3),
        ("blob", object()),
        ("numbers", (70000,)),
    ],
)
def test_what_does_not_fit_is_a_mistake_of_ours(name: str, value: Any) -> None:
    with pytest.raises(LocalProtocolError):
        written(replace(EVERYTHING, **{name: value}))


@dataclass(frozen=True, slots=True)
class Renamed:
    title: str


@dataclass(frozen=True, slots=True)
class Wrong:
    name: bytes


@dataclass(frozen=True, slots=True)
class Loose:
    x: int
    y: Capability


def test_a_dataclass_that_differs_from_the_schema_is_refused_when_it_is_made() -> None:
    named = SCHEMA.Store.schema.methods["slow"].param_type
    assert StructCodec(named, Named).cls is Named
    for cls in (Renamed, Wrong):
        with pytest.raises(TypeError):
            StructCodec(named, cls)
    with pytest.raises(TypeError):
        StructCodec(SCHEMA.Point.schema, Loose)
