"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qnpc.ports import Ports


@pytest.fixture
def ports() -> Iterator[Ports]:
    """The real clock, randomness, sockets and threads of this machine; the threads end with the test."""
    real = Ports()
    yield real
    real.close()
