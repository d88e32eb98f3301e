"""The messages of rpc.capnp as values: `parse` for what comes in.

Reading a message never raises anything but RemoteProtocolError. It changes nothing: what a message means is for vat.py. Kinds that
this side does not know become `Unknown`, which is answered, not refused, so that newer peers can find out. The values are never
changed; they are not frozen because making a frozen one takes a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from qnpc.errors import Code
from qnpc.limits import Limits
from qnpc.rpc.errors import RemoteProtocolError
from qnpc.rpc.pointers import View, descend
from qnpc.rpc.schema import (
    CORRUPT,
    RPC,
    Field,
    Reader,
    Struct,
    new_message,
    open_root,
    read_field,
    which_member,
)


def fields(struct: Struct) -> dict[str, Field]:
    return {name: struct.schema.fields[name] for name in struct.schema.fieldnames}


MESSAGE = fields(RPC.Message)
CALL = fields(RPC.Call)
RETURN = fields(RPC.Return)
PAYLOAD = fields(RPC.Payload)
EXCEPTION = fields(RPC.Exception)
_BOOTSTRAP = fields(RPC.Bootstrap)
_FINISH = fields(RPC.Finish)
_RELEASE = fields(RPC.Release)
_RESOLVE = fields(RPC.Resolve)
_DISEMBARGO = fields(RPC.Disembargo)
_TARGET = fields(RPC.MessageTarget)
_ANSWER = fields(RPC.PromisedAnswer)
_OP = fields(RPC.PromisedAnswer.Op)
_DESCRIPTOR = fields(RPC.CapDescriptor)
_THIRD = fields(RPC.ThirdPartyCapDescriptor)

PARAMS_PATH = (MESSAGE["call"].proto.slot.offset, CALL["params"].proto.slot.offset)
"""Pointer indexes from the root to a call's payload."""

RESULTS_PATH = (MESSAGE["return"].proto.slot.offset, RETURN["results"].proto.slot.offset)

CONTENT = PAYLOAD["content"].proto.slot.offset


@dataclass(slots=True)
class Target:
    """What is called: the receiver's export `id`, or what `path` leads to in its answer to question `id`."""

    id: int
    path: tuple[int, ...] | None = None


@dataclass(slots=True)
class Descriptor:
    """An entry of a capability table. `kind` is the schema's name; `path` only for receiverAnswer."""

    kind: str
    id: int = 0
    path: tuple[int, ...] = ()


@dataclass(slots=True)
class Payload:
    """Parameters or results: the unread content (None: it has no fields), the table, and where the payload stands in the message."""

    content: Reader | None
    table: tuple[Descriptor, ...]
    message: bytes
    path: tuple[int, int]

    def read(self, schema: Struct) -> Reader:
        """The content as a struct. Raises one of CORRUPT."""
        content = _bare_content(self.message) if self.content is None else self.content
        return content.as_struct(schema)

    def view(self) -> View | None:
        """The words of the content. Raises ValueError."""
        return descend(self.message, *self.path, CONTENT)

    def sole_capability(self) -> int | None:
        """The table index when the content is itself a capability (Bootstrap). Raises ValueError."""
        payload = descend(self.message, *self.path)
        return None if payload is None else payload.capability(CONTENT)


@dataclass(slots=True)
class Bootstrap:
    question: int


@dataclass(slots=True)
class Call:
    question: int
    target: Target
    interface_id: int
    method_id: int
    payload: Payload
    to_caller: bool


@dataclass(slots=True)
class Return:
    """`kind` is the schema's name; `payload` for results, `reason` and `type` for exception."""

    answer: int
    kind: str
    release_params: bool
    no_finish: bool
    payload: Payload | None = None
    reason: str = ""
    type: str = ""


@dataclass(slots=True)
class Finish:
    question: int
    release_results: bool


@dataclass(slots=True)
class Release:
    id: int
    count: int


@dataclass(slots=True)
class Resolve:
    """`descriptor` is None when the promise was broken."""

    descriptor: Descriptor | None


@dataclass(slots=True)
class Disembargo:
    target: Target
    kind: str
    id: int


@dataclass(slots=True)
class Abort:
    reason: str


@dataclass(slots=True)
class Unimplemented:
    """The other side gives back a message of ours that it does not know."""

    kind: str
    question: int | None


@dataclass(slots=True)
class Unknown:
    """Not for this side: what level 2 to 4 peers say, or what is not in the schema at all."""


Incoming: TypeAlias = (
    Bootstrap | Call | Return | Finish | Release | Resolve | Disembargo | Abort | Unimplemented | Unknown
)


def parse(message: bytes, limits: Limits) -> Incoming:
    """One message. Raises RemoteProtocolError."""
    if len(message) == _BARE_BYTES and message.startswith(_BARE_HEAD) and message.endswith(_BARE_TAIL):
        answer = int.from_bytes(message[len(_BARE_HEAD) : len(_BARE_HEAD) + 4], "little")
        return Return(answer, "results", False, True, Payload(None, (), message, RESULTS_PATH))
    try:
        root = open_root(message, traversal_words=limits.traversal_words, nesting=limits.nesting)
        kind = _which(root)
        read = _KINDS.get(kind)
        if read is None:
            return Unknown()
        return read(read_field(root, MESSAGE[kind]), message, limits)
    except CORRUPT as error:
        raise RemoteProtocolError("the message is malformed") from error


def _bare_return() -> tuple[bytes, bytes]:
    """A Return without fields that needs no Finish, as this side builds it: what stands before and after its answer's id.

    Most of what a node receives is this, each an acknowledgement of a push: it is recognised by its bytes. Any other way to say
    the same is read like every message.
    """
    root = new_message()
    ret = root.init("return")
    ret.releaseParamCaps = False
    ret.noFinishNeeded = True
    ret.init("results")
    message = root.to_bytes()
    view = descend(message, MESSAGE["return"].proto.slot.offset)
    if view is None:
        raise ValueError("the message has no such struct")
    at = view.data + 4 * int(RETURN["answerId"].proto.slot.offset)
    return message[:at], message[at + 4 :]


def _bare_content(message: bytes) -> Reader:
    """What it holds after all, for a method that has fields: all of them are absent."""
    root = open_root(message, traversal_words=len(message), nesting=len(RESULTS_PATH) + 2)
    results = read_field(read_field(root, MESSAGE["return"]), RETURN["results"])
    return read_field(results, PAYLOAD["content"])


_BARE_HEAD, _BARE_TAIL = _bare_return()
_BARE_BYTES = len(_BARE_HEAD) + 4 + len(_BARE_TAIL)


def _which(reader: Reader) -> str:
    """The active member of a struct's union; empty for one that the schema does not know."""
    try:
        return str(which_member(reader))
    except CORRUPT:
        return ""


def _bootstrap(reader: Reader, _message: bytes, _limits: Limits) -> Incoming:
    return Bootstrap(read_field(reader, _BOOTSTRAP["questionId"]))


def _call(reader: Reader, message: bytes, limits: Limits) -> Incoming:
    return Call(
        question=read_field(reader, CALL["questionId"]),
        target=_target(read_field(reader, CALL["target"]), limits),
        interface_id=read_field(reader, CALL["interfaceId"]),
        method_id=read_field(reader, CALL["methodId"]),
        payload=_payload(read_field(reader, CALL["params"]), message, PARAMS_PATH, limits),
        to_caller=_which(read_field(reader, CALL["sendResultsTo"])) == "caller",
    )


def _return(reader: Reader, message: bytes, limits: Limits) -> Incoming:
    kind = _which(reader)
    payload, reason, type_ = None, "", ""
    if kind == "results":
        payload = _payload(read_field(reader, RETURN["results"]), message, RESULTS_PATH, limits)
    elif kind == "exception":
        exception = read_field(reader, RETURN["exception"])
        reason = read_field(exception, EXCEPTION["reason"])
        type_ = str(read_field(exception, EXCEPTION["type"]))
    return Return(
        answer=read_field(reader, RETURN["answerId"]),
        kind=kind,
        release_params=read_field(reader, RETURN["releaseParamCaps"]),
        no_finish=read_field(reader, RETURN["noFinishNeeded"]),
        payload=payload,
        reason=reason,
        type=type_,
    )


def _finish(reader: Reader, _message: bytes, _limits: Limits) -> Incoming:
    return Finish(read_field(reader, _FINISH["questionId"]), read_field(reader, _FINISH["releaseResultCaps"]))


def _release(reader: Reader, _message: bytes, _limits: Limits) -> Incoming:
    return Release(read_field(reader, _RELEASE["id"]), read_field(reader, _RELEASE["referenceCount"]))


def _resolve(reader: Reader, _message: bytes, limits: Limits) -> Incoming:
    if _which(reader) != "cap":
        return Resolve(None)
    return Resolve(_descriptor(read_field(reader, _RESOLVE["cap"]), limits))


def _disembargo(reader: Reader, _message: bytes, limits: Limits) -> Incoming:
    context = read_field(reader, _DISEMBARGO["context"])
    kind = _which(context)
    embargo = getattr(context, kind) if kind in {"senderLoopback", "receiverLoopback"} else 0
    return Disembargo(_target(read_field(reader, _DISEMBARGO["target"]), limits), kind, embargo)


def _abort(reader: Reader, _message: bytes, _limits: Limits) -> Incoming:
    return Abort(read_field(reader, EXCEPTION["reason"]))


def _unimplemented(reader: Reader, _message: bytes, _limits: Limits) -> Incoming:
    kind = _which(reader)
    question = None
    if kind in {"call", "bootstrap"}:
        question = read_field(
            read_field(reader, MESSAGE[kind]), {"call": CALL, "bootstrap": _BOOTSTRAP}[kind]["questionId"]
        )
    return Unimplemented(kind, question)


_KINDS: dict[str, Callable[[Reader, bytes, Limits], Incoming]] = {
    "bootstrap": _bootstrap,
    "call": _call,
    "return": _return,
    "finish": _finish,
    "release": _release,
    "resolve": _resolve,
    "disembargo": _disembargo,
    "abort": _abort,
    "unimplemented": _unimplemented,
}


def _payload(reader: Reader, message: bytes, path: tuple[int, int], limits: Limits) -> Payload:
    table = read_field(reader, PAYLOAD["capTable"])
    if len(table) > limits.exports:
        raise RemoteProtocolError("the message carries too many capabilities", Code.TOO_MANY_CALLS)
    return Payload(
        read_field(reader, PAYLOAD["content"]),
        tuple([_descriptor(item, limits) for item in table]) if len(table) else (),
        message,
        path,
    )


def _descriptor(reader: Reader, limits: Limits) -> Descriptor:
    kind = _which(reader)
    if kind in {"", "none"}:
        return Descriptor("none")
    value: Any = read_field(reader, _DESCRIPTOR[kind])
    if kind == "receiverAnswer":
        target = _promised(value, limits)
        return Descriptor(kind, target.id, target.path or ())
    if kind == "thirdPartyHosted":
        return Descriptor(kind, read_field(value, _THIRD["vineId"]))
    return Descriptor(kind, value)


def _target(reader: Reader, limits: Limits) -> Target:
    kind = _which(reader)
    if kind == "importedCap":
        return Target(read_field(reader, _TARGET[kind]))
    if kind == "promisedAnswer":
        return _promised(read_field(reader, _TARGET[kind]), limits)
    raise RemoteProtocolError("the message's target is of an unknown kind")


def _promised(reader: Reader, limits: Limits) -> Target:
    transform = read_field(reader, _ANSWER["transform"])
    if len(transform) > limits.nesting:
        raise RemoteProtocolError("the path into an answer is too long")
    path = []
    for step in transform:
        kind = _which(step)
        if kind == "getPointerField":
            path.append(read_field(step, _OP[kind]))
        elif kind != "noop":
            raise RemoteProtocolError("the path into an answer has a step of an unknown kind")
    return Target(read_field(reader, _ANSWER["questionId"]), tuple(path))
