"""Puts the tables of the code into the pages of the book, between `<!-- name -->` and `<!-- end -->`: `python docs/pages.py`, or
`make docs`. What stands outside of these is written by hand. A test holds the pages current.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from qnpc import limits
from qnpc.node.config.table import KEYS
from qnpc.node.config.values import LIMITS

HERE = Path(__file__).parent

_TABLE = re.compile(r"(<!-- (\w+) -->)\n.*?(<!-- end -->)", re.DOTALL)
_SECTION = re.compile(r"    # (.+)")
_FIELD = re.compile(r"    (\w+): (int|float) = [^#]+(?:# (.+))?")


def _keys() -> Iterator[str]:
    yield from ("| key | type | default | flag | environment | |", "|---|---|---|---|---|---|")
    for key in KEYS.values():
        flag = f"`{key.flag}`" if key.flag else ""
        yield f"| `{key.name}` | {key.kind.name.replace('|', ' or ')} | {key.default} | {flag} | `{key.env}` | {key.help} |"


def _limits() -> Iterator[str]:
    """From the source of the table itself, whose comments say what a name does not."""
    yield from ("| limit | default | |", "|---|---|---|")
    for line in inspect.getsource(limits.Limits).splitlines():
        if section := _SECTION.fullmatch(line):
            yield f"| **{section[1]}** | | |"
        elif found := _FIELD.fullmatch(line):
            yield f"| `{found[1]}` | {LIMITS[found[1]]:,} | {found[3] or ''} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {"keys": _keys, "limits": _limits}
PAGES = ("configuration.md",)


def current(page: str) -> str:
    """The page as it is to be. Raises KeyError for a table that there is not."""
    return _TABLE.sub(lambda found: "\n".join([found[1], *TABLES[found[2]](), found[3]]), page)


def main() -> None:
    for name in PAGES:
        path = HERE / name
        path.write_text(current(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
