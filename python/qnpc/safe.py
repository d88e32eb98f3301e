"""Cleans text that others wrote before it reaches a terminal.

A message, a name or an error's sentence from elsewhere may hold sequences that set the clipboard, move the cursor, hide or reorder
what stands beside them; markup libraries let all of that through. So it is taken out here, once, at the boundary, below every
interface. Whatever writes foreign text to a terminal passes it through `clean` or `line`; nothing else tries to escape it.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_MARKS = 8
"""Combining marks that one base may carry. Written languages need fewer; towers of them cover the lines above and below."""

_DROPPED = re.compile(
    "["
    "\x00-\x08\x0b-\x1f"  # C0 except tab and newline
    "\x7f-\x9f"  # DEL and C1
    "\u061c\u200e\u200f\u202a-\u202e"  # marks, embeddings and overrides of direction
    "\u200b\ufeff"  # zero width; the joiners U+200C and U+200D are part of spelling and stay
    "\u2060-\u206f"  # invisible operators, isolates, deprecated format characters
    "\U000e0000-\U000e0fff"  # tags: text that no one sees
    "\ud800-\udfff"  # surrogates: not text at all
    "]"
)
_BREAKS = re.compile(r"[\t\n\u2028\u2029]+")
_JOINERS = "\u200c\u200d"


def clean(text: str) -> str:
    """`text` without what a terminal would obey or hide. Newlines and tabs stay."""
    text = _DROPPED.sub("", text)
    return text if text.isascii() else _cap_marks(text)


def line(text: str) -> str:
    """`clean`, and on one line: for names, reasons and whatever must not look like a line of its own."""
    return _BREAKS.sub(" ", clean(text))


def _cap_marks(text: str) -> str:
    kept, marks = [], 0
    for char in text:
        if unicodedata.category(char) in {"Mn", "Me"}:
            marks += 1
            if marks > LONGEST_MARKS:
                continue
        elif char not in _JOINERS:  # a joiner between marks does not start a new run
            marks = 0
        kept.append(char)
    return "".join(kept)
