"""The group of a load, in real MLS: one device encrypts, one decrypts, and the others are members of it like them.

KeyPackages and the Welcome go from hand to hand within this process, so that a group of hundreds stands after one commit and without
profiles; the node sees the same group, the same commit and the same messages as it would otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from qnpc import _core
from qnpc.benchmarks.devices import Device, remote
from qnpc.errors import Code, Error
from qnpc.ports import Random
from qnpc.rpc import Remote
from qnpc.wire import (
    GROUP,
    SESSION,
    GroupCommitParams,
    GroupSendParams,
    SessionCreateGroupParams,
    Welcome,
)

_ID = 16
_NO_WELCOME = b"by hand"
"""What inboxes get: the node cannot tell."""


class Chat:
    """Made by `make_chat`. The first device sends, the second reads."""

    def __init__(
        self, sender: Device, capability: Remote, sending: _core.Group, reading: _core.Group
    ) -> None:
        self._sender = sender
        self._capability = capability
        self._sending = sending
        self._reading = reading
        self.group = sending.group_id

    def encrypt(self, text: bytes, id: bytes) -> bytes:  # noqa: A002
        return self._sending.encrypt(text, id)

    async def send(self, message: bytes, id: bytes) -> None:  # noqa: A002
        """Returns when the node has it durably. Sends in the order of the calls, when its turn comes. Raises Error."""
        params = GroupSendParams(self._sending.epoch, message, id)
        await self._sender.peer.call(self._capability, GROUP.send, params)

    def decrypt(self, message: bytes) -> tuple[bytes, bytes] | None:
        """(id, text) of a message of the group, or None if it is no such thing. Each can be opened once."""
        try:
            opened = self._reading.process(message)
        except _core.Panicked:
            raise
        except _core.CoreError:
            return None
        return (opened.message_id, opened.plaintext) if isinstance(opened, _core.Application) else None


async def make_chat(devices: Sequence[Device], suite: int, random: Random) -> Chat:
    """A group of all `devices` at their node, by one commit of the first. Raises Error."""
    sender, reader, *_ = devices
    stores = [_core.MlsStore() for _ in devices]
    packages = [
        _core.generate_key_packages(store, device.key, device.certificate, suite, 1)[0]
        for store, device in zip(stores[1:], devices[1:], strict=True)
    ]
    group = _core.Group.create(stores[0], sender.key, sender.certificate, random.bytes(_ID), suite)
    params = SessionCreateGroupParams(group.group_info(), group.tree(), random.bytes(_ID))
    made = await sender.peer.call(sender.session, SESSION.create_group, params)
    capability = remote(made.group)
    id_, epoch = random.bytes(_ID), group.epoch
    pending = group.commit_add(packages, id_)
    welcomes = tuple(Welcome(device.key.public_key, _NO_WELCOME) for device in devices[1:])
    commit = GroupCommitParams(epoch, pending.commit, pending.group_info, welcomes, id_)
    await sender.peer.call(capability, GROUP.commit, commit)
    if pending.welcome is None:
        raise Error(Code.INTERNAL, "the commit welcomes nobody")
    group.merge_pending()
    reading = _core.Group.join(stores[1], reader.key, pending.welcome, group.tree())
    return Chat(sender, capability, group, reading)
