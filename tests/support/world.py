"""A node and people in one process, over real QUIC on the loopback: for tests of the client and of both ends
together.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from qnpc import _core
from qnpc.client import Client, Kdf, Stretching, login, open_client, register
from qnpc.limits import DEFAULT, Limits
from qnpc.link import NodeLink
from qnpc.node.admin import create_invite
from qnpc.node.app import NodeApp
from qnpc.node.settings import NodeSettings
from qnpc.ports import Address, Ports
from qnpc.wire import SESSION, SessionResolveParams

CHEAP = Stretching(Kdf(8, 1, 1), _core.Argon2(memory_kib=8, iterations=1, parallelism=1))
PASSWORD = b"correct horse"


@dataclass(slots=True)
class World:
    """`stack` closes what was opened, the newest first."""

    path: Path
    ports: Ports
    limits: Limits
    stack: AsyncExitStack
    node: NodeApp
    address: Address
    clients: dict[str, Client] = field(default_factory=dict)
    _closing: dict[str, AsyncExitStack] = field(default_factory=dict)

    async def invite(self, uses: int | None = None) -> NodeLink:
        return await create_invite(self.node.settings.data_dir, uses, 3600.0, self.ports)

    async def register(self, name: str) -> Path:
        """A profile that opens without a password."""
        profile = self.path / name
        await register(
            profile,
            name,
            await self.invite(1),
            PASSWORD,
            unattended=True,
            ports=self.ports,
            limits=self.limits,
            stretching=CHEAP,
        )
        return profile

    async def login(
        self, name: str, folder: str, password: bytes = PASSWORD, ports: Ports | None = None
    ) -> Path:
        """A further device of an account, in a profile of that folder."""
        profile = self.path / folder
        await login(
            profile,
            name,
            self.node.link,
            password,
            unattended=True,
            ports=ports or self.ports,
            limits=self.limits,
            stretching=CHEAP,
        )
        return profile

    async def node_devices(self, name: str) -> list[bytes]:
        """The devices that the node knows of an account, told by another account's session."""
        if "onlooker" not in self.clients:
            await self.register("onlooker")
            await self.open("onlooker")
        online = await self.clients["onlooker"].online()
        resolved = await online.peer.call(online.session, SESSION.resolve, SessionResolveParams(name))
        return sorted(record.device for record in resolved.devices)

    async def back_up(self, name: str) -> Client:
        """A copy of the profile is made; returns its client, opened anew."""
        await self.close(name)
        shutil.copytree(self.path / name, self.path / f"{name}-backup")
        return await self.open(name)

    async def put_back(self, name: str) -> None:
        """The profile is what it was when it was backed up; it is closed for that."""
        await self.close(name)
        shutil.rmtree(self.path / name)
        shutil.copytree(self.path / f"{name}-backup", self.path / name)

    async def open(self, name: str) -> Client:
        """Open until `close`, or until the world ends."""
        stack = await self.stack.enter_async_context(AsyncExitStack())
        client = await stack.enter_async_context(self.opened(name))
        self.clients[name] = client
        self._closing[name] = stack
        return client

    async def close(self, name: str) -> None:
        await self._closing.pop(name).aclose()

    def opened(self, name: str, ports: Ports | None = None) -> AbstractAsyncContextManager[Client]:
        return open_client(self.path / name, ports=ports or self.ports, limits=self.limits)

    async def people(self, *names: str) -> list[Client]:
        for name in names:
            await self.register(name)
        return [await self.open(name) for name in names]

    async def stop_node(self) -> None:
        await self.node.stop()

    async def start_node(self) -> None:
        """Again, at the same address."""
        settings = NodeSettings(self.address, self.node.settings.data_dir, limits=self.limits)
        self.node = NodeApp(settings, self.ports)
        await self.node.start()


@asynccontextmanager
async def world(
    path: Path, ports: Ports, limits: Limits = DEFAULT, suites: tuple[int, ...] = _core.SUITES
) -> AsyncIterator[World]:
    node = NodeApp(NodeSettings(("127.0.0.1", 0), path / "node", suites=suites, limits=limits), ports)
    await node.start()
    async with AsyncExitStack() as stack:
        made = World(path, ports, limits, stack, node, node.address)

        async def stop() -> None:
            await made.node.stop()

        stack.push_async_callback(stop)
        yield made
