"""One spelling for each name: two people can never look alike to a node and differ to a client."""

from __future__ import annotations

import pytest

from qnpc import names
from qnpc.errors import Code, Error


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("alice", "alice"),
        ("Alice", "alice"),
        ("ＡＬＩＣＥ", "alice"),  # noqa: RUF001
        ("bo_b-2.x", "bo_b-2.x"),
        ("Zoe\u0301", "zo\u00e9"),
        ("a" * 32, "a" * 32),
    ],
)
def test_a_name_has_one_spelling(typed: str, name: str) -> None:
    assert names.username(typed) == name
    assert names.username(name) == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ab",
        "a" * 33,
        "a" * 100_000,
        "al ice",
        " alice",
        "alice\n",
        "a\x1b[31mlice",
        "\u202ealice",
        "ali\u017fce",
        "al\x00ice",
    ],
)
def test_what_is_no_name_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(Error) as refused:
        names.username(typed)
    assert refused.value.kind is Code.USERNAME_INVALID
    assert len(typed) < 3 or typed not in str(refused.value)
