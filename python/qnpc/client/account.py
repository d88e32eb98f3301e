"""Who this profile is: the account, its node, and this device's keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from qnpc.client.state import Keys
from qnpc.limits import Limits
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


GROUP_ID = 16
"""Bytes of a group's id."""

_ID = re.compile(rf"[0-9a-fA-F]{{{2 * GROUP_ID}}}")


def group_name_fits(name: str, limits: Limits) -> bool:
    """A group's name is visible, one line, not too long, and not like an id: whoever names a group by its id means that one."""
    visible = 0 < len(name) <= limits.group_name and name.isprintable() and name == name.strip()
    return visible and group_id_of(name) is None


def group_id_of(text: str) -> bytes | None:
    """The id that `text` is in hex, or None if it is a name."""
    return bytes.fromhex(text) if _ID.fullmatch(text) else None
