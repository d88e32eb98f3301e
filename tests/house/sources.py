"""Reads the repository's own sources for the tests of the house: which files there are, and what each of them imports.

A module's imports are what its syntax tree says, at any depth and also under `if TYPE_CHECKING`, and every string that is the exact
name of one of our modules: that is how modules are loaded lazily. Nothing is executed.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "qnpc"


def module_name(path: Path, package: Path = PACKAGE) -> str:
    parts = [package.name, *path.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every Python module of the package by its dotted name."""
    return {module_name(path, package): path for path in sorted(package.rglob("*.py"))}


def imports(name: str, source: str, *, is_package: bool, known: frozenset[str]) -> dict[str, int]:
    """What the module `name` imports, each with the line that first says so.

    `from qnpc import client` and `from . import client` are imports of `qnpc.client` where that is among the `known` modules.
    """
    found: dict[str, int] = {}

    def note(target: str, line: int) -> None:
        found.setdefault(target, line)

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    note(alias.name, node.lineno)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = _absolute(name, module, level, is_package=is_package)
                for alias in names:
                    inner = f"{base}.{alias.name}"
                    note(inner if inner in known else base, node.lineno)
            case ast.Constant(value=str() as text) if text in known and text != "qnpc":
                note(text, node.lineno)
    return found


def _absolute(name: str, module: str | None, level: int, *, is_package: bool) -> str:
    if level == 0:
        return module or ""
    parts = name.split(".")
    parts = parts[: len(parts) - level + (1 if is_package else 0)]
    return ".".join([*parts, *([module] if module else [])])


def room(module: str) -> str:
    """The part of the house a module of ours stands in: `qnpc.node.store.sqlite` -> `node`; the package itself is `qnpc`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "qnpc"
