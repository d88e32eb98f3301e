"""Results as people, files and plots have them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from qnpc.benchmarks.core import peers
from qnpc.benchmarks.core.race import Result
from qnpc.benchmarks.report import cores
from qnpc.errors import Code, Error

Rows = Sequence[Mapping[str, Any]]


def surroundings() -> dict[str, object]:
    return {
        "cores": cores(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": {"qnpc": version("qnpc"), "python": platform.python_version(), **peers.versions()},
        "system": f"{platform.system()} {platform.machine()}",
    }


def summary(results: Iterable[Result]) -> dict[str, object]:
    """How many rows were won, and which were lost."""
    ratios = {result.name: result.ratio for result in results if result.ratio is not None}
    lost = [name for name, ratio in ratios.items() if ratio < 1]
    return {"won": len(ratios) - len(lost), "lost": lost}


def load(path: Path) -> dict[str, float]:
    """Our times by row, of a report that `--save` wrote. Raises Error(USAGE)."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return {str(row["name"]): float(row["ours_us"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Error(Code.USAGE, f"{path} is no report of a benchmark") from error


def save(path: Path, report: Mapping[str, object]) -> None:
    """Raises Error(USAGE)."""
    _write(path, json.dumps(report, indent=1) + "\n")


def plot(path: Path, title: str, rows: Rows) -> None:
    """An SVG: for each row with a peer a bar, how many times as fast as the best peer; the line is where both are equal. Raises
    Error(USAGE)."""
    _write(path, svg(title, [row for row in rows if row["ratio"] is not None]))


_LEFT, _WIDTH, _LINE, _TOP = 260, 420, 18, 48
_MOST = 8.0
"""Times as fast; a longer bar is cut, and its figure says how long it would be."""


def svg(title: str, rows: Rows) -> str:
    height = _TOP + _LINE * len(rows) + 16
    equal = _LEFT + _WIDTH / _MOST
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 80}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="8" y="18" font-size="14">{escape(title)}</text>',
        f'<text x="{equal:.0f}" y="36" text-anchor="middle" fill="#666">as fast as the best peer</text>',
    ]
    for number, row in enumerate(rows):
        y, ratio = _TOP + _LINE * number, float(row["ratio"])
        width = _WIDTH * min(ratio, _MOST) / _MOST
        colour = "#2a7f62" if ratio >= 1 else "#b5402a"
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(str(row["name"]))}</text>',
            f'<rect x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="12" fill="{colour}"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 11}">{ratio:.2f}</text>',
        ]
    parts += [
        f'<line x1="{equal:.1f}" x2="{equal:.1f}" y1="{_TOP - 6}" y2="{height - 12}" stroke="#666"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Error(Code.USAGE, f"cannot write {path}: {error.strerror}") from error
