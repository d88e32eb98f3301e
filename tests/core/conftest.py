"""What tests of the core share."""

from __future__ import annotations

import pytest

from qnpc._core import SUITES


@pytest.fixture(params=SUITES, ids=["classical", "hybrid"])
def suite(request: pytest.FixtureRequest) -> int:
    code: int = request.param
    return code
