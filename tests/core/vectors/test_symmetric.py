"""AEADs and HKDF against Wycheproof."""

from __future__ import annotations

from collections.abc import Callable

from qnpc._core import Aead, Malformed, NotAuthentic
from qnpc._core.primitives import Cipher, hkdf, hkdf_expand, hkdf_extract
from tests.core.vectors.files import wycheproof
from tests.core.vectors.tally import Tally


def judge_aead(tally: Tally, case: dict[str, str], algorithm: str, key_bits: int, nonce_bits: int) -> None:
    key, nonce, aad, message, ciphertext, tag = (
        bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")
    )
    number = f"{algorithm} {case['tcId']}"
    if key_bits == 192:
        tally.not_offered(number, "keys of 192 bits", Malformed, Cipher, algorithm, key)
        return
    cipher = Cipher(algorithm, key)
    sealed = ciphertext + tag
    if nonce_bits != 96 and case["result"] == "valid":
        reason = "nonces not of 96 bits"
        tally.not_offered(number, reason, Malformed, cipher.open, nonce, sealed, aad)
        tally.not_offered(number, reason, Malformed, cipher.seal, nonce, message, aad)
    elif nonce_bits != 96:
        tally.refuses(number, Malformed, cipher.open, nonce, sealed, aad)
        tally.refuses(number, Malformed, cipher.seal, nonce, message, aad)
    elif case["result"] == "valid":
        tally.gives(number, message, cipher.open, nonce, sealed, aad)
        tally.gives(number, sealed, cipher.seal, nonce, message, aad)
        tally.gives(number, message, cipher.open, nonce, bytearray(sealed), aad)
        if algorithm == "AES-256-GCM":
            tally.gives(number, message, Aead(key).open, nonce + sealed, aad)
    else:
        tally.refuses(number, NotAuthentic, cipher.open, nonce, sealed, aad)
        if algorithm == "AES-256-GCM":
            tally.refuses(number, NotAuthentic, Aead(key).open, nonce + sealed, aad)


def test_aes_gcm(tally: Callable[[str], Tally]) -> None:
    family = tally("AES-GCM (Wycheproof)")
    for group, case in wycheproof("aead/aes_gcm.json.gz"):
        bits = group["keySize"]
        judge_aead(family, case, f"AES-{256 if bits == 192 else bits}-GCM", bits, group["ivSize"])
    family.hold(accepted=79, refused=58, nonces_not_of_96_bits=76, keys_of_192_bits=103)


def test_chacha20_poly1305(tally: Callable[[str], Tally]) -> None:
    family = tally("ChaCha20-Poly1305 (Wycheproof)")
    for group, case in wycheproof("aead/chacha20_poly1305.json.gz"):
        judge_aead(family, case, "ChaCha20-Poly1305", group["keySize"], group["ivSize"])
    family.hold(accepted=256, refused=69)


def test_hkdf_sha256(tally: Callable[[str], Tally]) -> None:
    family = tally("HKDF-SHA256 (Wycheproof)")
    for _, case in wycheproof("hkdf/hkdf_sha256.json.gz"):
        salt, ikm, info, okm = (bytes.fromhex(case[name]) for name in ("salt", "ikm", "info", "okm"))
        number, size = case["tcId"], case["size"]
        if case["result"] == "valid":
            family.gives(number, okm, hkdf, salt, ikm, info, size)
            family.gives(number, okm, hkdf_expand, hkdf_extract(salt, ikm), info, size)
        else:
            family.refuses(number, Malformed, hkdf, salt, ikm, info, size)
            family.refuses(number, Malformed, hkdf_expand, hkdf_extract(salt, ikm), info, size)
    family.hold(accepted=83, refused=3)
