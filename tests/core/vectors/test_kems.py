"""ML-KEM-768 against Wycheproof and CCTV, X-Wing against its draft."""

from __future__ import annotations

import json
from collections.abc import Callable

from qnpc._core import HybridKey, Malformed, decapsulate, encapsulate
from qnpc._core.primitives import (
    MlKemKey,
    mlkem_encapsulate,
    mlkem_encapsulate_derandomized,
    xwing_encapsulate_derandomized,
)
from tests.core.vectors.files import cctv, text, wycheproof
from tests.core.vectors.tally import Tally

CURVE = HybridKey.from_secret(bytes(32)).public_key[1184:]


def public_of(seed: bytes) -> bytes:
    return MlKemKey.from_seed(seed).public_key


def expand(seed: bytes) -> bytes:
    return MlKemKey.from_seed(seed).expanded()


def decapsulate_with(seed: bytes, encapsulation: bytes) -> bytes:
    return MlKemKey.from_seed(seed).decapsulate(encapsulation)


def test_mlkem_keys_from_seeds(tally: Callable[[str], Tally]) -> None:
    family = tally("ML-KEM-768 key generation (Wycheproof)")
    for _, case in wycheproof("mlkem/wycheproof_keygen_seed.json.gz"):
        seed, public, expanded = (bytes.fromhex(case[name]) for name in ("seed", "ek", "dk"))
        assert case["result"] == "valid"
        family.gives(case["tcId"], public, public_of, seed)
        family.gives(case["tcId"], expanded, expand, seed)
    family.hold(accepted=100, refused=0)


def test_mlkem_encapsulation(tally: Callable[[str], Tally]) -> None:
    """What is refused must be refused by the encapsulation that draws its own randomness too, and as a part of X-Wing."""
    family = tally("ML-KEM-768 encapsulation (Wycheproof)")
    for _, case in wycheproof("mlkem/wycheproof_encaps.json.gz"):
        m, public, c, k = (bytes.fromhex(case[name]) for name in ("m", "ek", "c", "K"))
        if case["result"] == "valid":
            family.gives(case["tcId"], (k, c), mlkem_encapsulate_derandomized, public, m)
        else:
            family.refuses(case["tcId"], Malformed, mlkem_encapsulate_derandomized, public, m)
            family.refuses(case["tcId"], Malformed, mlkem_encapsulate, public)
            family.refuses(case["tcId"], Malformed, encapsulate, public + CURVE)
    family.hold(accepted=133, refused=132)


def test_mlkem_decapsulation(tally: Callable[[str], Tally]) -> None:
    family = tally("ML-KEM-768 decapsulation (Wycheproof)")
    for _, case in wycheproof("mlkem/wycheproof_decaps.json.gz"):
        seed, c = bytes.fromhex(case["seed"]), bytes.fromhex(case["c"])
        if case["result"] == "valid":
            public, k = bytes.fromhex(case["ek"]), bytes.fromhex(case["K"])
            family.gives(case["tcId"], public, public_of, seed)
            family.gives(case["tcId"], k, decapsulate_with, seed, c)
        else:
            family.refuses(case["tcId"], Malformed, decapsulate_with, seed, c)
    family.hold(accepted=153, refused=40)


def test_mlkem_exchanges_of_cctv(tally: Callable[[str], Tally]) -> None:
    """These keys were made as the draft of FIPS 203 did, without the rank in what their seed is hashed with; all else is as in the
    final text. So the exchanges begin from the keys, and the step before is counted apart: it must not give the draft's keys."""
    family = tally("ML-KEM-768 exchanges (CCTV)")
    for name in ("unlucky", "intermediate"):
        case = cctv(f"mlkem/cctv_{name}.txt.gz")
        family.superseded(name, "seeds of the draft", case["ek"], public_of, case["d"] + case["z"])
        key = MlKemKey.from_expanded(case["dk"])
        assert key.public_key == case["ek"]
        family.gives(name, (case["K"], case["c"]), mlkem_encapsulate_derandomized, case["ek"], case["m"])
        family.gives(name, case["K"], key.decapsulate, case["c"])
    case = cctv("mlkem/cctv_strcmp.txt.gz")
    key = MlKemKey.from_expanded(case["dk"])
    family.gives("strcmp", case["K"], key.decapsulate, case["c"])
    family.hold(accepted=3, refused=0, seeds_of_the_draft=2)


def test_mlkem_modulus_of_cctv(tally: Callable[[str], Tally]) -> None:
    """One coefficient of each key is not reduced (FIPS 203, 7.2)."""
    family = tally("ML-KEM-768 modulus (CCTV)")
    for number, line in enumerate(text("mlkem/cctv_modulus.txt.gz").splitlines()):
        public = bytes.fromhex(line)
        family.refuses(number, Malformed, mlkem_encapsulate, public)
        family.refuses(number, Malformed, mlkem_encapsulate_derandomized, public, bytes(32))
    family.hold(accepted=0, refused=780)


def test_xwing(tally: Callable[[str], Tally]) -> None:
    family = tally("X-Wing (draft)")
    for number, case in enumerate(json.loads(text("xwing/xwing.json"))):
        seed, public, randomness, c, shared = (
            bytes.fromhex(case[name]) for name in ("sk", "pk", "eseed", "ct", "ss")
        )
        key = HybridKey.from_secret(seed)
        family.gives(number, public, getattr, key, "public_key")
        family.gives(number, (shared, c), xwing_encapsulate_derandomized, public, randomness)
        family.gives(number, shared, decapsulate, key, c)
    family.hold(accepted=3, refused=0)
