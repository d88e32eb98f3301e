"""What no module may do: read a clock, draw randomness or sleep behind the seams of `ports.py`; wait in an order that chance decides.

Where these hold, a whole deployment runs under a seed, and no test waits for time to pass.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import PACKAGE, ROOT

TIME = {
    *(
        f"time.{name}{unit}"
        for name in ("time", "monotonic", "perf_counter", "process_time")
        for unit in ("", "_ns")
    ),
    "time.sleep",
    "asyncio.sleep",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
}
RANDOMNESS = {"os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4", "random", "secrets", "ssl.RAND_bytes"}
ORDER = {"asyncio.as_completed", "concurrent.futures.as_completed"}
# What the core has for tests alone.
TESTS_ONLY = {"qnpc._core.PassiveClient", "qnpc._core.simulation"}
BANNED = TIME | RANDOMNESS | ORDER
SLEEPS = {"time.sleep", "asyncio.sleep"}

_SQL = re.compile(r"\s*(--|(SELECT|INSERT|UPDATE|DELETE|REPLACE|CREATE|WITH|PRAGMA)\b)")
_SQL_BANNED = re.compile(
    r"(?<![:@$\w.])(now|randomblob|random|unixepoch|julianday|strftime|current_timestamp|current_time|current_date)\b",
    re.IGNORECASE,
)
_SQL_COMMENT = re.compile(r"--[^\n]*")


def banned_calls(source: str, banned: set[str]) -> list[str]:
    """`line name` for every banned name that `source` uses, however it was imported. A module in `banned` bans all it holds."""
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            dotted = _dotted(node, names)
            if dotted and any(dotted == ban or dotted.startswith(f"{ban}.") for ban in banned):
                found.append(f"{node.lineno} {dotted}")
    return found


def _dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """`t.sleep` after `import time as t` -> `time.sleep`; None for what hangs on no import."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, names)
        return f"{base}.{node.attr}" if base else None
    return None


def banned_sql(source: str) -> list[str]:
    """Time and randomness that a statement would take from the database."""
    return [match[1] for match in _SQL_BANNED.finditer(_SQL_COMMENT.sub("", source))]


def statements(source: str) -> list[str]:
    """The string constants of a Python module that begin as SQL does."""
    return [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value)
    ]


def _shown(path: Path, findings: list[str]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{finding}" for finding in findings]


def test_time_and_randomness_come_from_the_ports() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "ports.py":
            found += _shown(path, banned_calls(path.read_text(), BANNED))
    assert found == []


def test_the_product_has_no_client_without_a_policy_and_no_seed() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        assert banned_calls(path.read_text(), TESTS_ONLY) == [], path
        # Nor by a string, which is how modules are loaded lazily.
        assert "_core.simulation" not in path.read_text(), path


@pytest.mark.parametrize(
    "planted",
    [
        "from qnpc._core import PassiveClient\nPassiveClient",
        "from qnpc import _core\n_core.PassiveClient",
        "import qnpc._core\nqnpc._core.PassiveClient",
        "from qnpc._core import simulation\nsimulation.Seeded",
        "from qnpc._core.simulation import Seeded\nSeeded",
        "from qnpc import _core\n_core.simulation",
    ],
)
def test_a_planted_use_of_what_is_for_tests_is_found(planted: str) -> None:
    assert banned_calls(planted, TESTS_ONLY) != []


def test_no_module_waits_in_an_order_of_chance() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        assert banned_calls(path.read_text(), ORDER) == [], path


def test_no_statement_asks_the_database_for_time_or_randomness() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.sql")):
        found += _shown(path, banned_sql(path.read_text()))
    for path in sorted(PACKAGE.rglob("*.py")):
        found += [line for text in statements(path.read_text()) for line in _shown(path, banned_sql(text))]
    assert found == []


def test_no_test_sleeps() -> None:
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        found += _shown(path, banned_calls(path.read_text(), SLEEPS))
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "import asyncio\nfor x in asyncio.as_completed([]): ...",
        "from asyncio import as_completed as each\neach([])",
        "from concurrent.futures import as_completed\nas_completed([])",
        "import time\ntime.time()",
        "from time import time as wall\nwall()",
        "import time as t\nt.sleep(1)",
        "import os\nkey = os.urandom(32)",
        "from os import urandom\nurandom(1)",
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)",
        "import secrets\nsecrets.token_bytes(16)",
        "from secrets import token_hex\ntoken_hex()",
        "import random\nrandom.random()",
        "from random import Random\nRandom()",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "import uuid\nuuid.uuid4()",
    ],
)
def test_a_planted_call_is_found(planted: str) -> None:
    assert banned_calls(planted, BANNED) != []


@pytest.mark.parametrize(
    "innocent",
    [
        "from datetime import datetime, UTC\ndatetime.fromtimestamp(0, UTC)",
        "class A:\n    def f(self, random, clock):\n        return random.bytes(1), clock.now(), clock.sleep(1)",
        "import time\ntime.strftime('%H', time.gmtime(0))",
    ],
)
def test_what_comes_from_a_port_is_left_alone(innocent: str) -> None:
    assert banned_calls(innocent, BANNED) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("SELECT strftime('%s', 'now')", ["strftime", "now"]),
        ("INSERT INTO t VALUES (randomblob(16))", ["randomblob"]),
        ("CREATE TABLE t (at TEXT DEFAULT CURRENT_TIMESTAMP)", ["CURRENT_TIMESTAMP"]),
        ("-- now and then\nSELECT :now, t.now, renown FROM t", []),
    ],
)
def test_planted_sql_is_found(planted: str, found: list[str]) -> None:
    assert banned_sql(planted) == found
    assert banned_sql(statements(f"QUERY = {planted!r}")[0]) == found
