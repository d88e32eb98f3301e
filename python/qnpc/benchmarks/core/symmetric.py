"""Ciphers and hashes, beside OpenSSL by way of `cryptography`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qnpc import _core
from qnpc._core import primitives
from qnpc.benchmarks.core.peers import CRYPTOGRAPHY
from qnpc.benchmarks.core.race import OURS, Work
from qnpc.ports import Random

SIZES = {"64 B": 64, "1 KB": 1024, "64 KB": 64 * 1024, "1 MB": 1024 * 1024}

_CIPHERS: dict[str, tuple[int, type[AESGCM] | type[ChaCha20Poly1305]]] = {
    "AES-128-GCM": (16, AESGCM),
    "AES-256-GCM": (32, AESGCM),
    "ChaCha20-Poly1305": (32, ChaCha20Poly1305),
}
_NONCE = bytes(12)
_AAD = bytes(16)
"""As long as a message's id, which is what messages carry."""


def rows(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    for name, (key_bytes, theirs) in _CIPHERS.items():
        key = random.bytes(key_bytes)
        for label, size in SIZES.items():
            yield from _cipher(name, label, primitives.Cipher(name, key), theirs(key), random.bytes(size))
    yield from _product(random)
    for label, size in SIZES.items():
        yield from _hash(label, random.bytes(size))
    yield from _hkdf(random)


def _cipher(
    name: str, label: str, ours: primitives.Cipher, peer: AESGCM | ChaCha20Poly1305, plaintext: bytes
) -> Iterator[tuple[str, dict[str, Work]]]:
    sealed = ours.seal(_NONCE, plaintext, _AAD)
    if peer.encrypt(_NONCE, plaintext, _AAD) != sealed:
        raise AssertionError(f"{name}: the two do not do the same")
    yield (
        f"{name} seal {label}",
        {
            OURS: lambda: ours.seal(_NONCE, plaintext, _AAD),
            CRYPTOGRAPHY: lambda: peer.encrypt(_NONCE, plaintext, _AAD),
        },
    )
    yield (
        f"{name} open {label}",
        {
            OURS: lambda: ours.open(_NONCE, sealed, _AAD),
            CRYPTOGRAPHY: lambda: peer.decrypt(_NONCE, sealed, _AAD),
        },
    )


def _product(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    """The AEAD as qnpc uses it: with a random nonce in front."""
    key = random.bytes(32)
    ours, peer, plaintext = _core.Aead(key), AESGCM(key), random.bytes(1024)

    def theirs() -> bytes:
        nonce = random.bytes(12)
        return nonce + peer.encrypt(nonce, plaintext, _AAD)

    yield (
        "Aead.seal 1 KB, random nonce",
        {OURS: lambda: ours.seal(plaintext, _AAD), CRYPTOGRAPHY: theirs},
    )


def _hash(label: str, data: bytes) -> Iterator[tuple[str, dict[str, Work]]]:
    def theirs() -> bytes:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(data)
        return digest.finalize()

    yield (
        f"SHA-256 {label}",
        {
            OURS: lambda: primitives.sha256(data),
            CRYPTOGRAPHY: theirs,
            "hashlib": lambda: hashlib.sha256(data).digest(),
        },
    )


def _hkdf(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    salt, secret, info = random.bytes(32), random.bytes(32), b"qnpc bench"
    yield (
        "HKDF-SHA256 32 B",
        {
            OURS: lambda: primitives.hkdf(salt, secret, info, 32),
            CRYPTOGRAPHY: lambda: HKDF(hashes.SHA256(), 32, salt, info).derive(secret),
        },
    )
