"""What a node hands out, as this side holds it."""

from __future__ import annotations

from qnpc.errors import Code, Error
from qnpc.rpc import Remote


def remote(capability: object) -> Remote:
    """What a node hands out is hosted by it. Raises Error(BAD_REQUEST) if it hands our own back."""
    if not isinstance(capability, Remote):
        raise Error(Code.BAD_REQUEST, "the node handed out no capability of its own")
    return capability
