"""`bench crypto` and `bench mls`: the core beside its peers, as a table that grows, or as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qnpc.cli.options import JsonOption
from qnpc.cli.output import Output
from qnpc.errors import Code, Error, Exit

if TYPE_CHECKING:
    from rich.console import Console

    from qnpc.benchmarks.core.race import Result
    from qnpc.ports import Ports

SaveOption = Annotated[
    Path | None, typer.Option("--save", metavar="FILE", help="Write the report to a file, for --compare.")
]
CompareOption = Annotated[
    Path | None,
    typer.Option("--compare", metavar="FILE", help="Show each row beside the one of an earlier report."),
]
PlotOption = Annotated[Path | None, typer.Option("--plot", metavar="FILE.svg", help="Draw the ratios.")]


@dataclasses.dataclass(frozen=True, slots=True)
class Wishes:
    as_json: bool
    save: Path | None
    compare: Path | None
    plot: Path | None


def crypto(
    as_json: JsonOption = False,
    save: SaveOption = None,
    compare: CompareOption = None,
    plot: PlotOption = None,
) -> int:
    """Ciphers, hashes, signatures, key exchange and passwords, each beside every peer that is installed."""

    def results(ports: Ports, _progress: Progress) -> Iterator[Result]:
        from qnpc.benchmarks.core import runs

        return runs.crypto(ports)

    return _run("crypto", results, Wishes(as_json, save, compare, plot))


def mls(
    members: Annotated[
        str, typer.Option("--members", metavar="N,...", help="Sizes of the groups.")
    ] = "2,50,200,500,1000",
    as_json: JsonOption = False,
    save: SaveOption = None,
    compare: CompareOption = None,
    plot: PlotOption = None,
) -> int:
    """Groups of several sizes under both suites, beside rine-mls if it is installed. Takes minutes: large groups have to come about."""
    sizes = _sizes(members)

    def results(ports: Ports, progress: Progress) -> Iterator[Result]:
        from qnpc import _core
        from qnpc.benchmarks.core import runs

        return runs.mls(ports, sizes, _core.SUITES, progress.preparing)

    return _run("mls", results, Wishes(as_json, save, compare, plot))


class Progress:
    """One line on standard error that says what goes on, for people alone."""

    def __init__(self, console: Console | None) -> None:
        self._status = console.status("") if console is not None else None

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def preparing(self, what: str, missing: int) -> None:
        self._say(f"{what}: {missing} members still have to join")

    def done(self, result: Result) -> None:
        self._say(f"after {result.name}")

    def _say(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text)


def _run(name: str, results: Any, wishes: Wishes) -> int:
    from rich.console import Console

    from qnpc.benchmarks.core import report
    from qnpc.ports import Ports

    before = report.load(wishes.compare) if wishes.compare is not None else {}
    ports = Ports()
    done: list[Result] = []
    try:
        with Progress(None if wishes.as_json else Console(stderr=True)) as progress:
            for result in results(ports, progress):
                done.append(result)
                progress.done(result)
    finally:
        ports.close()
    rows = [_row(result, before) for result in done]
    whole = {"v": 1, "kind": "bench", "bench": name, "rows": rows, **report.summary(done)}
    whole |= report.surroundings()
    if wishes.save is not None:
        report.save(wishes.save, whole)
    if wishes.plot is not None:
        report.plot(wishes.plot, f"qnpc bench {name}: times as fast as the best peer", rows)
    if wishes.as_json:
        Output(True).emit(whole)
    else:
        _table(Console(), whole)
    return Exit.DONE


def _row(result: Result, before: dict[str, float]) -> dict[str, object]:
    row = result.row()
    if result.name in before:
        row["before_us"] = before[result.name]
    return row


def _table(console: Console, whole: dict[str, Any]) -> None:
    from rich.table import Table

    rows = whole["rows"]
    names = list(dict.fromkeys(name for row in rows for name in row["peers"]))
    compared = any("before_us" in row for row in rows)
    table = Table(box=None, pad_edge=False)
    table.add_column("microseconds", no_wrap=True)
    for title in ("qnpc", *(["before"] if compared else []), *names, "ratio"):
        table.add_column(title, justify="right")
    for row in rows:
        ratio = row["ratio"]
        cells = [f"{row['ours_us']:.2f}"]
        if compared:
            cells.append(f"{row['before_us']:.2f}" if "before_us" in row else "")
        cells += [f"{row['peers'][name]:.2f}" if name in row["peers"] else "" for name in names]
        cells.append("" if ratio is None else f"{ratio:.2f}")
        table.add_row(row["name"], *cells, style=None if ratio is None or ratio >= 1 else "red")
    console.print(table)
    missing = [name for name, found in whole["versions"].items() if found is None]
    console.print(f"won: {whole['won']}, lost: {len(whole['lost'])}")
    if missing:
        console.print(f"not installed: {', '.join(missing)} (pip install 'qnpc\\[bench]')")


def _sizes(text: str) -> list[int]:
    """Raises Error(USAGE)."""
    try:
        sizes = [int(word) for word in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(2 <= size <= 1000 for size in sizes):
        raise Error(Code.USAGE, f"{text!r} is not a list of sizes from 2 to 1000, such as 2,50")
    return sizes
