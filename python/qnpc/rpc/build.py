"""The messages of rpc.capnp as bytes: one function per message that this side sends.

Messages without a payload are templates, built once at import, in which a few numbers are patched: ten times faster. Capability
pointers are patched into payloads after they are built (pointers.py). Nothing is decided here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qnpc.rpc.codec import StructCodec
from qnpc.rpc.messages import (
    CALL,
    CONTENT,
    MESSAGE,
    PARAMS_PATH,
    PAYLOAD,
    RESULTS_PATH,
    RETURN,
    Descriptor,
    Target,
)
from qnpc.rpc.pointers import descend, patch_capability
from qnpc.rpc.schema import RPC, Builder, get_field, init_field, new_message, segments, set_field

_U32 = struct.Struct("<I")


def _position(message: bytes, path: tuple[int, ...], module: Any, name: str) -> int:
    """Where the UInt32 field `name` of the struct at `path` stands."""
    view = descend(message, *path)
    if view is None:
        raise ValueError("the message has no such struct")
    return view.data + 4 * int(module.schema.fields[name].proto.slot.offset)


def _template(kind: str, module: Any, fill: Callable[[Builder], object], *names: str) -> Callable[..., bytes]:
    """A message `kind` filled once; the function given back patches the UInt32 fields `names`."""
    root = new_message()
    fill(root.init(kind))
    message = root.to_bytes()
    path = (MESSAGE[kind].proto.slot.offset,)
    positions = [_position(message, path, module, name) for name in names]

    def patched(*values: int) -> bytes:
        copy = bytearray(message)
        for position, value in zip(positions, values, strict=True):
            _U32.pack_into(copy, position, value)
        return bytes(copy)

    return patched


def _fill_finish(finish: Builder, *, release: bool) -> None:
    finish.releaseResultCaps = release
    finish.requireEarlyCancellationWorkaround = False


def _fill_return(ret: Builder, kind: str) -> None:
    ret.releaseParamCaps = False
    if kind == "results":
        ret.noFinishNeeded = True
        ret.init("results")
    else:
        ret.canceled = None


bootstrap = _template("bootstrap", RPC.Bootstrap, lambda _: None, "questionId")
"""(question)"""

finish_keeping = _template("finish", RPC.Finish, lambda f: _fill_finish(f, release=False), "questionId")
"""(question): after a Return whose capabilities were taken over."""

finish_releasing = _template("finish", RPC.Finish, lambda f: _fill_finish(f, release=True), "questionId")
"""(question): nobody wants the answer, nor the capabilities in it."""

release = _template("release", RPC.Release, lambda _: None, "id", "referenceCount")
"""(import, count)"""

return_canceled = _template("return", RPC.Return, lambda r: _fill_return(r, "canceled"), "answerId")
"""(answer)"""

return_empty = _template("return", RPC.Return, lambda r: _fill_return(r, "results"), "answerId")
"""(answer): results without fields; needs no Finish."""


def return_exception(answer: int, reason: str, kind: str) -> bytes:
    """`kind`: failed, overloaded, disconnected or unimplemented."""
    root = new_message()
    ret = root.init("return")
    ret.answerId = answer
    ret.releaseParamCaps = False
    _exception(ret.init("exception"), reason, kind)
    return bytes(root.to_bytes())


def abort(reason: str) -> bytes:
    root = new_message()
    _exception(root.init("abort"), reason, "failed")
    return bytes(root.to_bytes())


def _exception(builder: Builder, reason: str, kind: str) -> None:
    builder.reason = reason.encode(errors="replace").decode()
    builder.type = kind


_WRAP = struct.Struct("<4I3Q")
_ROOT = (
    1 << 32 | 1 << 48
)  # a struct right after its pointer: one data word (the tag, 0: unimplemented), one pointer
_TO_SEGMENT_1 = 2 | 1 << 32  # a far pointer to the first word of segment 1


def unimplemented(message: bytes) -> bytes:
    """Give a message back, as it came: its one segment becomes the second of the answer.

    pycapnp cannot copy a capability pointer. What has several segments is given back without its content.
    """
    bounds = segments(message)
    if len(bounds) > 1:
        root = new_message()
        root.init("unimplemented")
        return bytes(root.to_bytes())
    start, end = bounds[0]
    return _WRAP.pack(1, 3, (end - start) // 8, 0, _ROOT, 0, _TO_SEGMENT_1) + message[start:end]


def disembargo(target: int, embargo: int) -> bytes:
    """The echo of a senderLoopback; `target` is an import."""
    root = new_message()
    message = root.init("disembargo")
    message.init("target").importedCap = target
    message.context.receiverLoopback = embargo
    return bytes(root.to_bytes())


def return_bootstrap(answer: int, export: int) -> bytes:
    """Results whose content is itself a capability."""
    root = new_message()
    ret = root.init("return")
    ret.answerId = answer
    ret.releaseParamCaps = False
    _table(ret.init("results"), [Descriptor("senderHosted", export)])
    message = root.to_bytes()
    payload = descend(message, *RESULTS_PATH)
    return _patched(message, [] if payload is None else [payload.pointer(CONTENT)])


def return_results(
    answer: int, codec: StructCodec[Any], value: Any, table: Sequence[Descriptor], *, no_finish: bool
) -> bytes:
    """`table` has one entry per capability field of `codec`, in its order. Raises LocalProtocolError."""
    root = new_message()
    ret = root.init("return")
    set_field(ret, RETURN["answerId"], answer)
    set_field(ret, RETURN["releaseParamCaps"], False)
    if no_finish:
        set_field(ret, RETURN["noFinishNeeded"], True)
    return _with_payload(root, init_field(ret, RETURN["results"]), RESULTS_PATH, codec, value, table)


def call(
    question: int,
    target: Target,
    key: tuple[int, int],
    codec: StructCodec[Any],
    params: Any,
    table: Sequence[Descriptor],
) -> bytes:
    """`table` has one entry per capability field of `codec`, in its order. Raises LocalProtocolError."""
    root = new_message()
    message = init_field(root, MESSAGE["call"])
    set_field(message, CALL["questionId"], question)
    set_field(message, CALL["interfaceId"], key[0])
    set_field(message, CALL["methodId"], key[1])
    where = init_field(message, CALL["target"])
    if target.path is None:
        where.importedCap = target.id
    else:
        _promised(where.init("promisedAnswer"), target.id, target.path)
    return _with_payload(root, init_field(message, CALL["params"]), PARAMS_PATH, codec, params, table)


@dataclass(frozen=True, slots=True)
class CallTemplate:
    """A call of an imported capability without its question and target."""

    message: bytes
    question: int
    target: int

    @classmethod
    def of(cls, key: tuple[int, int], codec: StructCodec[Any], params: Any) -> CallTemplate:
        message = call(0, Target(0), key, codec, params, ())
        path = PARAMS_PATH[:1]
        return cls(
            message,
            _position(message, path, RPC.Call, "questionId"),
            _position(message, (*path, CALL["target"].proto.slot.offset), RPC.MessageTarget, "importedCap"),
        )

    def patched(self, question: int, target: int) -> bytes:
        copy = bytearray(self.message)
        _U32.pack_into(copy, self.question, question)
        _U32.pack_into(copy, self.target, target)
        return bytes(copy)


def _with_payload(
    root: Builder,
    payload: Builder,
    path: tuple[int, int],
    codec: StructCodec[Any],
    value: Any,
    table: Sequence[Descriptor],
) -> bytes:
    codec.write(get_field(payload, PAYLOAD["content"]).as_struct(codec.schema), value)
    if not table:
        return bytes(root.to_bytes())
    _table(payload, table)
    message = root.to_bytes()
    content = descend(message, *path, CONTENT)
    return _patched(
        message, [] if content is None else [content.pointer(index) for _, index in codec.capabilities]
    )


def _patched(message: bytes, positions: list[int]) -> bytes:
    """Entry n of the table goes to position n."""
    copy = bytearray(message)
    for index, position in enumerate(positions):
        patch_capability(copy, position, index)
    return bytes(copy)


def _table(payload: Builder, table: Sequence[Descriptor]) -> None:
    slots = payload.init("capTable", len(table))
    for index, entry in enumerate(table):
        if entry.kind == "receiverAnswer":
            _promised(slots[index].init("receiverAnswer"), entry.id, entry.path)
        else:
            setattr(slots[index], entry.kind, entry.id)


def _promised(builder: Builder, question: int, path: tuple[int, ...]) -> None:
    builder.questionId = question
    steps = builder.init("transform", len(path))
    for index, step in enumerate(path):
        steps[index].getPointerField = step
