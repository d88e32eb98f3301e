"""How what one tick brings is put into messages."""

from __future__ import annotations

from collections.abc import Sequence

from qnpc.node.fanout import runs
from qnpc.node.store.contract import StoredEntry

A, B = b"a" * 16, b"b" * 16
ALL, FEW = (b"1", b"2"), (b"1",)


def entry(channel: bytes, seq: int, size: int = 1) -> StoredEntry:
    return StoredEntry(channel, seq, bytes(16), b"1", 0, bytes(size))


Told = Sequence[tuple[StoredEntry, Sequence[bytes]]]


def shape(told: Told, most: int = 64, size: int = 1000) -> list[tuple[list[int], Sequence[bytes]]]:
    return [([one.seq for one in run.entries], run.recipients) for run in runs(told, most, size)]


def test_entries_of_one_channel_go_together_in_order() -> None:
    told = [(entry(A, 2), ALL), (entry(B, 9), ALL), (entry(A, 1), ALL), (entry(A, 3), ALL)]
    assert shape(told) == [([1, 2, 3], ALL), ([9], ALL)]


def test_nobody_gets_an_entry_with_others_that_are_not_theirs() -> None:
    told = [(entry(A, 1), ALL), (entry(A, 2), FEW), (entry(A, 3), FEW)]
    assert shape(told) == [([1], ALL), ([2, 3], FEW)]


def test_a_gap_is_never_glossed_over() -> None:
    assert shape([(entry(A, 1), ALL), (entry(A, 3), ALL)]) == [([1], ALL), ([3], ALL)]


def test_a_message_is_bounded_by_count_and_by_size() -> None:
    told = [(entry(A, seq, 400), ALL) for seq in range(1, 6)]
    assert [one for one, _ in shape(told)] == [[1, 2], [3, 4], [5]]
    assert [one for one, _ in shape(told, most=1)] == [[1], [2], [3], [4], [5]]
    assert shape([(entry(A, 1, 5000), ALL)]) == [([1], ALL)], "one that is larger goes alone"
