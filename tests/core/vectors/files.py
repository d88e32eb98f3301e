"""Reads vector files. Their sources, licences and what each result means stand in the README beside them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "vectors"


def text(name: str) -> str:
    data = (VECTORS / name).read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode()


def wycheproof(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(group, case) of a Wycheproof file, as many as the file says that it has."""
    file = json.loads(text(name))
    cases = [(group, case) for group in file["testGroups"] for case in group["tests"]]
    assert len(cases) == file["numberOfTests"]
    return iter(cases)


def cctv(name: str) -> dict[str, bytes]:
    """The values that enter and leave; each intermediate one has a line of its own, often not in hexadecimal."""
    lines = (line.split(" = ", 1) for line in text(name).splitlines())
    found: dict[str, bytes] = {}
    for key, value in lines:
        if key in {"d", "z", "ek", "dk", "m", "K", "c"}:
            assert key not in found
            found[key] = bytes.fromhex(value)
    return found
