"""Consumers: named readers of history, each with a durable cursor of its own.

Asking for the next message acknowledges the last: a reader that dies in between gets it again, and nothing is lost. Two readers of one name
share a cursor and must not run at the same time.
"""

from __future__ import annotations

import asyncio

from qnpc.client.state import HistoryRow, State, Transaction


class Consumer:
    """History rows of others, in the order in which they became durable, of one group or of all."""

    def __init__(
        self, state: State, name: str, group: bytes | None = None, *, from_now: bool = False
    ) -> None:
        """`from_now`: a name that was never used begins at the end of history instead of at its start."""
        self._state = state
        self._name = name
        self._group = group
        self._from_now = from_now
        self._last: int | None = None

    async def next(self) -> HistoryRow | None:
        """Acknowledges the last and hands out the next one, or None when there is none now."""
        acknowledge, self._last = self._last, None

        def step(tx: Transaction) -> HistoryRow | None:
            if acknowledge is not None:
                tx.set_consumer(self._name, acknowledge)
            position = tx.consumer(self._name)
            if position is None:
                position = tx.history_end() if self._from_now else 0
                tx.set_consumer(self._name, position)
            return tx.next_history(position, self._group)

        row = await self._state.run(step)
        if row is not None:
            self._last = row.position
        return row

    async def wait(self) -> HistoryRow:
        """Like `next`, but waits for one."""
        while True:
            change: asyncio.Event = self._state.change
            row = await self.next()
            if row is not None:
                return row
            await change.wait()
