"""One connection of Cap'n Proto RPC on asyncio: a thin driver around the state machine of vat.py."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from qnpc.errors import Error
from qnpc.limits import Limits
from qnpc.ports import Link
from qnpc.rpc.capability import Remote, Served
from qnpc.rpc.method import Method

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Encoded(Generic[R]):
    """A call without its question id and target, encoded once for many peers."""

    method: Method[Any, R]


def encode(method: Method[P, R], params: P) -> Encoded[R]:
    """Encode a call once; `Peer.start_encoded` sends it. Its parameters hold no capability."""
    raise NotImplementedError


class Call(Generic[R]):
    """A call under way. Awaiting it gives the results; cancelling the awaiter withdraws the call."""

    def __await__(self) -> Generator[Any, None, R]:
        raise NotImplementedError

    def cancel(self) -> None:
        """Withdraw it: nobody waits for the answer, and what it would bring is released. Idempotent."""
        raise NotImplementedError

    def capability(self, name: str) -> Remote:
        """The capability that the results' field `name` holds or will hold; usable at once."""
        raise NotImplementedError


class Peer:
    """See the package's docs. Implements ports.LinkReceiver."""

    on_writable: Callable[[], None] | None = None
    on_closed: Callable[[Exception | None], None] | None = None

    def __init__(
        self, link: Link, limits: Limits, *, bootstrap: Served | None = None, log: Any = None
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    @property
    def queued(self) -> int:
        """Bytes handed to the link that the other side has not acknowledged yet."""
        raise NotImplementedError

    def bootstrap(self) -> Remote:
        raise NotImplementedError

    def start_call(self, target: Remote, method: Method[P, R], params: P) -> Call[R]:
        raise NotImplementedError

    async def call(self, target: Remote, method: Method[P, R], params: P) -> R:
        raise NotImplementedError

    def start_encoded(self, target: Remote, encoded: Encoded[R]) -> Call[R]:
        raise NotImplementedError

    def authenticated(self) -> None:
        """Messages may be as large as after login from now on, in both directions."""
        raise NotImplementedError

    def close(self, error: Error | None = None) -> None:
        raise NotImplementedError

    async def wait_closed(self) -> Exception | None:
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        raise NotImplementedError

    def writable(self) -> None:
        raise NotImplementedError

    def closed(self, error: Exception | None) -> None:
        raise NotImplementedError
