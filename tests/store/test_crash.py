"""Killed at any moment, a store has every acknowledged entry, once.

The child process is `tests/store/appender.py`; what it printed was acknowledged.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.store.backends import Backend, Scene

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
LINES = 100


def run_and_kill(backend: Backend, run: int) -> list[tuple[int, bytes]]:
    """What the child was told to be durable before it died."""
    command = [sys.executable, "-m", "tests.store.appender", str(backend.folder), str(run)]
    assert not isinstance(backend.key, str)
    command += [] if backend.key is None else [backend.key.hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(LINES)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    whole = [line.split() for line in lines if line.endswith(b"\n")]
    return [(int(seq), text) for seq, text in whole]


def test_kill_nine_loses_nothing_that_was_acknowledged(backend: Backend) -> None:
    scene = Scene(backend.open())
    (_, bob) = scene.register("alice", "bob")
    scene.store.close()
    acknowledged: list[tuple[int, bytes]] = []
    for run in range(ROUNDS):
        acknowledged += run_and_kill(backend, run)
        scene = Scene(backend.open())
        stored = scene.texts(bob.device)
        assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1))
        assert len({text for _, text in stored}) == len(stored)
        assert set(acknowledged) <= set(stored)
        # What was committed without a word of it is found by its id.
        last = scene.append("alice", bob.device, stored[-1][1].decode())
        again = scene.do(last)
        assert (again.seq, again.fresh) == (len(stored), False)
        scene.store.close()
    assert len(acknowledged) >= ROUNDS * LINES
