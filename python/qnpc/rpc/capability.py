"""The two ends of a capability: `Served`, an object that this side hosts, and `Remote`, one that the other side hosts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

from qnpc.rpc.method import Method


class Served(ABC):
    """What this side hosts. Authority is the capability held: whoever has it may call all of `methods`."""

    methods: ClassVar[Mapping[tuple[int, int], Method[Any, Any]]]
    """By interface id and method id; a call of anything else is answered with E002."""

    @abstractmethod
    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        """Carry out one call; returns an instance of the results' dataclass.

        Runs in a task of its own, started in the order of arrival, cancelled when the caller withdraws the call or the connection
        ends. An `Error` is told to the caller as it is, anything else as E025 alone. Capabilities in `params` belong to the handler,
        which releases them; when it raises, they have been released for it.
        """

    def released(self) -> None:
        """The other side holds it no more, or the connection is gone; called once per Peer that exported it (again if exported again)."""


class Remote:
    """What the other side hosts, or will: the capability in an answer that has not come yet. Belongs to one Peer."""

    def release(self) -> None:
        """This side needs it no more. Idempotent; calls already made go on."""
        raise NotImplementedError


Capability: TypeAlias = Remote | Served
"""What an interface field of a dataclass holds."""
