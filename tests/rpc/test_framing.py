"""The stream framing: the same messages come out however the bytes come in, and a size is judged before anything is kept."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnpc.errors import Code
from qnpc.rpc.errors import RemoteProtocolError
from qnpc.rpc.framing import MAX_SEGMENTS, Deframer
from qnpc.rpc.schema import segments


def framed(parts: list[bytes]) -> bytes:
    head = struct.pack(f"<{1 + len(parts)}I", len(parts) - 1, *(len(part) // 8 for part in parts))
    return head + bytes(-len(head) % 8) + b"".join(parts)


parts = st.lists(st.integers(0, 20).map(lambda words: bytes(range(8)) * words), min_size=1, max_size=6)


@given(st.lists(parts.map(framed), max_size=8), st.lists(st.integers(1, 40), min_size=1))
def test_any_cutting_of_the_stream_gives_the_same_messages(messages: list[bytes], cuts: list[int]) -> None:
    stream, deframer, out = b"".join(messages), Deframer(10_000), []
    position, turn = 0, 0
    while position < len(stream):
        end = position + cuts[turn % len(cuts)]
        out += list(deframer.receive(stream[position:end]))
        position, turn = end, turn + 1
    assert out == messages
    assert deframer.held == 0


@given(parts)
def test_segments_are_where_the_table_says(given_parts: list[bytes]) -> None:
    message = framed(given_parts)
    assert [message[start:end] for start, end in segments(message)] == given_parts


@pytest.mark.parametrize(
    "message", [b"", bytes(4), framed([bytes(8)])[:-8], framed([bytes(8)]) + bytes(8), b"\xff" * 16]
)
def test_a_table_that_does_not_fit_its_message_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        segments(message)


def test_a_message_of_exactly_the_limit_passes_and_one_more_word_does_not() -> None:
    message = framed([bytes(992)])
    assert list(Deframer(len(message)).receive(message)) == [message]
    with pytest.raises(RemoteProtocolError) as caught:
        list(Deframer(len(message) - 8).receive(message[:8]))
    assert caught.value.kind is Code.TOO_LARGE


def test_what_is_too_large_is_refused_by_its_table_alone() -> None:
    deframer = Deframer(4096)
    with pytest.raises(RemoteProtocolError, match="larger than allowed"):
        list(deframer.receive(struct.pack("<II", 0, 2**32 - 1)))
    assert deframer.held == 8


def test_sizes_that_are_large_only_together_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="larger than allowed"):
        list(Deframer(4096).receive(struct.pack("<4I", 1, 300, 300, 0)))


def test_too_many_segments_are_refused_before_their_table_is_here() -> None:
    assert list(Deframer(1 << 20).receive(framed([b""] * MAX_SEGMENTS)))
    with pytest.raises(RemoteProtocolError, match="too many segments"):
        list(Deframer(1 << 20).receive(struct.pack("<I", MAX_SEGMENTS) + bytes(4)))


def test_what_came_before_a_bad_message_still_comes_out() -> None:
    good = framed([bytes(16)])
    messages = Deframer(100).receive(good + struct.pack("<II", 0, 1000))
    assert next(messages) == good
    with pytest.raises(RemoteProtocolError):
        next(messages)


def test_what_waits_is_told_apart_from_what_is_on_its_way() -> None:
    one, large = framed([bytes(16)]), framed([bytes(4000)])
    deframer = Deframer(10_000)
    deframer.receive(one * 3 + large[:1000])
    assert (deframer.waiting(), deframer.held) == (3 * len(one), 3 * len(one) + 1000)
    assert next(deframer.receive(b"")) == one
    assert deframer.waiting() == 2 * len(one)
    assert list(deframer.receive(large[1000:])) == [one, one, large]
    assert (deframer.waiting(), deframer.held) == (0, 0)
    deframer.receive(large[:3])
    assert deframer.waiting() == 0
