"""What the node asks of a store: batches of items with one result each, and plain reads.

A batch is one transaction. Each item is judged alone: what it may not do gives an `Error` as its result and
leaves no trace, and never spoils its batch. Every item that acts for a device carries its `Actor`, and the
item's own transaction checks that token and device still stand, so that a revocation bites at once. Entries
are one row however many members; `seq` is dense per channel. SQL never reads the clock: times are parameters
(Unix milliseconds).

A channel is a group's id (16 bytes) or an inbox, which is the key of its device (32 bytes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qnpc.errors import Error


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf: the device, and the public id (16 bytes) of the token that its session came with."""

    device: bytes
    token: bytes


@dataclass(frozen=True, slots=True)
class NewToken:
    id: bytes
    hash: bytes  # SHA-256 of the secret half
    expires: int


@dataclass(frozen=True, slots=True)
class NewDevice:
    device: bytes
    certificate: bytes
    created: int


# -- items, each with what it yields ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateInvite:
    """Yields None."""

    id: bytes
    hash: bytes
    uses: int | None  # None: without limit
    expires: int | None


@dataclass(frozen=True, slots=True)
class SetInvite:
    """From now on exactly this secret lets in under this id, without limit of uses or time, whatever stood there
    before; `hash` None: nothing does. A registration that was begun with what stood before is refused. Yields
    None."""

    id: bytes
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Register:
    """Spends the invite and makes account, device, inbox and token in one. Yields None.

    E004 for an invite that is unknown, spent or expired (checked first); E007; E009 when the identity key or
    device belongs to another account."""

    username: str
    record: bytes
    identity_key: bytes
    sealed_identity: bytes
    device: NewDevice
    token: NewToken
    invite_id: bytes
    invite_hash: bytes
    now: int


@dataclass(frozen=True, slots=True)
class BindDevice:
    """Adds the device to its account if it is new there, and gives it a token. Yields None. E009, E022, E013
    for an unknown account."""

    username: str
    identity_key: bytes
    device: NewDevice
    token: NewToken
    now: int


@dataclass(frozen=True, slots=True)
class IssueToken:
    """A token for a device that proved its key. Yields None. E013, E022."""

    device: bytes
    token: NewToken


@dataclass(frozen=True, slots=True)
class Logout:
    """Yields None, also when it was gone."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class ReapTokens:
    """Deletes expired tokens and invites. Yields how many."""

    now: int


@dataclass(frozen=True, slots=True)
class PutKeyPackages:
    """Adds one-time KeyPackages, those already there by reference ignored. Yields the count of the suite.
    E003 past `limit` (all suites)."""

    actor: Actor
    suite: int
    packages: Sequence[tuple[bytes, bytes, int]]  # reference, message, not after
    limit: int
    now: int


@dataclass(frozen=True, slots=True)
class TakeKeyPackages:
    """Takes one per device of an account, oldest first, expired ones dropped. Yields list[TakenKeyPackage].

    E013 for an unknown account, E014 when no device of it has one left (a device without one is left out
    otherwise)."""

    actor: Actor
    username: str
    suite: int
    now: int


@dataclass(frozen=True, slots=True)
class PutHybridKey:
    """Yields None; replaces the device's former one."""

    actor: Actor
    key: bytes
    signature: bytes
    now: int


@dataclass(frozen=True, slots=True)
class Append:
    """One entry. Yields Appended.

    (channel, sender device, id) is looked up first, so a retry gets its first answer whatever happened since.
    Then: E013 for an inbox that does not exist, E017 for a group that the device is not in, E018 unless
    `epoch` is the current one, or one of the two before it with no change of membership in between (None for
    inboxes), E012 past `depth` entries that some member has not acknowledged or past `bytes_limit`."""

    actor: Actor
    channel: bytes
    id: bytes
    payload: bytes
    epoch: int | None
    depth: int
    bytes_limit: int
    now: int


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """The group, its first member, GroupInfo and tree. Yields None. A retry with the same id is answered as
    the first. E020."""

    actor: Actor
    group: bytes
    id: bytes
    suite: int
    epoch: int
    group_info: bytes
    tree: bytes
    now: int


@dataclass(frozen=True, slots=True)
class CommitGroup:
    """Compare-and-swap on the epoch; entry, membership, Welcomes, GroupInfo and tree in one. Yields
    Committed.

    A retry by id gets its first answer. E017; E018 unless `epoch` is the current one; E013 or E022 for an
    added device that is not registered or revoked; E003 past `members_limit` devices; E019 if the Welcomes
    are not exactly for the added devices. The log's membership spans both commits inclusive: a removed device
    gets this entry and no later one; an added one gets everything after it. A Welcome's entry in the inbox
    carries the commit's id."""

    actor: Actor
    group: bytes
    id: bytes
    epoch: int  # the one it was made in; it leads to the next
    message: bytes
    group_info: bytes
    tree: bytes
    added: Sequence[bytes]
    removed: Sequence[bytes]
    welcomes: Sequence[tuple[bytes, bytes]]  # device, envelope
    members_limit: int
    now: int


@dataclass(frozen=True, slots=True)
class Ack:
    """Advances `acked`, never back and never past the head. Yields None."""

    device: bytes
    channel: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class Collect:
    """Deletes at most `limit` entries that every member has acknowledged or that were received before
    `older_than`, and trees of epochs that are neither current nor younger than that. Ids outlive them. Yields
    how many rows went."""

    older_than: int
    limit: int


Item = (
    CreateInvite
    | SetInvite
    | Register
    | BindDevice
    | IssueToken
    | Logout
    | ReapTokens
    | PutKeyPackages
    | TakeKeyPackages
    | PutHybridKey
    | Append
    | CreateGroup
    | CommitGroup
    | Ack
    | Collect
)


# -- what comes back -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredEntry:
    channel: bytes
    seq: int
    id: bytes
    sender: bytes
    received: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """`fresh` is False for a retry that was answered from before. Recipients are the devices whose membership
    spans `seq`, the sender included."""

    seq: int
    fresh: bool
    recipients: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Committed:
    seq: int
    fresh: bool
    recipients: Sequence[bytes]  # of the commit's entry: members before it
    welcomes: Sequence[StoredEntry]  # the inbox entries that it made


@dataclass(frozen=True, slots=True)
class TakenKeyPackage:
    device: bytes
    certificate: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    record: bytes
    identity_key: bytes
    sealed_identity: bytes


@dataclass(frozen=True, slots=True)
class StoredDevice:
    device: bytes
    username: str
    certificate: bytes
    revoked: bool


@dataclass(frozen=True, slots=True)
class StoredToken:
    id: bytes
    hash: bytes
    device: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class StoredInvite:
    id: bytes
    hash: bytes
    left: int | None  # uses; None: without limit
    expires: int | None


@dataclass(frozen=True, slots=True)
class StoredGroup:
    group: bytes
    suite: int
    epoch: int
    group_info: bytes
    tree: bytes  # of the current epoch


@dataclass(frozen=True, slots=True)
class StoredHead:
    """A device's view of one channel: entries first..seq are those it can still have; `seq` is the channel's
    head, or the removing commit for a former member. What is before `first` came before it, or is gone."""

    channel: bytes
    seq: int
    acked: int
    first: int
    group: bool


class Store(Protocol):
    """Blocking; `commit` is called from one thread, reads from others at the same time. Other processes
    (`qnpc node invite`) may commit to the same database meanwhile, so nothing is cached that they could
    change. Raises Error(E024) when the database fails.

    After E024 from `commit` the outcome is unknown: the same items may be committed again."""

    incarnation: int  # drawn at creation, changed when the log was restored from a backup

    def commit(self, batch: Sequence[Item]) -> list[object | Error]: ...

    def fold(self) -> int:
        """Brings what was committed to where it stays, without keeping anybody from committing. What is committed meanwhile may be left
        to `fold_rest`. From any thread. Returns how long the log is, in pages."""

    def fold_rest(self) -> None:
        """The little that `fold` left. From the thread that commits."""

    def secret(self, name: str, fresh: bytes) -> bytes:
        """The node's long-term secret of that name, kept since it was first asked for; `fresh` is stored if
        there is none yet.

        Several nodes of one database get the same. Its own transaction; not while `commit` runs in another
        thread of this process."""

    def account(self, username: str) -> Account | None: ...

    def device(self, device: bytes) -> StoredDevice | None: ...

    def devices(self, username: str) -> list[StoredDevice]:
        """Those not revoked, oldest first."""

    def token(self, id: bytes) -> StoredToken | None: ...  # noqa: A002

    def invite(self, id: bytes) -> StoredInvite | None:  # noqa: A002
        """Also one that is spent or expired, if it was not reaped yet."""

    def hybrid_key(self, device: bytes) -> tuple[bytes, bytes] | None:
        """(key, signature)."""

    def key_package_count(self, device: bytes, suite: int, now: int) -> int: ...

    def entries(self, channel: bytes, after: int, upto: int, limit: int, max_bytes: int) -> list[StoredEntry]:
        """after < seq <= upto in order, at least one if there is one, then while the sum of payloads stays
        within `max_bytes`."""

    def head(self, device: bytes, channel: bytes) -> StoredHead | None:
        """None if the device never was a member."""

    def heads(self, device: bytes) -> list[StoredHead]:
        """Of all channels with entries that the device may still want: its inbox, groups it is in, groups it
        left whose last entries it has not acknowledged."""

    def group(self, group: bytes) -> StoredGroup | None: ...

    def groups(self, device: bytes) -> list[StoredGroup]:
        """Those that the device is in now, oldest first."""

    def tree(self, group: bytes, epoch: int) -> bytes | None: ...

    def members(self, group: bytes) -> list[StoredDevice]: ...

    def is_member(self, device: bytes, group: bytes) -> bool: ...

    def close(self) -> None: ...
