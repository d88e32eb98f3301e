"""Capability pointers in raw words: found where Cap'n Proto's own implementation puts them, in however many segments."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnpc.limits import DEFAULT
from qnpc.rpc import build
from qnpc.rpc.messages import CONTENT, PARAMS_PATH, Call, Descriptor, Target, parse
from qnpc.rpc.pointers import View, descend, patch_capability, root
from qnpc.rpc.schema import RPC
from tests.rpc.demo import STORE, Opened, Two, Watch, Watcher


def call_in_segments(first_words: int, note: bytes) -> bytes:
    """A Call of Store.echo made by pycapnp, whose first segment is so small that others follow."""
    message = RPC.Message.new_message(num_first_segment_words=first_words)
    call = message.init("call")
    call.questionId = 7
    call.interfaceId = STORE.echo.interface_id
    call.target.importedCap = 3
    params = call.params.content.as_struct(STORE.echo.params.schema)
    params.tag = "x" * len(note)
    value = params.init("value")
    value.blob = note
    value.u32 = 4242
    value.init("points", 3)[1].y = 5
    return bytes(message.to_bytes())


@given(st.integers(1, 30), st.binary(max_size=20_000))
def test_structs_are_found_in_any_number_of_segments(first_words: int, note: bytes) -> None:
    message = call_in_segments(first_words, note)
    content = descend(message, *PARAMS_PATH, CONTENT)
    assert content is not None
    value = content.struct(0)
    assert value is not None
    field = STORE.echo.params.schema.fields["value"].schema.fields["u32"].proto.slot
    assert struct.unpack_from("<I", message, value.data + 4 * field.offset) == (4242,)


def test_small_first_segments_do_make_far_pointers() -> None:
    assert struct.unpack("<I", call_in_segments(1, b"x" * 9000)[:4])[0] >= 2


@settings(max_examples=200)
@given(st.integers(1, 12), st.binary(max_size=300), st.data())
def test_mutated_words_are_walked_or_refused(first_words: int, note: bytes, data: st.DataObject) -> None:
    message = bytearray(call_in_segments(first_words, note))
    for _ in range(data.draw(st.integers(1, 6))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(
            st.sampled_from([0, 1, 2, 3, 4, 255])
        )
    raw = bytes(message)
    try:
        content = descend(raw, *PARAMS_PATH, CONTENT)
        found = None if content is None else (content.capability(0), content.struct(1))
    except ValueError:
        return
    if isinstance(found, tuple) and isinstance(found[1], View):
        assert 8 <= found[1].data <= len(raw)


def read_back(message: bytes) -> Any:
    """What pycapnp makes of the capability fields: a capability pointer is not null to it."""
    with RPC.Message.from_bytes(message) as reader:
        content = getattr(reader, "return").results.content.as_struct(STORE.twice.results.schema)
        return content._has("left"), content._has("right")


def test_patched_words_are_capability_pointers_to_pycapnp_too() -> None:
    value = Two(Watcher(), Watcher())
    table = [Descriptor("senderHosted", 8), Descriptor("senderHosted", 9)]
    message = build.return_results(1, STORE.twice.results, value, table, no_finish=False)
    assert read_back(message) == (True, True)
    bare = build.return_results(1, STORE.twice.results, value, [], no_finish=False)
    assert read_back(bare) == (False, False)


@given(st.integers(0, 30_000))
def test_capabilities_are_found_beside_much_else(length: int) -> None:
    value = Opened(5, Watcher(), "n" * length)
    message = build.return_results(
        1, STORE.open.results, value, [Descriptor("senderHosted", 8)], no_finish=False
    )
    content = descend(message, 0, 0, CONTENT)
    assert content is not None
    index = dict(STORE.open.results.capabilities)["box"]
    assert content.capability(index) == 0
    assert content.capability(99) is None
    with pytest.raises(ValueError, match="not a capability"):
        content.capability(1 - index)


def test_a_call_with_a_capability_is_parsed_as_it_was_built() -> None:
    message = build.call(
        3,
        Target(4, (1, 2)),
        STORE.watch.key,
        STORE.watch.params,
        Watch(Watcher(), 2),
        [Descriptor("senderPromise", 6)],
    )
    call = parse(message, DEFAULT)
    assert isinstance(call, Call)
    assert (call.question, call.target, call.payload.table) == (
        3,
        Target(4, (1, 2)),
        (Descriptor("senderPromise", 6),),
    )
    view = call.payload.view()
    assert view is not None
    assert view.capability(0) == 0


# -- by hand: a root struct with two data words and one pointer ----------------------------------------------------------------------

STRUCT_0_1 = 0x0001_0000_0000_0000  # a struct pointer to the next word: no data, one pointer
STRUCT_0_0 = 0x0000_0000_FFFF_FFFC  # of no size, at itself


def words(*segments: list[int]) -> bytes:
    head = struct.pack(f"<{1 + len(segments)}I", len(segments) - 1, *map(len, segments))
    return head + bytes(-len(head) % 8) + b"".join(struct.pack(f"<{len(one)}Q", *one) for one in segments)


def far(segment: int, word: int, *, double: bool = False) -> int:
    return 2 | (4 if double else 0) | word << 3 | segment << 32


def test_a_far_pointer_is_followed() -> None:
    message = words([far(1, 1)], [99, STRUCT_0_1, 3 | 7 << 32])
    assert root(message).capability(0) == 7


def test_a_double_far_pointer_is_followed() -> None:
    message = words([far(1, 0, double=True)], [far(2, 1), STRUCT_0_1], [0, 3 | 9 << 32])
    assert root(message).capability(0) == 9


def test_a_struct_of_no_size_is_a_struct() -> None:
    view = root(words([STRUCT_0_0]))
    assert view.struct(0) is None
    with pytest.raises(ValueError, match="no such pointer"):
        view.pointer(0)


def test_a_patched_word_is_read_as_it_was_patched() -> None:
    message = bytearray(words([STRUCT_0_1, 0]))
    assert root(bytes(message)).capability(0) is None
    patch_capability(message, root(bytes(message)).pointer(0), 2**32 - 1)
    assert root(bytes(message)).capability(0) == 2**32 - 1


@pytest.mark.parametrize(
    "message",
    [
        words([]),
        words([0]),
        words([1]),  # a list
        words([3]),  # a capability
        words([STRUCT_0_1]),  # reaches past its segment
        words([STRUCT_0_1 | 0x7FFF_FFFC]),  # far past it
        words([0x0001_0000_FFFF_FFF8]),  # starts before it
        words([far(1, 0)]),  # no such segment
        words([far(1, 5)], [STRUCT_0_1, 0]),  # outside of it
        words([far(1, 1, double=True)], [0, far(0, 0)]),  # half of a double landing pad
        words([far(1, 0)], [far(1, 1), STRUCT_0_1, 0]),  # a far pointer to a far pointer
        words([far(1, 0, double=True)], [STRUCT_0_1, STRUCT_0_1, 0]),  # a double one that leads to none
        words([far(1, 0, double=True)], [far(1, 2), far(1, 2), 0]),  # whose tag is one
        words([far(1, 0, double=True)], [far(0, 1), STRUCT_0_1]),  # whose struct is outside
    ],
)
def test_words_that_lead_astray_are_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        root(message)
