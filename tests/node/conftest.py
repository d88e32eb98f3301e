"""A node to visit. Whatever a test does to it, it may not fail inside, nor answer with a code that its table does not name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from qnpc.limits import Limits
from qnpc.ports import Ports
from tests.node.rig import Rig, rig

INSIDE = {"answer.unlisted", "a call failed inside", "push.failed", "an object failed when released"}


@pytest.fixture
def limits() -> Limits:
    """Overridden where a test needs others."""
    return Limits()


@pytest.fixture
async def node(tmp_path: Path, ports: Ports, limits: Limits) -> AsyncIterator[Rig]:
    with structlog.testing.capture_logs() as logs:
        async with rig(tmp_path, ports, limits) as made:
            yield made
    assert [line for line in logs if line["event"] in INSIDE] == []
