"""The wire is frozen: what older clients and nodes sent is understood, and what we send is what they understood, to the byte."""

from __future__ import annotations

from typing import Any

import pytest

from qnpc.limits import DEFAULT
from qnpc.rpc import StructCodec, messages
from qnpc.rpc.messages import Call, Descriptor, Return, Target, parse
from tests.rpc.frozen_messages import FOLDER, HOSTED, KINDS, frozen, methods, table, value

METHODS = methods()


def stored(name: str) -> bytes:
    return (FOLDER / f"{name}.bin").read_bytes()


def test_every_message_has_its_file_and_no_file_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.bin")} == set(frozen())
    assert len(KINDS) == 16


@pytest.mark.parametrize("name", sorted(frozen()))
def test_what_is_sent_is_what_was_frozen(name: str) -> None:
    assert frozen()[name] == (FOLDER / name).read_bytes()


def read(payload: messages.Payload | None, codec: StructCodec[Any]) -> Any:
    """The value, its capabilities checked."""
    assert payload is not None
    assert list(payload.table) == table(codec)
    if codec.capabilities:
        view = payload.view()
        assert view is not None
        assert [view.capability(index) for _, index in codec.capabilities] == list(
            range(len(codec.capabilities))
        )
    return codec.read(payload.read(codec.schema), {name: HOSTED for name, _ in codec.capabilities})


@pytest.mark.parametrize("name", sorted(METHODS))
def test_frozen_parameters_and_results_are_understood(name: str) -> None:
    method = METHODS[name]
    call = parse(stored(f"{name}.params"), DEFAULT)
    assert isinstance(call, Call)
    assert (call.question, call.target, call.to_caller) == (7, Target(3), True)
    assert (call.interface_id, call.method_id) == method.key
    assert read(call.payload, method.params) == value(method.params)
    answer = parse(stored(f"{name}.results"), DEFAULT)
    assert isinstance(answer, Return)
    assert (answer.answer, answer.kind, answer.release_params) == (7, "results", False)
    assert answer.no_finish is not bool(method.results.capabilities)
    assert read(answer.payload, method.results) == value(method.results)


UNDERSTOOD: dict[str, Any] = {
    "bootstrap": messages.Bootstrap(7),
    "return-canceled": Return(7, "canceled", False, False),
    "return-exception": Return(
        7, "exception", False, False, reason="E013 NOT_FOUND: no such thing retry_after=12", type="failed"
    ),
    "return-unimplemented": Return(
        7,
        "exception",
        False,
        False,
        reason="E002 UNSUPPORTED_VERSION: this method is not known here",
        type="unimplemented",
    ),
    "finish-keeping": messages.Finish(7, False),
    "finish-releasing": messages.Finish(7, True),
    "release": messages.Release(4, 2),
    "abort": messages.Abort("E026 TOO_MANY_CALLS: too many calls are in flight"),
    "unimplemented": messages.Unimplemented("bootstrap", 7),
    "disembargo-asked": messages.Disembargo(Target(7, ()), "senderLoopback", 9),
    "disembargo-echo": messages.Disembargo(Target(4), "receiverLoopback", 9),
    "resolve-cap": messages.Resolve(Descriptor("senderHosted", 6)),
    "resolve-exception": messages.Resolve(None),
}


@pytest.mark.parametrize("name", sorted(UNDERSTOOD))
def test_a_frozen_message_is_understood(name: str) -> None:
    assert parse(stored(name), DEFAULT) == UNDERSTOOD[name]


def test_frozen_messages_with_a_payload_are_understood() -> None:
    call = parse(stored("call-on-promise"), DEFAULT)
    assert isinstance(call, Call)
    assert (call.question, call.target) == (8, Target(7, (0, 2)))
    answer = parse(stored("return-bootstrap"), DEFAULT)
    assert isinstance(answer, Return)
    assert answer.payload is not None
    assert answer.payload.table == (Descriptor("senderHosted", 4),)
    assert answer.payload.sole_capability() == 0
    empty = parse(stored("return-empty"), DEFAULT)
    assert isinstance(empty, Return)
    assert (empty.answer, empty.kind, empty.no_finish) == (7, "results", True)
    assert set(KINDS) == {*UNDERSTOOD, "call-on-promise", "return-bootstrap", "return-empty"}
