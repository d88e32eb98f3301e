"""`python -m qnpc.benchmarks.node`: the node process of a benchmark. It is what `qnpc serve` runs, with limits raised, and it tells what
CPU time it has used.

One JSON object a line. It is told `{"data_dir": ..., "limits": {name: value}}`, answers `{"listen": ..., "pin": ...}` once it listens, and
`{"cpu_s": ...}` to every further line. It stops when its input ends, so it never outlives whoever started it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

import structlog

from qnpc.benchmarks.report import cpu_seconds
from qnpc.limits import DEFAULT
from qnpc.link import join_address
from qnpc.node import interpreter
from qnpc.node.app import NodeApp
from qnpc.node.settings import NodeSettings
from qnpc.ports import Ports


async def serve(ports: Ports) -> None:
    lines = asyncio.StreamReader()
    reading, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        order = json.loads(await lines.readline())
        limits = replace(DEFAULT, **order["limits"])
        node = NodeApp(NodeSettings(("127.0.0.1", 0), Path(order["data_dir"]), limits=limits), ports)
        await node.start()
        interpreter.share()
        collecting = asyncio.create_task(interpreter.collect_when_quiet(ports.clock))
        try:
            _say({"listen": join_address(*node.address), "pin": node.pin.hex()})
            while await lines.readline():
                _say({"cpu_s": cpu_seconds()})
        finally:
            collecting.cancel()
            await node.stop()
    finally:
        reading.close()


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    structlog.configure(  # standard output is spoken for
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    ports = Ports()
    try:
        asyncio.run(serve(ports))
    finally:
        ports.close()


if __name__ == "__main__":
    main()
