"""Who is to be added: the KeyPackages and hybrid keys of their devices, fetched from the node.

Each KeyPackage is given out once, so what was fetched for an intent is kept until it is through: a retry asks only for what is missing.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from qnpc.client.capabilities import Online
from qnpc.client.sealing import Candidate
from qnpc.limits import Limits
from qnpc.rpc import Method
from qnpc.wire import (
    SESSION,
    SessionFetchHybridKeyParams,
    SessionFetchKeyPackagesParams,
)

P = TypeVar("P")
R = TypeVar("R")


class Candidates:
    """Many at once, each call with a deadline of its own: how many are invited says nothing about the path."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = asyncio.Semaphore(limits.key_fetches)
        self._kept: dict[
            bytes, tuple[bytes, dict[str, list[Candidate]]]
        ] = {}  # per group, of its latest intent

    async def fetch(
        self, online: Online, group: bytes, intent: bytes, usernames: list[str], suite: int
    ) -> list[Candidate]:
        """Raises Error(NOT_FOUND, NO_KEY_PACKAGE) and TimeoutError; what came is kept all the same."""
        of, kept = self._kept.get(group, (b"", {}))
        if of != intent:
            kept = {}
            self._kept[group] = (intent, kept)

        async def account(username: str) -> None:
            if username not in kept:
                kept[username] = await self._devices(online, username, suite)

        outcomes = await asyncio.gather(*map(account, usernames), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        return [candidate for username in usernames for candidate in kept[username]]

    async def _devices(self, online: Online, username: str, suite: int) -> list[Candidate]:
        params = SessionFetchKeyPackagesParams(username, suite)
        candidates = []
        for package in (await self._call(online, SESSION.fetch_key_packages, params)).packages:
            asked = SessionFetchHybridKeyParams(package.device)
            hybrid = await self._call(online, SESSION.fetch_hybrid_key, asked)
            candidates.append(
                Candidate(username, package.device, package.key_package, hybrid.key, hybrid.signature)
            )
        return candidates

    async def _call(self, online: Online, method: Method[P, R], params: P) -> R:
        async with self._room, asyncio.timeout(self._limits.call_timeout):
            return await online.peer.call(online.session, method, params)
