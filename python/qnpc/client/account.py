"""Who this profile is: the account, its node, and this device's keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from qnpc.client.state import Keys
from qnpc.link import NodeLink
from qnpc.wire import statement


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    node: NodeLink  # without an invite
    identity_key: bytes
    keys: Keys = field(repr=False)

    @property
    def device(self) -> bytes:
        """The device's public key."""
        return self.keys.device.public_key


def inbox_context(device: bytes) -> bytes:
    """What an envelope in a device's inbox is bound to."""
    return statement(b"inbox", device)
