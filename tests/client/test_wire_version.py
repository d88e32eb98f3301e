"""A node that speaks another version of the wire: whoever talks to it is told to upgrade, at once and once."""

from __future__ import annotations

from pathlib import Path

import pytest

from qnpc.errors import Code, Error
from qnpc.ports import Ports
from tests.support.world import world

NEWER = "qnpc.node.health.WIRE_VERSION"
"""What the node says of itself. A client compares with its own."""


async def test_a_client_of_another_version_stops_and_says_why(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, ports) as here:
        await here.register("alice")
        monkeypatch.setattr(NEWER, 2)
        alice = await here.open("alice")
        with pytest.raises(Error, match="another version") as refused:
            await alice.online(20.0)
        assert refused.value.kind is Code.UNSUPPORTED_VERSION
        assert alice._connector._fatal is refused.value, "it is not tried again"


async def test_nobody_registers_with_a_node_of_another_version(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NEWER, 2)
    async with world(tmp_path, ports) as here:
        with pytest.raises(Error) as refused:
            await here.register("alice")
        assert refused.value.kind is Code.UNSUPPORTED_VERSION
        assert not list((tmp_path / "alice").glob("*")), "nothing is left behind"
