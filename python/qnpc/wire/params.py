"""What each method of node.capnp takes and gives, as values: `<Interface><Method>Params` and `<Interface><Method>Results`.

Fields stand in the schema's order under their snake_case names; what is empty is `Empty`. Secrets among them (tokens, OPAQUE
messages) are in no repr. A `Capability` is `Served` on the side that makes it and `Remote` on the side that gets it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qnpc.rpc import Capability
from qnpc.wire.types import (
    Cursor,
    DeviceKeyPackage,
    DeviceRecord,
    Enrolment,
    Entry,
    GroupSummary,
    Head,
    Health,
    NodeInfo,
    Token,
    Welcome,
)


@dataclass(frozen=True, slots=True)
class Empty:
    """No parameters, or no results."""


# -- Node -----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NodeInfoResults:
    info: NodeInfo


@dataclass(frozen=True, slots=True)
class NodeHealthResults:
    health: Health


@dataclass(frozen=True, slots=True)
class NodeRegisterParams:
    username: str
    request: bytes = field(repr=False)
    invite: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeRegisterResults:
    response: bytes = field(repr=False)
    challenge: bytes
    registration: Capability


@dataclass(frozen=True, slots=True)
class NodeLoginParams:
    username: str
    request: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeLoginResults:
    response: bytes = field(repr=False)
    login: Capability


@dataclass(frozen=True, slots=True)
class NodeResumeParams:
    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeResumeResults:
    session: Capability
    expires_at: int


@dataclass(frozen=True, slots=True)
class NodeChallengeParams:
    device: bytes


@dataclass(frozen=True, slots=True)
class NodeChallengeResults:
    nonce: bytes
    proof: Capability


# -- Registration, Login, Enrol, Proof ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegistrationFinishParams:
    record: bytes = field(repr=False)
    enrolment: Enrolment
    sealed_identity: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegistrationFinishResults:
    session: Capability
    token: Token


@dataclass(frozen=True, slots=True)
class LoginFinishParams:
    ke3: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoginFinishResults:
    challenge: bytes
    enrol: Capability
    sealed_identity: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnrolDeviceParams:
    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class EnrolDeviceResults:
    session: Capability
    token: Token


@dataclass(frozen=True, slots=True)
class ProofFinishParams:
    signature: bytes


@dataclass(frozen=True, slots=True)
class ProofFinishResults:
    session: Capability
    token: Token


# -- Session --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionUploadKeyPackagesParams:
    suite: int
    packages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SessionUploadKeyPackagesResults:
    count: int


@dataclass(frozen=True, slots=True)
class SessionKeyPackageCountParams:
    suite: int


@dataclass(frozen=True, slots=True)
class SessionKeyPackageCountResults:
    count: int


@dataclass(frozen=True, slots=True)
class SessionFetchKeyPackagesParams:
    username: str
    suite: int


@dataclass(frozen=True, slots=True)
class SessionFetchKeyPackagesResults:
    packages: tuple[DeviceKeyPackage, ...]


@dataclass(frozen=True, slots=True)
class SessionUploadHybridKeyParams:
    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SessionFetchHybridKeyParams:
    device: bytes


@dataclass(frozen=True, slots=True)
class SessionFetchHybridKeyResults:
    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SessionResolveParams:
    username: str


@dataclass(frozen=True, slots=True)
class SessionResolveResults:
    identity_key: bytes
    devices: tuple[DeviceRecord, ...]


@dataclass(frozen=True, slots=True)
class SessionEnqueueParams:
    device: bytes
    payload: bytes
    id: bytes


@dataclass(frozen=True, slots=True)
class SessionEnqueueResults:
    seq: int


@dataclass(frozen=True, slots=True)
class SessionFetchParams:
    channel: bytes
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class SessionFetchResults:
    entries: tuple[Entry, ...]
    head: Head


@dataclass(frozen=True, slots=True)
class SessionAckParams:
    cursors: tuple[Cursor, ...]


@dataclass(frozen=True, slots=True)
class SessionSubscribeParams:
    sink: Capability
    cursors: tuple[Cursor, ...]


@dataclass(frozen=True, slots=True)
class SessionSubscribeResults:
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class SessionCreateGroupParams:
    group_info: bytes
    tree: bytes
    id: bytes


@dataclass(frozen=True, slots=True)
class SessionCreateGroupResults:
    group: Capability


@dataclass(frozen=True, slots=True)
class SessionGroupParams:
    id: bytes


@dataclass(frozen=True, slots=True)
class SessionGroupResults:
    group: Capability


@dataclass(frozen=True, slots=True)
class SessionGroupsResults:
    groups: tuple[GroupSummary, ...]


# -- Group and Sink ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GroupSendParams:
    epoch: int
    message: bytes
    id: bytes


@dataclass(frozen=True, slots=True)
class GroupSendResults:
    seq: int


@dataclass(frozen=True, slots=True)
class GroupCommitParams:
    epoch: int
    message: bytes
    group_info: bytes
    welcomes: tuple[Welcome, ...]
    id: bytes


@dataclass(frozen=True, slots=True)
class GroupCommitResults:
    seq: int


@dataclass(frozen=True, slots=True)
class GroupInfoResults:
    epoch: int
    group_info: bytes
    tree: bytes


@dataclass(frozen=True, slots=True)
class GroupTreeParams:
    epoch: int


@dataclass(frozen=True, slots=True)
class GroupTreeResults:
    tree: bytes


@dataclass(frozen=True, slots=True)
class GroupMembersResults:
    members: tuple[DeviceRecord, ...]


@dataclass(frozen=True, slots=True)
class SinkDeliverParams:
    entries: tuple[Entry, ...]
