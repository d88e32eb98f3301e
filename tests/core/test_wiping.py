"""Freed secrets are gone from this process's memory: what it can read of itself is searched for their bytes.

What Python itself holds in `bytes` is not wiped by anybody; this is about what the core and the libraries under it hold.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux lets a process read its memory as /proc/self/mem"
)

# The child is told the secret masked by a pad, unmasks it into a buffer that it wipes, and so has it in nobody's memory but the
# core's. Then it searches itself, for the first half of what the core should keep.
CHILD = r"""
import gc, sys
from qnpc._core import Aead, Device, HybridKey, Identity
from qnpc._core import primitives

kind, keep, at, masked_hex, pad_hex = sys.argv[1:]
masked, pad, where = bytes.fromhex(masked_hex), bytes.fromhex(pad_hex), int(at)

def unmasked(at, size):
    clear = bytearray(masked[at:at + size])  # of its final size: growing would leave copies behind
    for n in range(size):
        clear[n] ^= pad[at + n]
    return clear

def make():
    seed = unmasked(0, len(masked))
    try:
        return {
            "Aead": Aead,
            "Cipher": lambda key: primitives.Cipher("AES-256-GCM", key),
            "HybridKey": HybridKey.from_secret,
            "Identity": Identity.from_secret,
            "Device": Device.from_secret,
            "X25519Key": primitives.X25519Key.from_secret,
            "Ed25519Key": primitives.Ed25519Key.from_secret,
            "MlKemKey": primitives.MlKemKey.from_seed,
        }[kind](seed)
    finally:
        for at in range(len(seed)):
            seed[at] = 0

def count():
    found = 0
    first = unmasked(where, 8)  # half of what is compared, so that this is not found
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights, *rest = line.split()
            name = rest[3] if len(rest) > 3 else ""
            if not rights.startswith("rw") or name.startswith(("/", "[v")):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            try:
                held = memory.read(end - start)
            except OSError:
                continue
            at = held.find(first)
            while at >= 0:
                if all(held[at + n] == masked[where + n] ^ pad[where + n] for n in range(16)):
                    found += 1
                at = held.find(first, at + 1)
            del held
    for n in range(8):
        first[n] = 0
    return found

key = make()
if keep == "drop":
    del key
    gc.collect()
print(count())
"""


def copies(kind: str, size: int, at: int, *, keep: bool) -> int:
    """How often a secret's 16 bytes from `at` on stand in the memory of a process that made an object of it."""
    seed = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(size // 32))
    pad = hashlib.sha512(b"pad").digest()[:size]
    masked = bytes(a ^ b for a, b in zip(seed, pad, strict=True))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, kind, "keep" if keep else "drop", str(at), masked.hex(), pad.hex()],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    ("kind", "size", "at"),
    [
        ("HybridKey", 32, 0),
        ("Identity", 32, 0),
        ("Device", 32, 0),
        ("Aead", 32, 0),
        ("Cipher", 32, 0),
        ("X25519Key", 32, 0),
        ("Ed25519Key", 32, 0),
        ("MlKemKey", 64, 32),  # z, which an expanded key ends with
    ],
)
def test_a_secret_is_there_while_it_is_held_and_gone_afterwards(kind: str, size: int, at: int) -> None:
    assert copies(kind, size, at, keep=True) >= 1, "the search finds nothing"
    assert copies(kind, size, at, keep=False) == 0
