"""Kinds of values: what a key of the configuration may be set to, in TOML and as the text of a flag or of a variable.

A kind turns what was written into what the node uses, or says what it expected. What was found is shown only where it is no secret.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qnpc import authtoken
from qnpc.errors import Error
from qnpc.limits import DEFAULT
from qnpc.link import split_address

LIMITS: dict[str, int | float] = dataclasses.asdict(DEFAULT)
"""The keys of the table [limits], with their defaults."""

RANGES = {"datagram": (1200, 1452)}
"""Limits that only make sense within bounds: QUIC allows no smaller datagrams (RFC 9000, 14), Ethernet under IPv6 no larger ones."""


class Wrong(ValueError):
    """`found` was not what was `expected`; `within`: the key inside the value that this is about."""

    def __init__(self, expected: str, found: object, within: str = "") -> None:
        super().__init__(expected)
        self.expected, self.found, self.within = expected, found, within


class Unknown(ValueError):
    """`name` is no key of the table [limits]."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """`read` takes what TOML gave, or what `split` made of a text. Raises Wrong, Unknown."""

    name: str
    read: Callable[[object], Any]
    split: Callable[[str], object] = str


def described(found: object, *, secret: bool) -> str:
    match found:
        case bool():
            kind, shown = "a truth value", str(found).lower()
        case int() | float():
            kind, shown = "a number", f"the number {found}"
        case str():
            kind, shown = "a text", repr(found) if len(found) <= 80 else "a long text"
        case list():
            kind = shown = "a list"
        case dict():
            kind = shown = "a table"
        case _:
            kind = shown = "a date or a time"
    return kind if secret else shown


def choice(*words: str) -> Kind:
    expected = " or ".join(f'"{word}"' for word in words)

    def read(value: object) -> str:
        if value not in words:
            raise Wrong(expected, value)
        return str(value)

    return Kind(expected, read)


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise Wrong(expected, value)
    return value


def _address(value: object) -> tuple[str, int]:
    expected = "an address like 0.0.0.0:7000"
    try:
        return split_address(_text(value, expected))
    except Error as error:
        raise Wrong(f"{expected} ({error.sentence})", value) from None


def _path(value: object) -> Path:
    return Path(_text(value, "a path")).expanduser()


def _database(value: object) -> str:
    return _text(value, "a path, or the URL of a database")


def _token(value: object) -> str:
    expected = "one line of visible text, without spaces at its ends"
    token = _text(value, expected)
    if not authtoken.acceptable(token):
        raise Wrong(expected, value)
    return token


def _db_key(value: object) -> bytes | str:
    key = _text(value, "a passphrase, or 64 hex digits")
    return bytes.fromhex(key) if re.fullmatch("[0-9a-fA-F]{64}", key) else key


def _suites(value: object) -> tuple[int, ...]:
    from qnpc.node.settings import SUITES

    expected = f"a list of suites, out of {', '.join(f'0x{suite:04X}' for suite in SUITES)}"
    if not isinstance(value, list) or not value:
        raise Wrong(expected, value)
    suites: list[int] = []
    for item in value:
        suite = _number(item) if isinstance(item, str) else item
        if isinstance(suite, bool) or not isinstance(suite, int) or suite not in SUITES or suite in suites:
            raise Wrong(f"{expected}, each once", item)
        suites.append(suite)
    return tuple(suites)


def _limits(value: object) -> dict[str, int | float]:
    if not isinstance(value, dict):
        raise Wrong("a table of limits, or NAME=VALUE", value)
    return {name: _limit(name, amount) for name, amount in value.items()}


def _limit(name: str, amount: object) -> int | float:
    if name not in LIMITS:
        raise Unknown(name)
    whole = isinstance(LIMITS[name], int)
    least, most = RANGES.get(name, (0, math.inf))
    expected = "a whole number, 0 or more" if whole else "a number of seconds above 0"
    if name in RANGES:
        expected = f"a whole number from {least} to {most}"
    if isinstance(amount, bool) or not isinstance(amount, int if whole else int | float):
        raise Wrong(expected, amount, name)
    if not math.isfinite(amount) or not least <= amount <= most or (not whole and amount == 0):
        raise Wrong(expected, amount, name)
    return amount if whole else float(amount)


def _number(text: str) -> object:
    """`79`, `0x4F`, `0.5`; what is none stays a text, for `read` to refuse."""
    for parse in (lambda: int(text, 0), lambda: float(text)):
        try:
            return parse()
        except ValueError:
            continue
    return text


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _assignments(text: str) -> object:
    pairs = [word.partition("=") for word in _words(text)]
    if not all(equals for _, equals, _ in pairs):
        return text
    return {name: _number(amount) for name, _, amount in pairs}


ADDRESS = Kind("host:port", _address)
PATH = Kind("path", _path)
DATABASE = Kind("path or URL", _database)
TOKEN = Kind("text", _token)
DB_KEY = Kind("text", _db_key)
SUITES = Kind("list of suites", _suites, _words)
TABLE = Kind("table", _limits, _assignments)
