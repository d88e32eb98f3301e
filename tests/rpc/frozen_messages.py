"""The messages that are frozen as bytes: every kind that is sent or understood, and each method of node.capnp in both directions.

Values are fixed and each is another, so that two fields that change places are seen. `python -m tests.rpc.frozen_messages` writes the
files anew, which is right only after a change of the wire that is meant.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qnpc import wire
from qnpc.rpc import Served, StructCodec, build
from qnpc.rpc.messages import Descriptor, Target
from qnpc.rpc.schema import new_message

FOLDER = Path(__file__).with_name("frozen")

INTERFACES: dict[str, Any] = {
    "Node": wire.NODE,
    "Registration": wire.REGISTRATION,
    "Login": wire.LOGIN,
    "Enrol": wire.ENROL,
    "Proof": wire.PROOF,
    "Session": wire.SESSION,
    "Group": wire.GROUP,
    "Sink": wire.SINK,
}


class Anything(Served):
    async def dispatch(self, method: Any, params: Any) -> Any:
        raise NotImplementedError


HOSTED = Anything()
"""Stands for every capability."""


def value(codec: StructCodec[Any]) -> Any:
    return _value(codec.cls, itertools.count(1))


def _value(hint: Any, numbers: Iterator[int]) -> Any:
    if typing.get_origin(hint) is tuple:
        element = typing.get_args(hint)[0]
        return (_value(element, numbers), _value(element, numbers))
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{name: _value(one, numbers) for name, one in hints.items()})  # type: ignore[operator]
    number = next(numbers)
    plain = {bool: True, int: 1000 + number, str: f"text {number}", bytes: b"bytes %d" % number}
    return plain.get(hint, HOSTED)


def table(codec: StructCodec[Any]) -> list[Descriptor]:
    return [Descriptor("senderHosted", 40 + place) for place, _ in enumerate(codec.capabilities)]


def params(method: Any) -> bytes:
    codec = method.params
    return build.call(7, Target(3), method.key, codec, value(codec), table(codec))


def results(method: Any) -> bytes:
    codec = method.results
    if codec.empty:
        return build.return_empty(7)
    caps = table(codec)
    return build.return_results(7, codec, value(codec), caps, no_finish=not caps)


def methods() -> dict[str, Any]:
    return {
        f"{name}.{method.name}": method for name, one in INTERFACES.items() for method in one.table.values()
    }


def resolve(kind: str) -> bytes:
    root = new_message()
    message = root.init("resolve")
    message.promiseId = 5
    if kind == "cap":
        message.init("cap").senderHosted = 6
    else:
        message.init("exception").reason = "E013 NOT_FOUND: gone"
    return bytes(root.to_bytes())


def loopback() -> bytes:
    root = new_message()
    message = root.init("disembargo")
    message.context.senderLoopback = 9
    message.init("target").init("promisedAnswer").questionId = 7
    return bytes(root.to_bytes())


KINDS: dict[str, bytes] = {
    "bootstrap": build.bootstrap(7),
    "call-on-promise": build.call(
        8, Target(7, (0, 2)), wire.NODE.health.key, wire.NODE.health.params, wire.Empty(), ()
    ),
    "return-bootstrap": build.return_bootstrap(7, 4),
    "return-empty": build.return_empty(7),
    "return-canceled": build.return_canceled(7),
    "return-exception": build.return_exception(7, "E013 NOT_FOUND: no such thing retry_after=12", "failed"),
    "return-unimplemented": build.return_exception(
        7, "E002 UNSUPPORTED_VERSION: this method is not known here", "unimplemented"
    ),
    "finish-keeping": build.finish_keeping(7),
    "finish-releasing": build.finish_releasing(7),
    "release": build.release(4, 2),
    "abort": build.abort("E026 TOO_MANY_CALLS: too many calls are in flight"),
    "unimplemented": build.unimplemented(build.bootstrap(7)),
    "disembargo-asked": loopback(),
    "disembargo-echo": build.disembargo(4, 9),
    "resolve-cap": resolve("cap"),
    "resolve-exception": resolve("exception"),
}


def frozen() -> dict[str, bytes]:
    """What this package makes today, by file name."""
    made = {f"{name}.bin": message for name, message in KINDS.items()}
    for name, method in methods().items():
        made[f"{name}.params.bin"] = params(method)
        made[f"{name}.results.bin"] = results(method)
    return made


if __name__ == "__main__":
    for file, message in frozen().items():
        (FOLDER / file).write_bytes(message)
