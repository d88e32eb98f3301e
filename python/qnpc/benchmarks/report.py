"""What a benchmark says beside its figures: where and with what it ran. And the arithmetic that all of them share."""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from qnpc.ports import Ports
from qnpc.rpc.schema import RPC

_BUSY = 0.85
"""The share of one core from which a Python process counts as busy: the rest goes to waking up."""

_READS = 200
_ROUNDS = 25
"""Of so many: few enough to fit between two interruptions, and often enough that some do."""

_SYNCS = 50
_BLOCK = 4096


def cpu_seconds() -> float:
    """User and system time of this process so far, all threads."""
    times = os.times()
    return times.user + times.system


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so much of the whole does not exceed (nearest rank). `ordered` ascends; empty: 0."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def bottleneck(node_share: float, load_share: float) -> str:
    """Which process was busy, by the share of one core that each used: "node", "load", "both" or, when both waited, "neither"."""
    busy = [name for name, share in (("node", node_share), ("load", load_share)) if share >= _BUSY]
    return "both" if len(busy) == 2 else busy[0] if busy else "neither"


def surroundings(ports: Ports, directory: Path) -> dict[str, object]:
    """Versions, cores, what else this machine had to do in the last minute, and what the store of a node in `directory` lies on.

    Takes a moment: not while anything is measured."""
    return {
        "store": f"sqlite, synchronous=FULL, on {filesystem(directory)}",
        "fsync_ms": fsync_ms(ports, directory),
        "reading_us": reading_us(ports),
        "cores": cores(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": {
            "qnpc": version("qnpc"),
            "python": platform.python_version(),
            "aioquic": version("aioquic"),
            "pycapnp": version("pycapnp"),
            "sqlite": sqlite3.sqlite_version,
            "system": f"{platform.system()} {platform.machine()}",
        },
    }


def reading_us(ports: Ports) -> float:
    """What the interpreter and pycapnp take to read a Return, the median. Nothing of ours is in it: the CPU times of two machines, or of
    two days on one that is shared, are held against each other by it.
    """
    root = RPC.Message.new_message()
    root.init("return").init("results").content = RPC.Call.new_message(questionId=5)
    message = root.to_bytes()
    taken = []
    for _ in range(_ROUNDS):
        began = ports.clock.monotonic()
        for _ in range(_READS):
            with RPC.Message.from_bytes(message) as read:
                returned = getattr(read, read.which())
                _ = (
                    returned.answerId,
                    returned.which(),
                    returned.results.content.as_struct(RPC.Call).questionId,
                )
        taken.append((ports.clock.monotonic() - began) / _READS)
    return round(quantile(sorted(taken), 0.5) * 1e6, 2)


def fsync_ms(ports: Ports, directory: Path) -> float:
    """What it takes to make one block durable there, the median of some: below this no message is acknowledged."""
    taken = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(_SYNCS):
            began = ports.clock.monotonic()
            file.write(bytes(_BLOCK))
            os.fsync(file.fileno())
            taken.append(ports.clock.monotonic() - began)
    return milliseconds(quantile(sorted(taken), 0.5))


def cores() -> int:
    """How many this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return (os.cpu_count() or 1) if affinity is None else len(affinity(0))


def filesystem(directory: Path) -> str:
    """The type of the file system of `directory`: on tmpfs, durable is only a word."""
    best, kind = "", "unknown"
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return kind
    resolved = directory.resolve()
    for line in mounts.splitlines():
        _, point, found, *_ = line.split(" ")
        if resolved.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind
