"""A node's link: where it is, which key it has and, if one is to register there, the invite.

`qnpc://host:port/<pin, 64 hex digits>#<invite, base64url>`. The pin is the SHA-256 of the certificate's
SubjectPublicKeyInfo (RFC 7469, 2.4). The invite is a secret: it is in the link's text, since that is what a link is for, and in
nothing else (no repr, no error).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass, field

from qnpc.errors import Code, Error

DEFAULT_PORT = 7000
SCHEME = "qnpc://"
PIN_BYTES = 32
INVITE_BYTES = 32  # 8 of public id, 24 of secret

_PIN = re.compile(r"[0-9a-fA-F]{64}")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
_PORT = re.compile(r"[0-9]{1,5}")
_BASE64 = re.compile(r"[A-Za-z0-9_-]+={0,2}")


@dataclass(frozen=True, slots=True)
class NodeLink:
    """`host` is a name or an address without brackets, `pin` 32 bytes, `invite` 32 bytes or None."""

    host: str
    port: int
    pin: bytes
    invite: bytes | None = field(default=None, repr=False)

    def __str__(self) -> str:
        fragment = (
            "" if self.invite is None else "#" + base64.urlsafe_b64encode(self.invite).decode().rstrip("=")
        )
        return f"{SCHEME}{join_address(self.host, self.port)}/{self.pin.hex()}{fragment}"

    @property
    def without_invite(self) -> NodeLink:
        """What may be stored, logged and shown."""
        return NodeLink(self.host, self.port, self.pin)


def parse(text: str) -> NodeLink:
    """Reads a link. Raises Error(BAD_REQUEST) with a sentence that says what is wrong and never repeats the invite."""
    text = text.strip()
    if not text.lower().startswith(SCHEME):
        raise _bad(f"it starts with {SCHEME}")
    where, _, fragment = text[len(SCHEME) :].partition("#")
    address, _, pin = where.partition("/")
    host, port = split_address(address)
    if not _PIN.fullmatch(pin):
        raise _bad("after the address and a slash it has the node's pin, 64 hex digits")
    return NodeLink(host, port, bytes.fromhex(pin), _invite(fragment) if fragment else None)


def split_address(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """`host`, `host:port`, `[IPv6]` or `[IPv6]:port`. Raises Error(BAD_REQUEST)."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or not _is_ipv6(host):
            raise Error(Code.BAD_REQUEST, "an IPv6 address stands in brackets, like [2001:db8::1]:7000")
        if rest and not rest.startswith(":"):
            raise Error(Code.BAD_REQUEST, "after the address in brackets there is only a colon and a port")
        port = rest[1:] if rest else str(default_port)
    else:
        if text.count(":") > 1:
            raise Error(Code.BAD_REQUEST, "an IPv6 address stands in brackets, like [2001:db8::1]:7000")
        host, colon, after = text.partition(":")
        port = after if colon else str(default_port)
        if not _NAME.fullmatch(host):
            raise Error(Code.BAD_REQUEST, "the host is neither a name nor an address")
    if not _PORT.fullmatch(port) or not 0 <= int(port) <= 65535:
        raise Error(Code.BAD_REQUEST, "the port is a number up to 65535")
    return host, int(port)


def join_address(host: str, port: int) -> str:
    """The counterpart of `split_address`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _invite(fragment: str) -> bytes:
    try:
        if not _BASE64.fullmatch(fragment):
            raise ValueError
        invite = base64.urlsafe_b64decode(fragment.rstrip("=") + "=" * (-len(fragment.rstrip("=")) % 4))
    except (ValueError, binascii.Error):
        raise _bad("its invite, after the #, was not copied whole") from None
    if len(invite) != INVITE_BYTES:
        raise _bad("its invite, after the #, was not copied whole")
    return invite


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _bad(sentence: str) -> Error:
    return Error(Code.BAD_REQUEST, f"this is not a node's link: {sentence}")
