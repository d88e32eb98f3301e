"""What one transaction may touch: typed rows, and the MLS groups whose changes commit with them.

A transaction lives in the state's thread and ends with it; nothing of it may be kept.
"""

from __future__ import annotations

import json
from typing import Any

from qnpc import _core
from qnpc.client.state.database import Database
from qnpc.client.state.rows import ContactRow, GroupRow, HistoryRow, IntentRow, InvitationRow, RawEntryRow
from qnpc.errors import Code, Error


class MlsRows:
    """The core's store and the groups loaded from it; dropped whole when a transaction fails."""

    def __init__(self, database: Database, device: _core.Device) -> None:
        self._database = database
        self._device = device
        self._scopes: set[bytes] = set()
        self.store = _core.MlsStore()
        self.groups: dict[bytes, _core.Group] = {}

    def require(self, scope: bytes) -> None:
        """Loads a scope's rows once. The device's own scope comes first, while no change is pending."""
        for wanted in (b"", scope):
            if wanted not in self._scopes:
                self.store.load(self._database.rows("mls_scope", wanted))
                self._scopes.add(wanted)

    def group(self, group_id: bytes) -> _core.Group | None:
        group = self.groups.get(group_id)
        if group is None:
            self.require(group_id)
            group = _core.Group.load(self.store, self._device, group_id)
            if group is not None:
                self.groups[group_id] = group
        return group

    def write(self) -> None:
        """The delta becomes rows of the running transaction."""
        for group in self.groups.values():
            group.flush()
        delta = self.store.take_delta()
        put = [(scope, key, value) for scope, key, value in delta if value is not None]
        gone = [(scope, key) for scope, key, value in delta if value is None]
        if gone:
            self._database.run_many("mls_delete", gone)
        if put:
            self._database.run_many("mls_put", put)


class Transaction:
    """Typed access to everything; `now` is the transaction's one time, in Unix milliseconds."""

    def __init__(
        self, database: Database, mls: MlsRows, device: _core.Device, certificate: bytes, now: int
    ) -> None:
        self._db = database
        self._mls = mls
        self.device = device
        self.certificate = certificate
        self.now = now
        self.touched = False  # history, an epoch or an invitation changed: whoever waits for that is woken after the commit
        self.settled: list[
            bytes
        ] = []  # intents that ended here; whoever waits for one is told after the commit

    def _count(self, name: str, *parameters: object) -> int:
        row = self._db.row(name, *parameters)
        return 0 if row is None else int(row[0])

    # -- settings

    def meta(self, key: str) -> bytes | None:
        row = self._db.row("meta_get", key)
        return None if row is None else bytes(row[0])

    def set_meta(self, key: str, value: bytes) -> None:
        self._db.run("meta_set", key, value)

    # -- MLS

    @property
    def mls_store(self) -> _core.MlsStore:
        self._mls.require(b"")
        return self._mls.store

    def prepare(self, scopes: set[bytes]) -> None:
        """Loads what these groups need, which cannot be done once something has changed."""
        for scope in sorted(scopes):
            self._mls.require(scope)

    def mls_group(self, group_id: bytes) -> _core.Group:
        """Raises Error(NOT_A_MEMBER)."""
        group = self._mls.group(group_id)
        if group is None:
            raise Error(Code.NOT_A_MEMBER)
        return group

    def create_mls_group(self, group_id: bytes, suite: int) -> _core.Group:
        self._mls.require(group_id)
        group = _core.Group.create(self._mls.store, self.device, self.certificate, group_id, suite)
        self._mls.groups[group_id] = group
        return group

    def join_mls_group(self, group_id: bytes, welcome: bytes, tree: bytes) -> _core.Group:
        """Any former state of the group goes. Raises Error(BAD_REQUEST) when the Welcome opens another group, and
        what `Group.join` raises."""
        self.delete_mls_group(group_id)
        self._mls.require(group_id)
        group = _core.Group.join(self._mls.store, self.device, welcome, tree)
        if group.group_id != group_id:
            raise Error(Code.BAD_REQUEST, "the invitation opens another group than it names")
        self._mls.groups[group_id] = group
        return group

    def delete_mls_group(self, group_id: bytes) -> None:
        group = self._mls.group(group_id)
        if group is not None:
            group.delete()
            del self._mls.groups[group_id]

    # -- channels

    def cursor(self, channel: bytes) -> tuple[int, int] | None:
        """(incarnation, seq)."""
        row = self._db.row("channel_get", channel)
        return None if row is None else (row[0], row[1])

    def cursors(self) -> list[tuple[bytes, int, int]]:
        return [(row[0], row[1], row[2]) for row in self._db.rows("channel_all")]

    def unknown_channels(self) -> int:
        """Channels with a cursor of groups that this profile neither has nor is invited to, and the inbox."""
        return self._count("channel_unknown")

    def forget_cursor(self, channel: bytes) -> None:
        self._db.run("channel_delete", channel)

    def set_cursor(self, channel: bytes, incarnation: int, seq: int) -> None:
        self._db.run("channel_set", channel, incarnation, seq)

    # -- raw entries: of a channel that has a cursor

    def raw_bytes(self, channel: bytes | None = None) -> int:
        """What they take, in all or of one channel."""
        return self._count("raw_bytes") if channel is None else self._count("raw_bytes_of", channel)

    def put_raw(self, row: RawEntryRow) -> None:
        if self._db.run("raw_put", row.channel, row.seq, row.id, row.sender, row.received, row.payload):
            self._db.run("raw_count", len(row.payload), row.channel)

    def lose_raw(self, channel: bytes, seq: int) -> None:
        """Notes that the entries up to this one are not kept."""
        self._db.run("raw_lose", seq, channel)

    def drop_raw(self, channel: bytes) -> bool:
        """The oldest of a channel; False if there is none."""
        oldest = self._db.row("raw_oldest", channel)
        if oldest is None:
            return False
        seq, size = oldest
        self._db.run("raw_delete_one", channel, seq)
        self._db.run("raw_count", -size, channel)
        self.lose_raw(channel, seq)
        return True

    def raw_to_drop(self) -> bytes | None:
        """The channel whose entries are needed least."""
        row = self._db.row("raw_to_drop")
        return None if row is None else bytes(row[0])

    def take_raw(self, channel: bytes) -> tuple[list[RawEntryRow], int]:
        """Takes out what is kept, in order, and the last seq before it that is not kept, or 0."""
        rows = [RawEntryRow(*row) for row in self._db.rows("raw_all", channel)]
        lost = self._count("raw_lost", channel)
        self._db.run("raw_delete", channel)
        self._db.run("raw_taken", channel)
        return rows, lost

    # -- groups, invitations, contacts

    def group(self, group_id: bytes) -> GroupRow | None:
        row = self._db.row("group_get", group_id)
        return None if row is None else GroupRow(*row)

    def group_named(self, name: str) -> GroupRow | None:
        row = self._db.row("group_by_name", name)
        return None if row is None else GroupRow(*row)

    def groups(self) -> list[GroupRow]:
        return [GroupRow(*row) for row in self._db.rows("group_all")]

    def put_group(self, group_id: bytes, name: str, suite: int, state: str) -> str:
        """Makes or changes it; returns its name here, which differs if another group has it."""
        free, n = name, 1
        while (other := self.group_named(free)) is not None and other.id != group_id:
            n += 1
            free = f"{name}~{n}"
        self._db.run("group_put", group_id, free, suite, state, self.now)
        return free

    def set_group_state(self, group_id: bytes, state: str) -> None:
        self._db.run("group_state", state, group_id)

    def delete_group(self, group_id: bytes) -> None:
        self._db.run("group_delete", group_id)

    def invitation_count(self) -> int:
        return self._count("invitation_count")

    def invitations_of(self, device: bytes) -> int:
        return self._count("invitation_count_of_device", device)

    def is_invited(self, group_id: bytes) -> bool:
        return self._db.row("invitation_is", group_id) is not None

    def busiest_inviter(self) -> bytes:
        """The device that most invitations are from."""
        row = self._db.row("invitation_busiest_device")
        return b"" if row is None else bytes(row[0])

    def push_out_invitation(self, device: bytes) -> None:
        """The oldest one of that device."""
        self._db.run("invitation_push_out", device)

    def invitations(self, name: str | None = None) -> list[InvitationRow]:
        rows = self._db.rows("invitation_all") if name is None else self._db.rows("invitation_by_name", name)
        return [InvitationRow(*row) for row in rows]

    def put_invitation(self, row: InvitationRow) -> None:
        self._db.run(
            "invitation_put",
            row.group,
            row.name,
            row.inviter,
            row.identity,
            row.suite,
            row.epoch,
            row.welcome,
            row.received,
            row.device,
        )

    def delete_invitations(self, group_id: bytes) -> None:
        self._db.run("invitation_delete", group_id)

    def contact(self, username: str) -> ContactRow | None:
        row = self._db.row("contact_get", username)
        return None if row is None else ContactRow(*row)

    def put_contact(self, row: ContactRow) -> None:
        """A known contact keeps its identity key; only its trust changes."""
        self._db.run("contact_put", row.username, row.identity, row.trust, self.now)

    # -- history and consumers

    def add_history(
        self,
        *,
        group: bytes,
        seq: int | None,
        id: bytes,  # noqa: A002
        device: bytes,
        sender: str,
        kind: str,
        body: str | dict[str, Any],
        own: bool,
        state: str,
        at: int,
        missing: int = 0,
    ) -> bool:
        """False if this group, device and id have a row already: nothing is shown twice."""
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        added = self._db.run(
            "history_add", group, seq, id, device, sender, kind, text, own, state, at, missing
        )
        self.touched = self.touched or added > 0
        return added > 0

    def settle_history(self, group: bytes, device: bytes, id: bytes, state: str, seq: int | None) -> None:  # noqa: A002
        self._db.run("history_settle", seq, state, group, device, id)
        self.touched = True

    def last_history(self, group: bytes, limit: int) -> list[HistoryRow]:
        return [HistoryRow(*row) for row in self._db.rows("history_last", group, limit)]

    def next_history(self, after: int, group: bytes | None) -> HistoryRow | None:
        """The next row that is not our own."""
        wanted = ("history_next", after) if group is None else ("history_next_in_group", group, after)
        row = self._db.row(*wanted)
        return None if row is None else HistoryRow(*row)

    def history_end(self) -> int:
        return self._count("history_newest")

    def consumer(self, name: str) -> int | None:
        row = self._db.row("consumer_get", name)
        return None if row is None else int(row[0])

    def set_consumer(self, name: str, position: int) -> None:
        self._db.run("consumer_set", name, position)

    def missing_before(self, group: bytes, device: bytes, counter: int) -> int:
        """How many messages of `device` its counter says came before and are not here; notes the counter."""
        row = self._db.row("counter_get", group, device)
        self._db.run("counter_set", group, device, counter)
        return 0 if row is None else max(0, counter - int(row[0]) - 1)

    def forget_counters(self, group: bytes) -> None:
        self._db.run("counter_forget", group)

    # -- outbox

    def add_intent(self, intent: bytes, group: bytes, kind: str, body: dict[str, Any]) -> None:
        self._db.run("outbox_add", intent, group, kind, json.dumps(body, ensure_ascii=False), self.now)

    def intent(self, intent: bytes) -> IntentRow | None:
        row = self._db.row("outbox_get", intent)
        return None if row is None else IntentRow(*row)

    def next_intent(self, group: bytes) -> IntentRow | None:
        """The oldest, but before it a commit that is sealed: while it is pending nothing else can be."""
        row = self._db.row("outbox_next", group)
        return None if row is None else IntentRow(*row)

    def next_commit(self, group: bytes) -> IntentRow | None:
        """As `next_intent`, of those that are no texts."""
        row = self._db.row("outbox_next_commit", group)
        return None if row is None else IntentRow(*row)

    def is_older(self, intent: bytes, age: float) -> bool:
        """Whether it was added so many seconds ago."""
        return self._db.row("outbox_is_older", intent, self.now - int(age * 1000)) is not None

    def groups_with_intents(self) -> list[bytes]:
        return [bytes(row[0]) for row in self._db.rows("outbox_groups")]

    def seal_intent(self, intent: bytes, epoch: int, sealed: bytes, parts: bytes | None) -> None:
        self._db.run("outbox_seal", epoch, sealed, parts, intent)

    def reopen_intent(self, intent: bytes) -> None:
        self._db.run("outbox_reopen", intent)

    def accept_intent(self, intent: bytes, seq: int | None) -> None:
        self._db.run("outbox_accept", seq, intent)
        self.settled.append(intent)

    def fail_intent(self, intent: bytes, error: Error) -> None:
        self._db.run("outbox_fail", error.code, error.sentence, intent)
        self.settled.append(intent)

    def set_counter(self, group: bytes, counter: int) -> None:
        self._db.run("group_counter", counter, group)
