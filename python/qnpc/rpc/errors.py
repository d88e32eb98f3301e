"""What can go wrong between two peers, by whose fault it is.

`LocalProtocolError` is a bug of ours: a call that cannot be made like this. `RemoteProtocolError` is the other side's: an attack, or a
peer of another make; it ends the connection with an Abort whose reason carries its code. `Disconnected` is nobody's: the answer will
never come, and whether the call was carried out is unknown.
"""

from __future__ import annotations

from qnpc.errors import Code, Error


class LocalProtocolError(Exception):
    """This side asked for what the protocol does not allow; the connection is unharmed."""


class RemoteProtocolError(Error):
    """The other side broke the protocol or a limit. `str()` says which, in words that may be sent back to it."""

    def __init__(self, sentence: str, kind: Code = Code.BAD_REQUEST) -> None:
        super().__init__(kind, sentence)


class Disconnected(Error):
    """The connection ended before the answer came. `cause` is why it ended, None after an orderly close."""

    def __init__(self, cause: Exception | None = None) -> None:
        super().__init__(Code.UNREACHABLE, "the connection ended before the answer came")
        self.cause = cause
