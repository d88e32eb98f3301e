"""Every code of the table is raised by some test, so none is a promise that nobody has seen kept."""

from __future__ import annotations

import pytest

from qnpc.errors import BY_NUMBER, Code
from tests.house.codes import expected, raised
from tests.house.sources import PACKAGE, ROOT

NOT_YET = {
    Code.RATE_LIMITED: "requests are not counted per time window yet; clients know the code and wait",
    Code.ROSTER_CHANGED: "rejoining after a lapse is to compare the members with those last seen",
    Code.MESSAGE_UNREADABLE: "such a message is an event with its reason; no command asks for a single one yet",
}
"""Codes that nothing can raise yet, and why they stand in the table. Whoever makes one occur takes it out and tests it."""

SPECIMENS = {"tests/cli/test_fail.py"}
"""Tests that take any code to see how errors are shown."""

_NUMBERS = {number: code.name for number, code in BY_NUMBER.items()}
_LISTED = {code.name for code in NOT_YET}


def in_tests() -> set[str]:
    found: set[str] = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path.parent.name != "house" and str(path.relative_to(ROOT)) not in SPECIMENS:
            found |= expected(path.read_text(), _NUMBERS)
    return found


def in_product() -> set[str]:
    found: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path != PACKAGE / "errors.py":
            found |= raised(path.read_text())
    return found


def test_every_code_that_can_be_raised_is_raised_by_a_test() -> None:
    missing = in_product() - in_tests()
    assert missing == set(), "a test has to provoke and expect them"


def test_every_code_can_be_raised_or_is_listed_with_the_reason() -> None:
    assert {code.name for code in Code} - in_tests() - _LISTED == set()


def test_what_is_listed_as_not_yet_does_not_occur() -> None:
    assert _LISTED & (in_product() | in_tests()) == set(), "take it out of NOT_YET"
    assert [code.name for code, reason in NOT_YET.items() if not reason] == []


@pytest.mark.parametrize(
    "source",
    [
        "def test():\n    assert caught.value.kind is Code.NOT_FOUND",
        "def test():\n    assert 'E013' in done.err",
        "def test():\n    with refused(Code.NOT_FOUND):\n        pass",
        "async def test():\n    async with refused(Code.NOT_FOUND):\n        pass",
        "def test():\n    with pytest.raises(Error, match='E013'):\n        pass",
        "def test():\n    refused(run(), 'E013')",
        "def test():\n    for code in (Code.NOT_FOUND,):\n        pass",
        "@pytest.mark.parametrize('code', [Code.NOT_FOUND])\ndef test(code):\n    pass",
    ],
)
def test_an_expectation_is_found(source: str) -> None:
    assert expected(source, _NUMBERS) == {"NOT_FOUND"}


@pytest.mark.parametrize(
    "source",
    [
        "def answer():\n    raise Error(Code.NOT_FOUND)",
        "def test():\n    assert show(Error(Code.NOT_FOUND)) == 'x'",
        "@pytest.mark.parametrize('error', [Error(Code.NOT_FOUND)])\ndef test(error):\n    pass",
        "def test():\n    'E013 is what it means'",
        "def test():\n    assert number == 'E0133'",
    ],
)
def test_an_error_that_a_test_makes_itself_is_no_expectation(source: str) -> None:
    assert expected(source, _NUMBERS) == set()


def test_what_the_product_raises_is_found() -> None:
    assert raised("raise Error(Code.NOT_FOUND, 'x')\nError(kind=Code.INTERNAL)") == {"NOT_FOUND", "INTERNAL"}
    assert raised("LATER = {Code.RATE_LIMITED}\nif kind is Code.QUEUE_FULL:\n    pass") == set()
