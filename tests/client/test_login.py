"""Coming back: a session is renewed by the device's key, a lost device is replaced by the password, and nobody learns who
has an account."""

from __future__ import annotations

import pytest

from qnpc import _core, transport
from qnpc.client.capabilities import remote
from qnpc.client.state import DatabaseError
from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.ports import Ports
from qnpc.rpc import Peer
from qnpc.wire import LOGIN, NODE, LoginFinishParams, NodeLoginParams
from tests.client.test_group_life import WITHIN, befriend, joined, texts
from tests.support.world import PASSWORD, World


async def refusal(there: World, name: str, folder: str, password: bytes) -> Error:
    with pytest.raises(Error) as caught:
        await there.login(name, folder, password)
    return caught.value


async def test_an_expired_token_is_renewed_without_a_password(there: World) -> None:
    await there.register("alice")
    alice = await there.open("alice")
    assert not (await alice.online(WITHIN)).renewed
    await alice.state.run(lambda tx: tx.set_meta("token_expires", b"1"))
    await there.close("alice")
    alice = await there.open("alice")
    assert (await alice.online(WITHIN)).renewed
    await there.close("alice")
    alice = await there.open("alice")
    assert not (await alice.online(WITHIN)).renewed


async def test_a_token_that_the_node_forgot_is_renewed_too(there: World) -> None:
    await there.register("alice")
    alice = await there.open("alice")
    await alice.state.run(lambda tx: tx.set_meta("token", bytes(48)))
    await there.close("alice")
    assert (await (await there.open("alice")).online(WITHIN)).renewed


async def test_a_lost_device_is_replaced_by_the_password_and_invited_again(there: World) -> None:
    groups = await befriend(there, "alice", "bob")
    await there.close("bob")
    profile = await there.login("bob", "bob-again")
    assert profile.is_dir()
    old = (await there.open("bob")).account
    await there.close("bob")
    new = await there.open("bob-again")
    assert new.account.identity_key == old.identity_key
    assert new.account.device != old.device
    await (await groups["alice"].remove("bob")).accepted(WITHIN)
    await (await groups["alice"].invite("bob")).accepted(WITHIN)
    await joined(new)
    await (await groups["alice"].send("welcome back")).accepted(WITHIN)
    assert await texts(new, 1) == [("alice", "welcome back")]


async def test_a_wrong_password_and_an_unknown_name_leave_the_same_refusal_and_no_profile(
    there: World,
) -> None:
    await there.register("alice")
    wrong = await refusal(there, "alice", "one", b"wrong")
    unknown = await refusal(there, "nobody", "two", PASSWORD)
    assert (wrong.kind, str(wrong)) == (unknown.kind, str(unknown)) == (Code.LOGIN_FAILED, str(unknown))
    assert not (there.path / "one").exists()
    assert not (there.path / "two").exists()


async def test_the_node_answers_both_with_the_same_bytes_in_the_same_shape(there: World) -> None:
    await there.register("alice")
    answers = {}
    for name in ("alice", "nobody"):
        connection = await transport.connect(there.ports, there.address, DEFAULT, pin=there.node.pin)
        peer = Peer(connection, DEFAULT)
        peer.start()
        opaque = _core.OpaqueClientLogin(b"wrong")
        started = await peer.call(peer.bootstrap(), NODE.login, NodeLoginParams(name, opaque.request))
        with pytest.raises(Error) as caught:
            await peer.call(remote(started.login), LOGIN.finish, LoginFinishParams(bytes(64)))
        answers[name] = (len(started.response), str(caught.value), caught.value.retry_after)
        peer.close()
        await peer.wait_closed()
    assert answers["alice"] == answers["nobody"]
    assert answers["alice"][1].startswith("E006")


async def test_pending_logins_are_bounded_and_an_answered_one_gives_its_place_back(there: World) -> None:
    await there.register("alice")
    connection = await transport.connect(there.ports, there.address, DEFAULT, pin=there.node.pin)
    peer = Peer(connection, DEFAULT)
    peer.start()
    request = NodeLoginParams("alice", _core.OpaqueClientLogin(b"x").request)
    started = [
        await peer.call(peer.bootstrap(), NODE.login, request)
        for _ in range(DEFAULT.pending_logins_per_address)
    ]
    with pytest.raises(Error) as caught:
        await peer.call(peer.bootstrap(), NODE.login, request)
    assert caught.value.kind is Code.TOO_MANY_LOGINS
    with pytest.raises(Error):
        await peer.call(remote(started[0].login), LOGIN.finish, LoginFinishParams(bytes(64)))
    await peer.call(peer.bootstrap(), NODE.login, request)
    peer.close()
    await peer.wait_closed()
    await there.login("alice", "alice-again")  # a closed connection gives back what it held


class OnceBroken:
    """Store hooks whose first commit fails."""

    def __init__(self) -> None:
        self.broken = False

    def before_commit(self) -> None:
        if not self.broken:
            self.broken = True
            raise DatabaseError("disk I/O error")

    def after_commit(self) -> None: ...


async def test_a_login_that_breaks_after_the_node_agreed_is_finished_by_the_next(there: World) -> None:
    await there.register("alice")
    ports = Ports(store_hooks=OnceBroken())
    with pytest.raises(Error) as caught:
        await there.login("alice", "alice-again", ports=ports)
    ports.close()
    assert caught.value.kind is Code.STORE_UNAVAILABLE
    assert (there.path / "alice-again" / "vault.qpce").exists()
    device = await there.node_devices("alice")
    await there.login("alice", "alice-again")
    again = await there.open("alice-again")
    await again.online(WITHIN)
    assert again.username == "alice"
    assert await there.node_devices("alice") == device  # the same device, not a third one
