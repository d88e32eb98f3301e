"""What stands in the extension besides our own code: from where, under which licences, how often, and without `unsafe` of ours.

Advisories change without a change here and are asked for by the hosted workflow; this needs no network.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections import defaultdict
from functools import cache
from typing import Any

import pytest

from tests.house.sources import ROOT

OURS = {"qnpc-binding", "qnpc-crypto", "qnpc-fuzz", "qnpc-guard", "qnpc-mls"}
# All may be linked into a wheel under MIT; MPL-2.0 (hpke-rs, for tests) binds the files that carry it. NCSA is libFuzzer's, which no
# wheel holds.
LICENCES = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
# A second cryptographic library, and crates without care.
BANNED = {"openssl", "openssl-sys", "ring", "rustls", "native-tls", "sodiumoxide", "rust-crypto", "md5"}
# RustCrypto's generations: opaque-ke stands on one, openmls' providers (for tests) and ml-kem on the next. The rest comes with them.
DOUBLED = {
    "block-buffer",
    "chacha20",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "curve25519-dalek",
    "der",
    "digest",
    "embedded-io",
    "fiat-crypto",
    "getrandom",
    "hashbrown",
    "hkdf",
    "hmac",
    "pkcs8",
    "rand",
    "rand_chacha",
    "rand_core",
    "sha2",
    "shlex",
    "signature",
    "spki",
    "syn",
    "x25519-dalek",
}


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be fulfilled with LICENCES. The old `/` means OR."""
    tokens = re.findall(r"[()]|[^\s()]+(?: WITH [^\s()]+)?", expression.replace("/", " OR "))

    def either() -> bool:
        found = both()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            found = both() or found
        return found

    def both() -> bool:
        found = one()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            found = one() and found
        return found

    def one() -> bool:
        token = tokens.pop(0)
        if token != "(":
            return token in LICENCES
        found = either()
        assert tokens.pop(0) == ")"
        return found

    verdict = either()
    assert tokens == [], expression
    return verdict


@cache
def locked() -> list[dict[str, Any]]:
    return list(tomllib.loads((ROOT / "Cargo.lock").read_text())["package"])


def doubled(packages: list[dict[str, Any]]) -> set[str]:
    versions = defaultdict(set)
    for package in packages:
        versions[package["name"]].add(package["version"])
    return {name for name, found in versions.items() if len(found) > 1}


def test_every_crate_has_a_licence_that_we_can_ship() -> None:
    host = re.search(
        r"^host: (\S+)$",
        subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout,
        re.MULTILINE,
    )
    assert host is not None
    # Of this platform only: the sources of others need not be here.
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", host[1]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    packages = json.loads(done.stdout)["packages"]
    assert len(packages) > 100
    assert [
        f"{package['name']}: {package['license']}"
        for package in packages
        if not allowed(package["license"] or package["license_file"] or "none")
    ] == []


def test_every_crate_comes_from_the_registry_with_its_hash() -> None:
    foreign = [package for package in locked() if package["name"] not in OURS]
    assert {package["source"].split("+")[0] for package in foreign} == {"registry"}
    assert len({package["source"] for package in foreign}) == 1
    assert [package["name"] for package in foreign if len(package.get("checksum", "")) != 64] == []
    assert {package["name"] for package in locked() if "source" not in package} == OURS


def test_no_crate_is_there_that_must_not_be() -> None:
    assert {package["name"] for package in locked()} & BANNED == set()


def test_no_further_crate_is_there_twice() -> None:
    """Each is code twice in the wheel and two places to patch. One that is single again leaves the list."""
    assert doubled(locked()) == DOUBLED


def test_our_crates_hold_no_unsafe_code() -> None:
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert workspace["lints"]["rust"]["unsafe_code"] == "forbid"
    members = {ROOT / member for member in workspace["members"]}
    assert members == {path.parent for path in (ROOT / "rust").glob("*/Cargo.toml")}
    for member in members:
        assert tomllib.loads((member / "Cargo.toml").read_text())["lints"] == {"workspace": True}, member
    for pure in ("crypto", "mls", "guard", "fuzz"):
        assert "\n#![forbid(unsafe_code)]\n" in (ROOT / "rust" / pure / "src" / "lib.rs").read_text(), pure


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("MIT OR GPL-3.0", True),
        ("MIT/GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR GPL-3.0) AND ISC", True),
        ("ISC AND (GPL-3.0 OR AGPL-3.0)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0 WITH Classpath-exception-2.0", False),
        ("none", False),
    ],
)
def test_expressions_are_read_right(expression: str, verdict: bool) -> None:
    assert allowed(expression) is verdict


def test_a_second_version_is_found() -> None:
    assert doubled([{"name": "a", "version": "1"}, {"name": "a", "version": "2"}]) == {"a"}
