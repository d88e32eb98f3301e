"""The two ends of a capability: `Served`, an object that this side hosts, and `Remote`, one that the other side hosts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from qnpc.rpc.method import Method

if TYPE_CHECKING:
    from qnpc.rpc.tables import Broken, Import, Promise


class Served(ABC):
    """What this side hosts. Authority is the capability held: whoever has it may call all of `methods`."""

    methods: ClassVar[Mapping[tuple[int, int], Method[Any, Any]]]
    """By interface id and method id; a call of anything else is answered with E002."""

    @abstractmethod
    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        """Carry out one call; returns an instance of the results' dataclass.

        Runs in a task of its own, started in the order of arrival, cancelled when the caller withdraws the call
        or the connection ends. An `Error` is told to the caller as it is, anything else as E025 alone. A `Remote`
        in `params` belongs to the handler, which releases it in the end; when the handler raises, that is done for
        it. A `Remote` in the results is released once they are sent.
        """

    def released(self) -> None:  # noqa: B027 - most have nothing to let go of
        """The other side of some Peer no longer holds it, or that connection is gone.

        Called once each time that a Peer stops exporting it; also for a result that could not be delivered.
        """


class Owner(Protocol):
    """What a Remote belongs to."""

    def release(self, remote: Remote) -> None: ...


class Remote:
    """What the other side hosts, or will host: the capability in an answer that has not come yet.

    It may be called at once in both cases. Belongs to one Peer; of no use on another.
    """

    __slots__ = ("_owner", "state")

    def __init__(self, owner: Owner, state: Import | Promise | Broken) -> None:
        self._owner = owner
        self.state = state

    def release(self) -> None:
        """This side needs it no more. Idempotent; calls already made go on."""
        self._owner.release(self)

    def belongs_to(self, owner: Owner) -> bool:
        return self._owner is owner

    def __repr__(self) -> str:
        return f"<Remote {self.state}>"


Capability: TypeAlias = Remote | Served
"""What an interface field of a dataclass holds."""
