from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from qnpc.ports import Ports
from tests.support.world import World, world


@pytest.fixture
async def there(tmp_path: Path, ports: Ports) -> AsyncIterator[World]:
    """A running node, and nobody yet."""
    async with world(tmp_path, ports) as made:
        yield made
