"""The TLS key exchange: X25519MLKEM768 before X25519, and nothing else.

aioquic knows elliptic curves alone. The hybrid of draft-ietf-tls-ecdhe-mlkem is given to it as one more curve
whose 'public key' is the pair of shares (client: ML-KEM-768 encapsulation key then X25519 share; server:
ciphertext then X25519 share) and whose 'exchange' yields the two secrets, ML-KEM's first. For that `install`
adds to two tables and replaces two names of `aioquic.tls`, for the whole process, once; a connection that
does not offer the group is not affected. To be dropped when aioquic has the group itself. Fresh keys per
handshake: no private key here may be used twice.
"""

from __future__ import annotations

import types
from typing import Any, cast

from aioquic import tls
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519

from qnpc.transport.private import key_exchanges

HYBRID = 0x11EC  # the TLS registry's codepoint of X25519MLKEM768
CLASSICAL = int(tls.Group.X25519)
NAMES = {HYBRID: "X25519MLKEM768", CLASSICAL: "X25519"}

_ENCAPSULATION_KEY = 1184  # FIPS 203, table 3
_CIPHERTEXT = 1088
_X25519 = 32


def offered(*, require_hybrid: bool) -> list[int]:
    """The groups to offer or to accept, preferred first."""
    return [HYBRID] if require_hybrid else [HYBRID, CLASSICAL]


def negotiated(context: tls.Context) -> str:
    """The name of the group that a completed handshake used."""
    hybrid = any(isinstance(key, HybridPrivateKey) and key.used for key in key_exchanges(context))
    return NAMES[HYBRID if hybrid else CLASSICAL]


class HybridCurve:
    """Stands for the group where aioquic expects the class of a curve."""

    name = NAMES[HYBRID]


class HybridShare:
    """A share in the shape of a public key: the peer's, as it came, or our own, as it will be sent."""

    curve = HybridCurve()

    def __init__(self, data: bytes = b"", owner: HybridPrivateKey | None = None) -> None:
        self.data = data
        self._owner = owner

    def public_bytes(self, *_format: object) -> bytes:
        return self.data if self._owner is None else self._owner.share()


ec.EllipticCurvePublicKey.register(HybridShare)


class HybridPrivateKey:
    """One side's ephemeral keys. The side that sends its share first is the client."""

    def __init__(self) -> None:
        self._x25519 = x25519.X25519PrivateKey.generate()
        self._mlkem: mlkem.MLKEM768PrivateKey | None = None
        self._ciphertext = b""
        self.used = False

    def public_key(self) -> HybridShare:
        return HybridShare(owner=self)

    def share(self) -> bytes:
        classical = self._x25519.public_key().public_bytes_raw()
        if self.used:
            return self._ciphertext + classical
        if self._mlkem is None:
            self._mlkem = mlkem.MLKEM768PrivateKey.generate()
        return self._mlkem.public_key().public_bytes_raw() + classical

    def exchange(self, _algorithm: object, peer: HybridShare) -> bytes:
        """ML-KEM secret then X25519 secret, 64 bytes. Raises ValueError when the share is malformed, which
        aioquic turns into an alert.
        """
        share = peer.data
        if self._mlkem is not None:
            secret = self._mlkem.decapsulate(_split(share, _CIPHERTEXT))
        else:
            encapsulation_key = mlkem.MLKEM768PublicKey.from_public_bytes(_split(share, _ENCAPSULATION_KEY))
            secret, self._ciphertext = encapsulation_key.encapsulate()
        self.used = True
        return secret + self._x25519.exchange(x25519.X25519PublicKey.from_public_bytes(share[-_X25519:]))


def _split(share: bytes, size: int) -> bytes:
    if len(share) != size + _X25519:
        raise ValueError("a share of X25519MLKEM768 has the wrong length")
    return share[:size]


class _Curves(types.ModuleType):
    """`cryptography`'s module of curves, with one curve more."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ec, name)

    @staticmethod
    def generate_private_key(curve: Any) -> Any:
        return HybridPrivateKey() if isinstance(curve, HybridCurve) else ec.generate_private_key(curve)


def install() -> None:
    """Teaches aioquic the group. Raises ImportError when `cryptography` was built without ML-KEM."""
    try:
        mlkem.MLKEM768PrivateKey.generate()
    except UnsupportedAlgorithm as error:
        raise ImportError(
            "qnpc needs ML-KEM-768, which this build of the package `cryptography` lacks; install its wheel"
        ) from error
    decode_public_key = tls.decode_public_key

    def decode(key_share: tuple[int, bytes]) -> Any:
        return (
            HybridShare(key_share[1]) if key_share[0] == HYBRID else decode_public_key(cast("Any", key_share))
        )

    tls.GROUP_TO_CURVE[HYBRID] = HybridCurve
    tls.CURVE_TO_GROUP[HybridCurve] = HYBRID
    tls.decode_public_key = decode
    tls.ec = _Curves("ec")  # type: ignore[attr-defined]


install()
