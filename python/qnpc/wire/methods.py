"""The methods of node.capnp: one class of constants per interface, and its `table` for dispatch.

`wire.NODE.register` names a method for a caller, `wire.NODE.table[interface id, method id]` finds it for a callee. The ids and the
shapes come from the schema itself, so that they cannot drift apart from it: a name or a field that the schema lacks fails at import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from qnpc.rpc import Method, load_schema
from qnpc.wire import params as p

P = TypeVar("P")
R = TypeVar("R")

Table = Mapping[tuple[int, int], Method[Any, Any]]

SCHEMA = load_schema("qnpc", "schemas", "node.capnp")


def _method(interface: str, name: str, params: type[P], results: type[R]) -> Method[P, R]:
    return Method.of(SCHEMA, interface, name, params, results)


def _table(*methods: Method[Any, Any]) -> Table:
    return {method.key: method for method in methods}


class NODE:
    """The bootstrap: what anybody may ask."""

    info = _method("Node", "info", p.Empty, p.NodeInfoResults)
    health = _method("Node", "health", p.Empty, p.NodeHealthResults)
    register = _method("Node", "register", p.NodeRegisterParams, p.NodeRegisterResults)
    login = _method("Node", "login", p.NodeLoginParams, p.NodeLoginResults)
    resume = _method("Node", "resume", p.NodeResumeParams, p.NodeResumeResults)
    challenge = _method("Node", "challenge", p.NodeChallengeParams, p.NodeChallengeResults)
    table: ClassVar[Table] = _table(info, health, register, login, resume, challenge)


class REGISTRATION:
    finish = _method("Registration", "finish", p.RegistrationFinishParams, p.RegistrationFinishResults)
    table: ClassVar[Table] = _table(finish)


class LOGIN:
    finish = _method("Login", "finish", p.LoginFinishParams, p.LoginFinishResults)
    table: ClassVar[Table] = _table(finish)


class ENROL:
    device = _method("Enrol", "device", p.EnrolDeviceParams, p.EnrolDeviceResults)
    table: ClassVar[Table] = _table(device)


class PROOF:
    finish = _method("Proof", "finish", p.ProofFinishParams, p.ProofFinishResults)
    table: ClassVar[Table] = _table(finish)


class SESSION:
    """What a logged-in device may do."""

    upload_key_packages = _method(
        "Session", "uploadKeyPackages", p.SessionUploadKeyPackagesParams, p.SessionUploadKeyPackagesResults
    )
    key_package_count = _method(
        "Session", "keyPackageCount", p.SessionKeyPackageCountParams, p.SessionKeyPackageCountResults
    )
    fetch_key_packages = _method(
        "Session", "fetchKeyPackages", p.SessionFetchKeyPackagesParams, p.SessionFetchKeyPackagesResults
    )
    upload_hybrid_key = _method("Session", "uploadHybridKey", p.SessionUploadHybridKeyParams, p.Empty)
    fetch_hybrid_key = _method(
        "Session", "fetchHybridKey", p.SessionFetchHybridKeyParams, p.SessionFetchHybridKeyResults
    )
    resolve = _method("Session", "resolve", p.SessionResolveParams, p.SessionResolveResults)
    logout = _method("Session", "logout", p.Empty, p.Empty)
    enqueue = _method("Session", "enqueue", p.SessionEnqueueParams, p.SessionEnqueueResults)
    fetch = _method("Session", "fetch", p.SessionFetchParams, p.SessionFetchResults)
    ack = _method("Session", "ack", p.SessionAckParams, p.Empty)
    subscribe = _method("Session", "subscribe", p.SessionSubscribeParams, p.SessionSubscribeResults)
    create_group = _method("Session", "createGroup", p.SessionCreateGroupParams, p.SessionCreateGroupResults)
    group = _method("Session", "group", p.SessionGroupParams, p.SessionGroupResults)
    groups = _method("Session", "groups", p.Empty, p.SessionGroupsResults)
    table: ClassVar[Table] = _table(
        upload_key_packages,
        key_package_count,
        fetch_key_packages,
        upload_hybrid_key,
        fetch_hybrid_key,
        resolve,
        logout,
        enqueue,
        fetch,
        ack,
        subscribe,
        create_group,
        group,
        groups,
    )


class GROUP:
    """What a member of a group may do."""

    send = _method("Group", "send", p.GroupSendParams, p.GroupSendResults)
    commit = _method("Group", "commit", p.GroupCommitParams, p.GroupCommitResults)
    info = _method("Group", "info", p.Empty, p.GroupInfoResults)
    tree = _method("Group", "tree", p.GroupTreeParams, p.GroupTreeResults)
    members = _method("Group", "members", p.Empty, p.GroupMembersResults)
    table: ClassVar[Table] = _table(send, commit, info, tree, members)


class SINK:
    """What a client hosts. The Return of `deliver` is the acknowledgement: the entries are durable there."""

    deliver = _method("Sink", "deliver", p.SinkDeliverParams, p.Empty)
    table: ClassVar[Table] = _table(deliver)
