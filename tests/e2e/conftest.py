from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A running node, stopped at the end."""
    made = Deployment(tmp_path)
    made.start()
    yield made
    made.close()


@pytest.fixture
def friends(deployment: Deployment) -> Deployment:
    """alice, bob and carol in the group `friends`, by commands alone."""
    link = deployment.link(3)
    for name in ("alice", "bob", "carol"):
        deployment.register(name, link)
    deployment.run("alice", "create-group", "friends")
    deployment.run("alice", "invite", "friends", "bob", "carol")
    for name in ("bob", "carol"):
        deployment.run(name, "join", "friends")
    return deployment
