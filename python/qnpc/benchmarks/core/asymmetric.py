"""Signatures and key exchange: Ed25519, X25519, ML-KEM-768, X-Wing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from qnpc import _core
from qnpc._core import primitives
from qnpc.benchmarks.core import peers
from qnpc.benchmarks.core.peers import CRYPTOGRAPHY, PQCRYPTO, RINE
from qnpc.benchmarks.core.race import OURS, Work
from qnpc.ports import Random

_LABEL = b"\\.//^\\"
"""X-Wing's (draft-connolly-cfrg-xwing-kem, 5.3)."""

COMPOSED = f"{CRYPTOGRAPHY} (composed)"
"""There is no X-Wing in it: ML-KEM-768 and X25519 of it with SHA3-256 of the standard library, put together here."""


def rows(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    yield from _ed25519(random)
    yield from _x25519(random)
    yield from _mlkem()
    yield from _xwing()


def _ed25519(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    seed, message = random.bytes(32), random.bytes(300)
    ours, theirs = primitives.Ed25519Key.from_secret(seed), Ed25519PrivateKey.from_private_bytes(seed)
    signature, public = ours.sign(message), ours.public_key
    if theirs.sign(message) != signature:
        raise AssertionError("Ed25519: the two do not do the same")
    yield (
        "Ed25519 sign 300 B",
        {OURS: lambda: ours.sign(message), CRYPTOGRAPHY: lambda: theirs.sign(message)},
    )
    # Keys come as bytes, each from somebody else: reading them is part of it on both sides.
    yield (
        "Ed25519 verify 300 B",
        {
            OURS: lambda: primitives.ed25519_verify(public, message, signature),
            CRYPTOGRAPHY: lambda: Ed25519PublicKey.from_public_bytes(public).verify(signature, message),
        },
    )
    batch = [(public, message, signature)] * 64

    def theirs_all() -> None:
        for key, text, one in batch:
            Ed25519PublicKey.from_public_bytes(key).verify(one, text)

    yield (
        "Ed25519 verify 64 x 300 B",
        {OURS: lambda: primitives.ed25519_verify_many(batch, 1), CRYPTOGRAPHY: theirs_all},
    )


def _x25519(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    secret = random.bytes(32)
    ours, theirs = primitives.X25519Key.from_secret(secret), X25519PrivateKey.from_private_bytes(secret)
    peer = primitives.X25519Key.generate().public_key

    def generate() -> bytes:
        return X25519PrivateKey.generate().public_key().public_bytes_raw()

    yield (
        "X25519 keygen",
        {OURS: lambda: primitives.X25519Key.generate().public_key, CRYPTOGRAPHY: generate},
    )
    yield (
        "X25519 exchange",
        {
            OURS: lambda: ours.exchange(peer),
            CRYPTOGRAPHY: lambda: theirs.exchange(X25519PublicKey.from_public_bytes(peer)),
        },
    )


def _mlkem() -> Iterator[tuple[str, dict[str, Work]]]:
    """Keys of the others come as bytes; one's own is an object, where there is such a thing."""
    ours, theirs = primitives.MlKemKey.generate(), MLKEM768PrivateKey.generate()
    public = ours.public_key
    _, mine = primitives.mlkem_encapsulate(public)
    _, yours = theirs.public_key().encapsulate()
    keygen: dict[str, Work] = {
        OURS: lambda: primitives.MlKemKey.generate().public_key,
        CRYPTOGRAPHY: lambda: MLKEM768PrivateKey.generate().public_key().public_bytes_raw(),
    }
    encaps: dict[str, Work] = {
        OURS: lambda: primitives.mlkem_encapsulate(public),
        CRYPTOGRAPHY: lambda: MLKEM768PublicKey.from_public_bytes(public).encapsulate(),
    }
    decaps: dict[str, Work] = {
        OURS: lambda: ours.decapsulate(mine),
        CRYPTOGRAPHY: lambda: theirs.decapsulate(yours),
    }
    if (pq := peers.find(PQCRYPTO)) is not None:
        _join(keygen, encaps, decaps, PQCRYPTO, pq.keygen, pq.encaps, lambda ct, sk: pq.decaps(sk, ct))
    if (rine := peers.find(RINE)) is not None:
        names = (rine.ml_kem768_generate_key_pair, rine.ml_kem768_encapsulate, rine.ml_kem768_decapsulate)
        _join(keygen, encaps, decaps, RINE, *names)
    yield "ML-KEM-768 keygen", keygen
    yield "ML-KEM-768 encaps", encaps
    yield "ML-KEM-768 decaps", decaps


def _join(
    keygen: dict[str, Work], encaps: dict[str, Work], decaps: dict[str, Work], name: str, *calls: Any
) -> None:
    """A peer whose keys are bytes. `calls`: keygen() -> (public, secret), encaps(public) -> two, the longer of which is the ciphertext,
    decaps(ciphertext, secret)."""
    generate, encapsulate, decapsulate = calls
    public, secret = generate()
    ciphertext = max(encapsulate(public), key=len)
    keygen[name] = generate
    encaps[name] = lambda: encapsulate(public)
    decaps[name] = lambda: decapsulate(ciphertext, secret)


def _xwing() -> Iterator[tuple[str, dict[str, Work]]]:
    ours = _core.HybridKey.generate()
    public = ours.public_key
    _, encapsulation = _core.encapsulate(public)
    theirs = Composed()
    other, shared = theirs.encapsulate(theirs.public)
    if theirs.decapsulate(other) != shared:
        raise AssertionError("X-Wing, composed: it does not fit itself")
    yield (
        "X-Wing keygen",
        {OURS: lambda: _core.HybridKey.generate().public_key, COMPOSED: lambda: Composed().public},
    )
    yield (
        "X-Wing encaps",
        {OURS: lambda: _core.encapsulate(public), COMPOSED: lambda: theirs.encapsulate(public)},
    )
    yield (
        "X-Wing decaps",
        {OURS: lambda: _core.decapsulate(ours, encapsulation), COMPOSED: lambda: theirs.decapsulate(other)},
    )


class Composed:
    """X-Wing out of what `cryptography` has. Its key is no seed, so it has less to do at key generation."""

    def __init__(self) -> None:
        self._lattice, self._curve = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        self._point = self._curve.public_key().public_bytes_raw()
        self.public = self._lattice.public_key().public_bytes_raw() + self._point

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """(encapsulation, shared secret)"""
        lattice, point = MLKEM768PublicKey.from_public_bytes(public[:1184]), public[1184:]
        first, ciphertext = lattice.encapsulate()
        ephemeral = X25519PrivateKey.generate()
        sent = ephemeral.public_key().public_bytes_raw()
        second = ephemeral.exchange(X25519PublicKey.from_public_bytes(point))
        return ciphertext + sent, _combined(first, second, sent, point)

    def decapsulate(self, encapsulation: bytes) -> bytes:
        ciphertext, sent = encapsulation[:1088], encapsulation[1088:]
        first = self._lattice.decapsulate(ciphertext)
        second = self._curve.exchange(X25519PublicKey.from_public_bytes(sent))
        return _combined(first, second, sent, self._point)


def _combined(lattice: bytes, curve: bytes, sent: bytes, point: bytes) -> bytes:
    return hashlib.sha3_256(lattice + curve + sent + point + _LABEL).digest()
