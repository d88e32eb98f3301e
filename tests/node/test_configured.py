"""A node whose configuration puts its files elsewhere, and one that lets in by a token."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from qnpc import authtoken, wire
from qnpc._core import OpaqueClientRegistration
from qnpc.errors import Code
from qnpc.link import INVITE_BYTES
from qnpc.node import bearer
from qnpc.node.admin import create_invite
from qnpc.node.app import NodeApp
from qnpc.node.datadir import DataDir
from qnpc.node.settings import NodeSettings
from qnpc.ports import Ports
from tests.node.rig import refused
from tests.node.test_app import ANY_PORT, Nodes

TOKEN = "devtoken"
PIN = bytes(range(32))


@pytest.fixture
async def nodes(ports: Ports) -> AsyncIterator[Nodes]:
    with structlog.testing.capture_logs():
        async with AsyncExitStack() as stack:
            yield Nodes(ports, stack)


@pytest.fixture
def settings(tmp_path: Path) -> NodeSettings:
    return NodeSettings(ANY_PORT, tmp_path / "node", auth_token=TOKEN)


async def begin(nodes: Nodes, app: NodeApp, name: str, invite: bytes) -> None:
    """Raises what the node refuses with."""
    client = await nodes.connect(app)
    request = OpaqueClientRegistration(b"password").request
    await client.peer.call(client.node, wire.NODE.register, wire.NodeRegisterParams(name, request, invite))


# -- the token --------------------------------------------------------------------------------------------------------------------


async def test_whoever_knows_the_token_may_register_and_nobody_else(
    nodes: Nodes, settings: NodeSettings
) -> None:
    app = await nodes.start(settings)
    for name in ("alice", "bob", "carol"):
        await begin(nodes, app, name, authtoken.invite(TOKEN, app.pin))
    for invite in (b"", authtoken.invite("Devtoken", app.pin), authtoken.invite(TOKEN, PIN), bytes(32)):
        with refused(Code.AUTH_REQUIRED):
            await begin(nodes, app, "eve", invite)
    made = await create_invite(settings.data_dir, 1, 60.0, nodes.ports)
    assert made.invite is not None
    await begin(nodes, app, "dave", made.invite)


async def test_the_token_does_not_survive_its_removal_or_its_change(
    nodes: Nodes, settings: NodeSettings
) -> None:
    app = await nodes.start(settings)
    made = await create_invite(settings.data_dir, None, 60.0, nodes.ports)
    assert made.invite is not None
    for configured in ("another token", TOKEN, None, TOKEN):
        await app.stop()
        app = await nodes.start(replace(settings, auth_token=configured))
        for token in ("another token", TOKEN):
            shown = authtoken.invite(token, app.pin)
            if token == configured:
                await begin(nodes, app, "alice", shown)
            else:
                with refused(Code.AUTH_REQUIRED):
                    await begin(nodes, app, "eve", shown)
        await begin(nodes, app, "bob", made.invite)  # an invite keeps to its own time


async def test_without_a_token_there_is_no_standing_invite(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(replace(settings, auth_token=None))
    for guess in ("", "None", TOKEN):
        with refused(Code.AUTH_REQUIRED):
            await begin(nodes, app, "eve", authtoken.invite(guess, app.pin))


async def test_the_token_is_nowhere_on_disk(nodes: Nodes, settings: NodeSettings) -> None:
    secret = "canary token zyzzyva"
    app = await nodes.start(replace(settings, auth_token=secret))
    sent = authtoken.invite(secret, app.pin)[len(authtoken.STANDING_ID) :]
    files = [file for file in sorted(settings.data_dir.rglob("*")) if file.is_file()]
    for word in (secret.encode(), sent, sent.hex().encode()):
        assert [file.name for file in files if word in file.read_bytes()] == []
    assert secret not in repr(app.settings)


def test_a_token_as_an_invite() -> None:
    """Both sides must derive the same for ever: pinned values, from HKDF-SHA-256 by hand."""
    made = authtoken.invite("devtoken", PIN)
    assert made.hex() == "7374616e64696e67" + "30911e6e4062859634e33a5bbf2a4d00bccba828a8e27553"
    assert len(made) == INVITE_BYTES == bearer.INVITE.size
    assert authtoken.invite("devtoken", PIN) == made
    assert authtoken.invite("devtoken", bytes(32)) != made


# -- files elsewhere --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["der", "pem"])
async def test_missing_certificate_and_key_are_made_where_they_are_configured(
    nodes: Nodes, settings: NodeSettings, tmp_path: Path, ending: str
) -> None:
    cert, key = tmp_path / "tls" / f"cert.{ending}", tmp_path / "tls" / f"key.{ending}"
    placed = replace(settings, tls_cert=cert, tls_key=key)
    app = await nodes.start(placed)
    assert cert.read_bytes().startswith(b"-----BEGIN CERTIFICATE") is (ending == "pem")
    assert key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY") is (ending == "pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert list(settings.data_dir.glob("server-*")) == []
    pin = app.pin
    await app.stop()
    assert (await nodes.start(placed)).pin == pin


@pytest.mark.parametrize("key", [None, "a passphrase", bytes(range(32))], ids=["plain", "passphrase", "raw"])
async def test_a_database_elsewhere_is_found_by_whoever_makes_invites(
    nodes: Nodes, settings: NodeSettings, tmp_path: Path, key: bytes | str | None
) -> None:
    database = tmp_path / "elsewhere" / "qnpc.db"
    placed = replace(settings, database=database, db_key=key)
    app = await nodes.start(placed)
    assert database.read_bytes().startswith(b"SQLite format 3\0") is (key is None)
    assert not (settings.data_dir / "node.db").exists()
    assert DataDir(settings.data_dir).notice().database == database
    made = await create_invite(settings.data_dir, 1, 60.0, nodes.ports, key=key)
    assert made.invite is not None
    await begin(nodes, app, "alice", made.invite)
    assert not (settings.data_dir / "node.db").exists()
    if key is not None:
        with refused(Code.STORE_UNAVAILABLE):
            await create_invite(settings.data_dir, 1, 60.0, nodes.ports)


async def test_two_nodes_never_serve_one_database(
    nodes: Nodes, settings: NodeSettings, tmp_path: Path
) -> None:
    placed = replace(settings, database=tmp_path / "qnpc.db")
    app = await nodes.start(placed)
    with refused(Code.BAD_REQUEST) as refusal:
        await nodes.start(replace(placed, data_dir=tmp_path / "other"))
    assert "qnpc.db already" in refusal.value.sentence
    await app.stop()
    await nodes.start(replace(placed, data_dir=tmp_path / "other"))


async def test_a_database_cannot_be_opened_with_another_key(nodes: Nodes, settings: NodeSettings) -> None:
    app = await nodes.start(replace(settings, db_key="first"))
    await app.stop()
    for key in (None, "second"):
        with refused(Code.STORE_UNAVAILABLE):
            await nodes.start(replace(settings, db_key=key))
    await nodes.start(replace(settings, db_key="first"))
