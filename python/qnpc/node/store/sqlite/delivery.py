"""The logs: appending, acknowledging, collecting.

A channel's seq is dense, an entry is one row however many read it, and what a device sent under an id is
answered from before for ever after. Depth and bytes are counted from `base`, up to which every present member
has acknowledged; it is brought forward only when a limit is near, so that an append costs the same in a group
of two and of a thousand.
"""

from __future__ import annotations

from typing import NamedTuple

from qnpc.errors import Code, Error
from qnpc.node.store.contract import Ack, Actor, Append, Appended, Collect
from qnpc.node.store.sqlite.batch import Batch, check_actor, check_length
from qnpc.node.store.sqlite.database import Row

ID = 16
INBOX = 32
MAX_SEQ = (1 << 40) - 1

_PAGES = 256  # given back at a time
_STEPS_BACK = 2  # epochs before the current one in which a message may still be sent


class Standing(NamedTuple):
    """What an entry is judged by, as the statement `standing` selects it. Row ids; None where there is no
    such thing."""

    device: int
    revoked: int
    expires: int | None
    channel: int | None
    head: int
    base: int
    bytes: int
    epoch: int | None  # None: not a group
    steady_since: int
    member: int
    sent: int | None  # the seq that this id got before


def standing(batch: Batch, actor: Actor, channel: bytes, id: bytes, now: int) -> Standing:  # noqa: A002
    """E001 for an id that is none, then what the actor may not: E004, E005, E022."""
    check_length(id, ID, "an entry's id")
    row = batch.db.one("standing", device=actor.device, token=actor.token, channel=channel, id=id)
    if row is None:
        raise Error(Code.AUTH_REQUIRED)
    found = Standing._make(row)
    check_actor(found.revoked, found.expires, now)
    return found


def append(batch: Batch, item: Append) -> Appended:
    found = standing(batch, item.actor, item.channel, item.id, item.now)
    if found.channel is not None and found.sent is not None:
        return Appended(found.sent, False, recipients(batch, found.channel, found.sent))
    if found.channel is None or (len(item.channel) != INBOX and not found.member):
        raise Error(Code.NOT_FOUND) if len(item.channel) == INBOX else Error(Code.NOT_A_MEMBER)
    if found.epoch is not None and not _accepts(found, item.epoch):
        raise Error(Code.EPOCH_STALE)
    _check_room(batch, found.channel, found, item)
    seq = write(batch, found.channel, found.head, found.device, item.id, item.payload, item.now)
    present = batch.recipients.get(found.channel)
    if present is None:
        present = batch.recipients[found.channel] = recipients(batch, found.channel, seq)
    return Appended(seq, True, present)


def write(batch: Batch, channel: int, head: int, sender: int, id: bytes, payload: bytes, now: int) -> int:  # noqa: A002
    """The entry after `head`, unjudged. Returns its seq."""
    seq = head + 1
    batch.db.run(
        "insert_entry", channel=channel, seq=seq, id=id, sender=sender, received=now, payload=payload
    )
    batch.db.run("insert_sent", sender=sender, id=id, channel=channel, seq=seq)
    batch.db.run("advance_head", channel=channel, seq=seq, size=len(payload))
    return seq


def recipients(batch: Batch, channel: int, seq: int) -> tuple[bytes, ...]:
    """The devices whose membership spans `seq`, without revoked ones."""
    return tuple(key for (key,) in batch.db.all("recipients", channel=channel, seq=seq))


def ack(batch: Batch, item: Ack) -> None:
    batch.db.run("ack", channel=item.channel, device=item.device, seq=min(item.seq, MAX_SEQ))


def collect(batch: Batch, item: Collect) -> int:
    """Takes channel after channel until `limit` rows went. An entry goes only after all before it went: what
    is left is one run."""
    gone = 0
    for channel, head, first, base, finished in batch.db.all(
        "collectable", older_than=item.older_than, limit=item.limit
    ):
        if gone >= item.limit:
            break
        room = item.limit - gone
        row = batch.db.one(
            "first_younger", channel=channel, after=first, limit=room, older_than=item.older_than
        )
        younger = None if row is None else row[0]
        aged = min(first + room, head) if younger is None else younger - 1
        upto = min(max(finished, aged), first + room)
        if upto > base:
            _advance_base(batch, channel, base, upto)
        gone += batch.db.run("delete_entries", channel=channel, after=first, upto=upto)
        batch.db.run("advance_gone", channel=channel, gone=upto)
    if gone < item.limit:
        gone += batch.db.run("delete_trees", older_than=item.older_than, limit=item.limit - gone)
        _give_back_space(batch)
    return gone


def _give_back_space(batch: Batch) -> None:
    """Free pages are used again; only when they are most of the file does it shrink, a piece at a time."""
    if _number(batch.db.one("free_pages")) * 2 > _number(batch.db.one("page_count")):
        for _ in range(_PAGES):
            batch.db.run("vacuum_page")


def _accepts(found: Standing, epoch: int | None) -> bool:
    if found.epoch is None or epoch is None:
        return False
    return max(found.steady_since, found.epoch - _STEPS_BACK) <= epoch <= found.epoch


def _check_room(batch: Batch, channel: int, found: Standing, item: Append) -> None:
    if _fits(found.head - found.base, found.bytes, item):
        return
    slowest = _number(batch.db.one("slowest_member", channel=channel), found.head)
    used = found.bytes
    if slowest > found.base:  # this stays though the item may be refused: it is true all the same
        used -= _advance_base(batch, channel, found.base, slowest)
    if not _fits(found.head - max(slowest, found.base), used, item):
        raise Error(Code.QUEUE_FULL)


def _fits(waiting: int, used: int, item: Append) -> bool:
    return waiting < item.depth and used + len(item.payload) <= item.bytes_limit


def _advance_base(batch: Batch, channel: int, base: int, upto: int) -> int:
    """Returns how many bytes no longer count."""
    freed = _number(batch.db.one("size_between", channel=channel, after=base, upto=upto))
    batch.db.run("advance_base", channel=channel, base=upto, freed=freed)
    return freed


def _number(row: Row | None, otherwise: int = 0) -> int:
    return otherwise if row is None or row[0] is None else int(row[0])
