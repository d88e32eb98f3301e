"""What every attack is: a name, what it holds and may cost, how it prepares, and one strike, made again and again until time is up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tests.hostile.stranger import Line, Stranger

KIB = 1024


class Attack(ABC):
    """Bounds are part of an attack: what a node may hold and spend while it lasts."""

    name: ClassVar[str]
    connections: ClassVar[int] = 48
    """It holds so many at once: bare attacks, so many half-open ones as the node could believe in."""

    opens: ClassVar[bool] = False
    """Its connections come during the attack, so that their idle size is part of what it costs."""

    rehearsed: ClassVar[bool] = True
    """It can be run with fewer connections first, so that what a node takes into memory once, because it was never asked before, is not
    counted. Others have more room instead."""

    per_connection: ClassVar[int] = 128 * KIB
    """Bytes that the node may hold for each, above its idle size."""

    cores: ClassVar[float] = 1.0
    """Of the node, while it lasts."""

    pause: ClassVar[float] = 0.01
    """Seconds between strikes."""

    settles: ClassVar[float] = 2.0
    """Seconds after its end in which the node must be at rest."""

    lasts: ClassVar[float] = 0.0
    """Seconds that it needs at least to show what it does."""

    def __init__(self, stranger: Stranger, count: int) -> None:
        """`count`: so many connections, instead of all."""
        self.stranger = stranger
        self.count = count
        self.lines: list[Line] = []

    async def prepare(self) -> None:
        """Until here it looks like honest, idle clients."""
        if not self.opens:
            for _ in range(3):  # on a busy machine a handshake may take too long
                self.lines += await self.stranger.open(self.count - len(self.lines))
            assert len(self.lines) == self.count

    @abstractmethod
    async def strike(self) -> None: ...

    def complaint(self) -> str:
        """What the node did that it must not, seen from here; empty if nothing."""
        return ""
