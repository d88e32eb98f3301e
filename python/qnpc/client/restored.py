"""A node that was put back from a copy: its heads tell, before anything that it pushes is taken in.

Its log has forgotten entries that are durable here, and gives their numbers again. So the cursors go back with it, or what is new would
be dropped as old. A group that stands where we left it goes on after a visible gap; one that lost a commit has split, and lapses here:
nothing that we encrypt could be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from qnpc.client.capabilities import remote
from qnpc.client.membership import lapse, show_gap
from qnpc.client.state import State, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.rpc import Peer, Remote
from qnpc.wire import GROUP, SESSION, Empty, GroupInfoResults, Head, SessionGroupParams


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A channel whose log is not the one that we know. `head` None: the node does not count us among the members."""

    channel: bytes
    head: Head | None
    renewed: bool  # another incarnation: it begins again after what it believes that we have
    group: bool  # an active one
    ahead: bool = False  # the node has acknowledgements of ours that we do not know: it is we who went back


async def notice(state: State, limits: Limits, peer: Peer, session: Remote, heads: Iterable[Head]) -> bool:
    """Compares what the node has with what is durable here, and puts right what differs; says whether it changed a cursor.

    Raises what the calls raise, and TimeoutError; then nothing has changed."""
    heads = list(heads)
    suspects = await state.run(lambda tx: _suspects(tx, heads))
    asked = [one.channel for one in suspects if one.group]
    room = asyncio.Semaphore(max(1, limits.exports // 4))

    async def ask(channel: bytes) -> GroupInfoResults | None:
        async with room, asyncio.timeout(limits.call_timeout):
            return await group_info(peer, session, channel)

    found = await asyncio.gather(*map(ask, asked))
    infos = dict(zip(asked, found, strict=True))
    if suspects:
        await state.run(lambda tx: _put_right(tx, suspects, infos))
    return bool(suspects)


async def group_info(peer: Peer, session: Remote, group: bytes) -> GroupInfoResults | None:
    """Where the node is in a group; None if we are not in it there."""
    try:
        results = await peer.call(session, SESSION.group, SessionGroupParams(group))
        capability = remote(results.group)
        try:
            return await peer.call(capability, GROUP.info, Empty())
        finally:
            capability.release()
    except Error as error:
        if error.kind in (Code.NOT_A_MEMBER, Code.NOT_FOUND):
            return None
        raise


def _suspects(tx: Transaction, heads: Iterable[Head]) -> list[_Suspect]:
    by_channel = {head.channel: head for head in heads}
    active = {row.id for row in tx.groups() if row.state == "active"}
    found = [_Suspect(group, None, False, True) for group in active - by_channel.keys()]
    for channel, head in by_channel.items():
        known = tx.cursor(channel)
        incarnation, seq = known or (head.incarnation, 0)
        renewed = incarnation != head.incarnation
        if renewed or head.seq < seq:
            ahead = known is not None and head.acked > seq
            found.append(_Suspect(channel, head, renewed, channel in active, ahead))
    return found


def _put_right(
    tx: Transaction, suspects: Iterable[_Suspect], infos: dict[bytes, GroupInfoResults | None]
) -> None:
    for one in suspects:
        _put_one_right(tx, one, infos.get(one.channel))


def _put_one_right(tx: Transaction, one: _Suspect, info: GroupInfoResults | None) -> None:
    if one.head is not None:
        begins = one.head.acked if one.renewed else one.head.seq
        tx.set_cursor(one.channel, one.head.incarnation, begins)
    group = tx.group(one.channel)
    if not one.group or group is None or group.state != "active":
        return
    if one.head is None and info is not None:  # it became a member while this session began
        return
    # A profile from a backup has sent with keys that it has again: whatever the tree says, it must not go on.
    if info is not None and one.head is not None and not one.ahead and _agrees(tx, one, info):
        show_gap(tx, one.channel, one.head.incarnation, one.head.seq, tx.now, {"restored": True})
    else:
        lapse(tx, one.channel, tx.now)


def _agrees(tx: Transaction, one: _Suspect, info: GroupInfoResults) -> bool:
    """Each commit renews keys in the tree: the same tree in the same epoch is the same past."""
    mls = tx.mls_group(one.channel)
    if info.epoch != mls.epoch:
        return (
            one.renewed and info.epoch > mls.epoch
        )  # what leads there is still on its way, and will be checked
    return info.tree == mls.tree()
