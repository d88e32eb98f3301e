"""Links: what a host sends to a friend, and what is shown of it elsewhere."""

from __future__ import annotations

import base64

import pytest

from qnpc import link
from qnpc.errors import Code, Error
from qnpc.link import NodeLink

PIN = bytes(range(32))
INVITE = bytes(range(100, 132))
SECRET = base64.urlsafe_b64encode(INVITE).decode().rstrip("=")


@pytest.mark.parametrize(
    "host", ["chat.example", "127.0.0.1", "2001:db8::1", "localhost", "xn--bcher-kva.example"]
)
@pytest.mark.parametrize("invite", [None, INVITE])
def test_a_link_survives_being_written_and_read(host: str, invite: bytes | None) -> None:
    made = NodeLink(host, 7001, PIN, invite)
    assert link.parse(str(made)) == made
    assert link.parse(f"  {made}\n") == made


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert str(NodeLink("2001:db8::1", 7000, PIN)) == f"qnpc://[2001:db8::1]:7000/{PIN.hex()}"


def test_the_port_may_be_left_out() -> None:
    assert link.parse(f"qnpc://chat.example/{PIN.hex()}").port == 7000
    assert link.parse(f"QNPC://[::1]/{PIN.hex().upper()}") == NodeLink("::1", 7000, PIN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chat.example",
        f"https://chat.example/{PIN.hex()}",
        "qnpc://chat.example",
        f"qnpc://chat.example/{PIN.hex()[:-1]}",
        f"qnpc:///{PIN.hex()}",
        f"qnpc://2001:db8::1/{PIN.hex()}",
        f"qnpc://[2001:db8::1/{PIN.hex()}",
        f"qnpc://[nonsense]:7000/{PIN.hex()}",
        f"qnpc://[::1]7000/{PIN.hex()}",
        f"qnpc://chat.example:70000/{PIN.hex()}",
        f"qnpc://chat.example:/{PIN.hex()}",
        f"qnpc://chat.example:7000/{PIN.hex()}/more",
        f"qnpc://me@chat.example/{PIN.hex()}",
    ],
)
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(Error) as refused:
        link.parse(text)
    assert refused.value.kind is Code.BAD_REQUEST


@pytest.mark.parametrize(
    "text",
    [
        f"qnpc://chat.example/{PIN.hex()}#{SECRET[:-1]}",
        f"qnpc://chat.example/{PIN.hex()}#{SECRET}x",
        f"qnpc://chat.example/{PIN.hex()}#{SECRET}%",
        f"qnpc://chat.example/#{SECRET}",
        f"nonsense#{SECRET}",
    ],
)
def test_a_refusal_never_repeats_the_invite(text: str) -> None:
    with pytest.raises(Error) as refused:
        link.parse(text)
    assert SECRET[:8] not in str(refused.value)


def test_the_invite_is_in_no_repr() -> None:
    made = NodeLink("chat.example", 7000, PIN, INVITE)
    assert SECRET not in repr(made)
    assert repr(INVITE) not in repr(made)
    assert made.without_invite.invite is None
    assert "#" not in str(made.without_invite)
