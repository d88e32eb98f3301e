"""Runs `qnpc` as a shell would: its own process, its own streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PIN = "ab" * 32
LINK = f"qnpc://127.0.0.1:9/{PIN}"
"""A well-formed link to a port where nobody answers."""


def qnpc(
    *arguments: str, stdin: bytes = b"", home: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Without a terminal. QNPC_* of the surrounding environment do not reach it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QNPC_")}
    if home is not None:
        environment["HOME"] = str(home)
    return subprocess.run(
        [sys.executable, "-m", "qnpc", *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        env={**inherited, **environment},
    )
