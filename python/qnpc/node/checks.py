"""What parameters must look like before anything is looked up or computed for them."""

from __future__ import annotations

from qnpc.errors import Code, Error

DEVICE_BYTES = 32
GROUP_BYTES = 16
ID_BYTES = 16


def exactly(size: int, data: bytes, what: str) -> bytes:
    """`data`, if it has `size` bytes. Raises Error(BAD_REQUEST) that names `what`."""
    if len(data) != size:
        raise Error(Code.BAD_REQUEST, f"{what} has {size} bytes")
    return data


def at_most(size: int, data: bytes, what: str) -> bytes:
    """Raises Error(TOO_LARGE) that names `what`."""
    if len(data) > size:
        raise Error(Code.TOO_LARGE, f"{what} has more than {size} bytes")
    return data


def count_at_most(limit: int, count: int, what: str) -> None:
    """Raises Error(TOO_LARGE) that names `what`."""
    if count > limit:
        raise Error(Code.TOO_LARGE, f"more than {limit} {what} at once")
