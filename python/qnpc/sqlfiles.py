"""SQL as files that can be read whole: named statements and numbered migrations.

A file holds statements, each after a line `-- name: NAME`. Nothing is built from pieces; a missing or doubled name fails at import.
"""

from __future__ import annotations

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def statements(package: str, folder: str) -> dict[str, str]:
    """name -> SQL of all *.sql files in `folder` of `package`. Raises ValueError for a doubled name or text before the first."""
    found: dict[str, str] = {}
    for entry in sorted(resources.files(package).joinpath(folder).iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        head, *parts = _NAME.split(entry.read_text("utf-8"))
        if re.sub(r"--.*", "", head).strip():
            raise ValueError(f"{entry.name}: SQL before the first name")
        for name, sql in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{entry.name}: {name} is there already")
            found[name] = sql.strip()
    return found


def migrations(package: str, folder: str) -> list[tuple[int, str]]:
    """(number, script), ascending, from files named like 0001_first.sql. Raises ValueError for a gap."""
    scripts = [
        (int(entry.name.split("_", 1)[0]), entry.read_text("utf-8"))
        for entry in resources.files(package).joinpath(folder).iterdir()
        if entry.name.endswith(".sql")
    ]
    scripts.sort()
    if [number for number, _ in scripts] != list(range(1, len(scripts) + 1)):
        raise ValueError(f"{package}/{folder}: the migrations are not numbered from 1 without a gap")
    return scripts
