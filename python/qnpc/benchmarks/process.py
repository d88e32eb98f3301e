"""The node process of a benchmark, as the one who started it sees it."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnpc.errors import Code, Error
from qnpc.link import split_address
from qnpc.ports import Address

MODULE = "qnpc.benchmarks.node"


@dataclass(frozen=True, slots=True)
class NodeProcess:
    """A node that listens on the loopback, serving `data_dir`."""

    data_dir: Path
    address: Address
    pin: bytes
    _process: Process

    async def cpu_seconds(self) -> float:
        """User and system time that it has used so far. Raises Error(INTERNAL) if it is gone."""
        return float((await _ask(self._process, {}))["cpu_s"])


@asynccontextmanager
async def node_process(data_dir: Path, limits: Mapping[str, float]) -> AsyncIterator[NodeProcess]:
    """Runs until the context ends. `limits` are those that differ from the defaults. Raises Error(INTERNAL)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", MODULE, stdin=PIPE, stdout=PIPE, stderr=None
    )
    try:
        said = await _ask(process, {"data_dir": str(data_dir), "limits": dict(limits)})
        address = split_address(said["listen"])
        yield NodeProcess(data_dir, address, bytes.fromhex(said["pin"]), process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _ask(process: Process, line: dict[str, Any]) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise Error(Code.INTERNAL)
    process.stdin.write(json.dumps(line).encode() + b"\n")
    answer = await process.stdout.readline()
    if not answer:
        raise Error(Code.INTERNAL, "the benchmark's node ended")
    said: dict[str, Any] = json.loads(answer)
    return said
