"""A node as it is run: over QUIC, out of a directory, started and stopped."""

from __future__ import annotations

import gc
import json
import os
import stat
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import structlog

from qnpc import link, wire
from qnpc._core import OpaqueClientRegistration
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.node.admin import create_invite, declare_restored
from qnpc.node.app import NodeApp
from qnpc.node.datadir import DataDir
from qnpc.node.dispatch import Visitor
from qnpc.node.settings import NodeSettings
from qnpc.node.store.sqlite import SqliteStore
from qnpc.ports import Ports, SystemRandom
from qnpc.rpc import Peer, Remote
from qnpc.transport import Connection, connect
from tests.node.rig import refused

ANY_PORT = ("127.0.0.1", 0)


@dataclass(slots=True)
class Client:
    peer: Peer
    node: Remote


class Nodes:
    """Starts nodes and connects to them; all of it ends with the test."""

    def __init__(self, ports: Ports, stack: AsyncExitStack) -> None:
        self.ports = ports
        self.stack = stack

    async def start(self, settings: NodeSettings) -> NodeApp:
        app = NodeApp(settings, self.ports)
        await app.start()
        self.stack.push_async_callback(app.stop)
        return app

    async def connect(self, app: NodeApp, pin: bytes | None = None) -> Client:
        connection = await connect(self.ports, app.address, DEFAULT, pin=pin or app.pin)
        peer = Peer(connection, DEFAULT)
        peer.start()

        async def close() -> None:
            peer.close()
            await peer.wait_closed()

        self.stack.push_async_callback(close)
        return Client(peer, peer.bootstrap())


@pytest.fixture
async def nodes(ports: Ports) -> AsyncIterator[Nodes]:
    with structlog.testing.capture_logs():
        async with AsyncExitStack() as stack:
            yield Nodes(ports, stack)


@pytest.fixture
def settings(tmp_path: Path) -> NodeSettings:
    return NodeSettings(ANY_PORT, tmp_path / "node")


async def test_a_started_node_answers_at_its_link(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(settings)
    read = link.parse(app.link_text)
    assert (read.host, read.port, read.pin, read.invite) == (*app.address, app.pin, None)
    client = await nodes.connect(app)
    said = (await client.peer.call(client.node, wire.NODE.info, wire.Empty())).info
    assert said.pin == app.pin
    health = (await client.peer.call(client.node, wire.NODE.health, wire.Empty())).health
    assert (health.ready, health.tls_group) == (True, "X25519MLKEM768")


async def test_others_on_the_machine_find_the_running_node(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(replace(settings, public="chat.example:7000"))
    directory = DataDir(settings.data_dir)
    path = settings.data_dir / "node.json"
    assert json.loads(path.read_text()) == {
        "v": 1,
        "listen": link.join_address(*app.address),
        "public": "chat.example:7000",
        "pin": app.pin.hex(),
        "pid": os.getpid(),
        "database": None,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await app.stop()
    assert directory.notice().pid is None, "a stopped node is not announced as running"
    await app.stop()


async def test_who_comes_is_counted_by_network(
    nodes: Nodes, settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has an IPv6 network could else take a place of the pending logins with each of its addresses."""
    app = await nodes.start(settings)
    counted: list[str] = []

    def receive(_services: object, _link: object, address: str, _group: str) -> SimpleNamespace:
        counted.append(address)
        return SimpleNamespace()

    monkeypatch.setattr("qnpc.node.engine.receive_visitor", receive)
    for host in ("2001:db8::1", "2001:db8::2:3", "192.0.2.1"):
        visitor = SimpleNamespace(peer_address=(host, 1), tls_group="", authenticated=None)
        app._connected(cast("Connection", visitor))
    assert counted == ["2001:db8::/64", "2001:db8::/64", "192.0.2.1"]


async def test_the_key_outlives_the_node(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(settings)
    pin = app.pin
    await app.stop()
    assert (await nodes.start(settings)).pin == pin


async def test_two_nodes_never_serve_one_directory(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(settings)
    with refused(Code.BAD_REQUEST) as refusal:
        await nodes.start(settings)
    assert "already" in str(refusal.value)
    await app.stop()
    await nodes.start(settings)


async def test_an_address_that_is_taken_is_refused_and_nothing_is_left(
    nodes: Nodes, settings: NodeSettings, tmp_path: Path
) -> None:
    app = await nodes.start(settings)
    other = NodeSettings(app.address, tmp_path / "other")
    with refused(Code.BAD_REQUEST) as refusal:
        await nodes.start(other)
    assert str(app.address[1]) in str(refusal.value)
    await nodes.start(replace(other, listen=ANY_PORT))


async def test_a_public_address_that_is_none_is_refused(nodes: Nodes, settings: NodeSettings) -> None:
    with refused(Code.BAD_REQUEST):
        await nodes.start(replace(settings, public="not an address"))
    assert not settings.data_dir.exists()


async def test_a_node_without_a_public_name_links_to_this_machine(
    nodes: Nodes, settings: NodeSettings
) -> None:
    everywhere = replace(settings, listen=("0.0.0.0", 0))  # noqa: S104
    assert everywhere.only_local
    app = await nodes.start(everywhere)
    assert app.link_text.startswith(f"qnpc://127.0.0.1:{app.address[1]}/")


async def test_an_invite_made_beside_a_running_node_lets_in(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(settings)
    made = await create_invite(settings.data_dir, 1, 60.0, nodes.ports)
    assert made.without_invite == app.link
    assert made.invite is not None
    client = await nodes.connect(app)
    opaque = OpaqueClientRegistration(b"password")
    begun = await client.peer.call(
        client.node, wire.NODE.register, wire.NodeRegisterParams("alice", opaque.request, made.invite)
    )
    assert len(begun.response) == 64
    await app.stop()
    later = await create_invite(settings.data_dir, None, None, nodes.ports)
    assert later.pin == made.pin, "it can be made while no node runs, too"


@pytest.mark.parametrize(("uses", "seconds"), [(0, 60.0), (-1, 60.0), (1, 0.0)])
async def test_an_invite_for_nobody_is_refused(
    nodes: Nodes, settings: NodeSettings, uses: int, seconds: float
) -> None:
    await nodes.start(settings)
    with refused(Code.BAD_REQUEST):
        await create_invite(settings.data_dir, uses, seconds, nodes.ports)


async def test_no_invite_without_a_node(ports: Ports, tmp_path: Path) -> None:
    with refused(Code.NOT_FOUND):
        await create_invite(tmp_path / "nothing", 1, 60.0, ports)
    assert not (tmp_path / "nothing").exists()


async def test_a_restore_is_declared_only_while_no_node_runs(
    nodes: Nodes, settings: NodeSettings, tmp_path: Path
) -> None:
    with refused(Code.NOT_FOUND):
        await declare_restored(tmp_path / "nothing", nodes.ports)
    assert not (tmp_path / "nothing").exists()
    app = await nodes.start(settings)
    with refused(Code.BAD_REQUEST):
        await declare_restored(settings.data_dir, nodes.ports)
    await app.stop()
    before = incarnation(settings)
    await declare_restored(settings.data_dir, nodes.ports)
    assert incarnation(settings) != before


def incarnation(settings: NodeSettings) -> int:
    store = SqliteStore.open(DataDir(settings.data_dir).database, random=SystemRandom())
    store.close()
    return store.incarnation


async def test_stopping_tells_clients_to_come_back(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(settings)
    client = await nodes.connect(app)
    await client.peer.call(client.node, wire.NODE.info, wire.Empty())
    await app.stop()
    why = await client.peer.wait_closed()
    assert isinstance(why, Error)
    assert why.kind is Code.SHUTTING_DOWN


@pytest.mark.parametrize("name", ["server-key.pem", "server-cert.pem", "node.db", "node.lock", "node.json"])
async def test_what_is_kept_is_its_owners_alone(nodes: Nodes, settings: NodeSettings, name: str) -> None:
    await nodes.start(settings)
    assert stat.S_IMODE((settings.data_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.BAD_REQUEST),
        ("[]", Code.BAD_REQUEST),
        ('{"v": 1}', Code.BAD_REQUEST),
        ('{"v": 2}', Code.UNSUPPORTED_VERSION),
        ('{"v": 1, "listen": "a:1", "public": "a:1", "pin": "zz", "pid": null}', Code.BAD_REQUEST),
    ],
)
def test_a_notice_that_cannot_be_read_is_refused(tmp_path: Path, text: str, code: Code) -> None:
    (tmp_path / "node.json").write_text(text)
    with refused(code):
        DataDir(tmp_path).notice()


async def test_who_has_been_here_leaves_nothing_behind(nodes: Nodes, settings: NodeSettings) -> None:
    """Not even until Python's collector comes by, which on a busy node may be minutes."""

    def held() -> Counter[str]:
        found = [one for one in gc.get_objects() if isinstance(one, Connection | Peer | Visitor)]
        clients = [one for one in found if isinstance(one, Connection) and one._is_client]
        return Counter(type(one).__name__ for one in found if one not in clients)

    app = await nodes.start(settings)
    gc.collect()
    gc.disable()
    try:
        before = held()
        for _ in range(3):
            connection = await connect(nodes.ports, app.address, DEFAULT, pin=app.pin)
            peer = Peer(connection, DEFAULT)
            peer.start()
            await peer.call(peer.bootstrap(), wire.NODE.health, wire.Empty())
            peer.close()
            await peer.wait_closed()
            del connection, peer
        while held() != before:  # the node says farewell for some tenths of a second
            await nodes.ports.clock.sleep(0.05)
    finally:
        gc.enable()
