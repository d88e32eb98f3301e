"""Other packages that do the same work, each if it is installed: `pip install 'qnpc[bench]'` brings them."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import PackageNotFoundError, version
from typing import Any

CRYPTOGRAPHY = "cryptography"
PQCRYPTO = "pqcrypto"
RINE = "rine-mls"
ARGON2 = "argon2-cffi"

_MODULES = {PQCRYPTO: "pqcrypto.kem.ml_kem_768", RINE: "rine_mls"}
"""The peers that may be missing. `cryptography` and `argon2-cffi` come with every qnpc."""


def find(name: str) -> Any | None:
    """The peer's module, or None if it is not installed."""
    module = _MODULES[name]
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        return None
    return importlib.import_module(module)


def versions() -> dict[str, str | None]:
    """Of each peer; None for one that is not installed."""
    return {name: _version(name) for name in (CRYPTOGRAPHY, ARGON2, *_MODULES)}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
