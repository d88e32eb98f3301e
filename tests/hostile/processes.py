"""Processes beside the harness, so that none shares an interpreter with another: each does what it is told, line by line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import qnpc
from tests.support.processes import DEADLINE, environment

PLAIN = {"PYTHONDEVMODE": ""}
"""As a user's interpreter: development mode has an allocator of its own, and is slow. The node has it too."""

TESTS = Path(__file__).parents[2]
OURS = Path(qnpc.__file__).parents[1]
"""Where the processes find the tests, and the same package that the harness runs."""


class Helper:
    """One of them: a module that calls `obey`, with its arguments."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment() | PLAIN | {"PYTHONPATH": f"{TESTS}:{OURS}"},
            cwd=TESTS,
        )

    async def do(self, *command: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, command)) + "\n")
        self._process.stdin.flush()
        async with asyncio.timeout(DEADLINE):
            line = await asyncio.get_running_loop().run_in_executor(None, self._process.stdout.readline)
        assert line, f"{self._module} died"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


async def obey(who: object) -> None:
    """In the process: each line of stdin is a method of `who` and what it gets; its answer is a line of stdout."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, *arguments = line.split()
        answer = await getattr(who, command)(*arguments)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
