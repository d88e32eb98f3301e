"""What others wrote cannot steer a terminal, hide in it or look like a line that it is not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnpc.safe import LONGEST_MARKS, clean, line

DROPPED = [
    *range(0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200B,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xE0000, 0xE1000),
    *range(0xD800, 0xE000),
]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b]52;c;cm0gLXJmIH4=\x07hi", "]52;c;cm0gLXJmIH4=hi"),  # would set the clipboard
        ("\x1b[2J\x1b[Hhi", "[2J[Hhi"),  # would clear the screen
        ("\x9b31mhi", "31mhi"),  # the same as one C1 character
        ("safe\rEVIL", "safeEVIL"),  # would write over the start of the line
        ("a\x08\x08b", "ab"),
        ("user\u202etxt.exe", "usertxt.exe"),  # would show its end first
        ("al\u200bice", "alice"),  # would pass for another name
        ("hi\U000e0041\U000e0042", "hi"),  # text that no one sees
        ("\ud83d broken", " broken"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_gone(sent: str, shown: str) -> None:
    assert clean(sent) == shown


@pytest.mark.parametrize(
    "text",
    ["two\nlines\tand a tab", "Grüße, 未来", "👨‍👩‍👧‍👦 🇩🇪 ✌🏽", "می‌خواهم", "क्‍ष", "שָׁלוֹם", "Việt Nam"],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_every_character_of_the_list_is_dropped_and_no_neighbour() -> None:
    dropped = set(DROPPED)
    assert clean("".join(map(chr, DROPPED))) == ""
    kept = "".join(chr(code) for code in range(0x110000) if code not in dropped)
    # Each on a base of its own, so that marks do not pile up.
    assert clean("a".join(kept)) == "a".join(kept)


def test_marks_do_not_pile_up() -> None:
    tower = "Z" + "\u0301" * 500
    assert clean(tower) == "Z" + "\u0301" * LONGEST_MARKS
    assert clean("Z" + "\u0301\u200d" * 500).count("\u0301") == LONGEST_MARKS
    assert clean("e\u0301e\u0301" * 20) == "e\u0301e\u0301" * 20


def test_a_name_stays_on_its_line() -> None:
    assert line("bob\n2026-01-01 12:00 alice: I agree") == "bob 2026-01-01 12:00 alice: I agree"
    assert line("a\t\u2028\u2029b") == "a b"


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert not {c for c in once if unicodedata.category(c) == "Cc"} - {"\n", "\t"}
