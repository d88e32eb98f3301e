"""State that an earlier build wrote: whoever upgrades is still in their groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qnpc._core import Application, Change, Device, Group, MlsStore

VECTORS = Path(__file__).parents[1] / "vectors" / "mls"


@pytest.mark.parametrize("suite", ["classical", "hybrid"])
@pytest.mark.parametrize("file", ["store_v1.json", "store_v2.json"])
def test_rows_of_every_format_still_work(file: str, suite: str) -> None:
    stored: dict[str, Any] = json.loads((VECTORS / file).read_bytes())[suite]

    def field(name: str) -> bytes:
        return bytes.fromhex(stored[name])

    store = MlsStore()
    store.load([(bytes.fromhex(s), bytes.fromhex(k), bytes.fromhex(v)) for s, k, v in stored["rows"]])
    group = Group.load(store, Device.from_secret(field("device")), field("group"))
    assert group is not None
    assert (group.suite, group.epoch, group.pending) == (stored["suite"], 2, True)
    assert [member.username for member in group.members()] == ["alice", "bob"]

    for name, text in (("late", b"from the epoch before"), ("fresh", b"of this epoch")):
        read = group.process(field(name))
        assert isinstance(read, Application)
        assert (read.plaintext, read.sender.username) == (text, "alice")
    change = group.process(field("commit"))
    assert isinstance(change, Change)
    group.merge(change)
    assert (group.epoch, group.pending) == (3, False)
    assert group.epoch_authenticator() == field("epoch_authenticator")
    group.encrypt(b"and on", bytes(16))
