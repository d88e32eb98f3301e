from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Template:
    path: Path
    listen: str


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """alice, bob and carol in the group `friends`, by commands alone; everything stopped."""
    made = Deployment(tmp_path_factory.mktemp("friends"))
    made.start()
    try:
        link = made.link(3)
        for name in ("alice", "bob", "carol"):
            made.register(name, link)
        made.run("alice", "create-group", "friends")
        made.run("alice", "invite", "friends", "bob", "carol")
        for name in ("bob", "carol"):
            made.run(name, "join", "friends")
    finally:
        made.close()
    return Template(made.path, made.listen)


@pytest.fixture
def friends(template: Template, tmp_path: Path) -> Iterator[Deployment]:
    """A copy of the template with its node running, at the address that the profiles know."""
    shutil.copytree(template.path, tmp_path, dirs_exist_ok=True)
    made = Deployment(tmp_path)
    made.listen = template.listen
    made.start()
    yield made
    made.close()
