"""X25519 and Ed25519 against Wycheproof."""

from __future__ import annotations

from collections.abc import Callable

from qnpc._core import Malformed, NotAuthentic
from qnpc._core.primitives import X25519Key, ed25519_verify, ed25519_verify_many
from tests.core.vectors.files import wycheproof
from tests.core.vectors.tally import Tally


def exchange(private: bytes, peer: bytes) -> bytes:
    return X25519Key.from_secret(private).exchange(peer)


def test_x25519(tally: Callable[[str], Tally]) -> None:
    """Every acceptable case is decided: zeros are refused (RFC 7748, 6.1), all else is computed (section 5)."""
    family = tally("X25519 (Wycheproof)")
    for _, case in wycheproof("x25519/x25519.json.gz"):
        peer, private, shared = (bytes.fromhex(case[name]) for name in ("public", "private", "shared"))
        assert case["result"] in {"valid", "acceptable"}
        if "ZeroSharedSecret" in case["flags"]:
            assert case["result"] == "acceptable"
            family.refuses(case["tcId"], Malformed, exchange, private, peer)
        else:
            family.gives(case["tcId"], shared, exchange, private, peer)
    family.hold(accepted=487, refused=31)


def test_ed25519(tally: Callable[[str], Tally]) -> None:
    """Each alone, and each as the last of a batch that holds otherwise."""
    family = tally("Ed25519 (Wycheproof)")
    good: list[tuple[bytes, bytes, bytes]] = []
    last = None
    for group, case in wycheproof("signature/ed25519.json"):
        public = bytes.fromhex(group["publicKey"]["pk"])
        message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
        triple = (public, message, signature)
        if case["result"] == "valid":
            family.gives(case["tcId"], None, ed25519_verify, *triple)
            good.append(triple)
            last = case["tcId"]
        else:
            kind = NotAuthentic if len(signature) == 64 else Malformed
            family.refuses(case["tcId"], kind, ed25519_verify, *triple)
            family.refuses(case["tcId"], kind, ed25519_verify_many, [*good, triple], 2)
    family.gives(last, None, ed25519_verify_many, good)
    family.hold(accepted=88, refused=63)
