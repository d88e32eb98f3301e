"""The one message that is recognised by its bytes means what it means when it is read like any other."""

from __future__ import annotations

from typing import Any

import pytest

from qnpc.limits import DEFAULT
from qnpc.rpc import RemoteProtocolError, StructCodec, build, messages
from qnpc.rpc.payload import Received
from qnpc.wire import SESSION, SINK

IDS = [0, 1, 63, 0xFFFF, 0x12345678, 0xFFFFFFFF]


def _parsed(message: bytes) -> messages.Return:
    parsed = messages.parse(message, DEFAULT)
    assert isinstance(parsed, messages.Return)
    return parsed


@pytest.mark.parametrize("answer", IDS)
def test_it_is_recognised_and_means_the_same(answer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    message = build.return_empty(answer)
    quick = _parsed(message)
    monkeypatch.setattr(messages, "_BARE_BYTES", -1)
    slow = _parsed(message)
    assert quick.payload is not None
    assert slow.payload is not None
    assert (quick.payload.content, slow.payload.content is None) == (None, False)
    for name in ("answer", "kind", "release_params", "no_finish", "reason", "type"):
        assert getattr(quick, name) == getattr(slow, name), name
    assert quick.payload.table == slow.payload.table
    assert quick.payload.sole_capability() == slow.payload.sole_capability()
    codecs: tuple[StructCodec[Any], ...] = (
        SINK.deliver.results,
        SESSION.enqueue.results,
        SESSION.fetch_key_packages.results,
    )
    for codec in codecs:
        values = [Received(one, []).read(codec) for one in (quick.payload, slow.payload)]
        assert values[0] == values[1]


def test_nothing_else_is_taken_for_it() -> None:
    """A message that differs in one bit outside of the id is read in full, or refused."""
    message = build.return_empty(0)
    ids = [at for at in range(len(message)) if build.return_empty(0xFFFFFFFF)[at] != message[at]]
    assert len(ids) == 4
    for at in range(len(message)):
        for bit in range(8):
            changed = bytearray(message)
            changed[at] ^= 1 << bit
            try:
                parsed = messages.parse(bytes(changed), DEFAULT)
            except RemoteProtocolError:
                assert at not in ids
                continue
            bare = (
                isinstance(parsed, messages.Return)
                and parsed.payload is not None
                and parsed.payload.content is None
            )
            assert bare == (at in ids), (at, bit)
