"""What a wheel is compiled with. Whoever knows a simulation's seed knows every key, so what takes one is in no wheel."""

from __future__ import annotations

import re
import subprocess
import tomllib

from tests.house.sources import ROOT

SEEDED = {"qnpc-binding", "qnpc-crypto", "qnpc-mls"}
CRATES = {path: tomllib.loads(path.read_text()) for path in sorted((ROOT / "rust").glob("*/Cargo.toml"))}


def seeded(features: str) -> set[str]:
    """The crates of ours in an extension of these features that can be seeded, as cargo resolves them."""
    command = [
        "cargo",
        "tree",
        "--locked",
        "--package",
        "qnpc-binding",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]
    command += ["--features", features, "--format", "{p} | {f}"]
    tree = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    lines = [line.split(" | ") for line in tree.splitlines()]
    assert {"qnpc-binding", "qnpc-crypto"} <= {name.split()[0] for name, _ in lines}
    return {name.split()[0] for name, had in lines if "simulation" in had}


def test_a_wheel_has_no_seed_and_a_checkout_has() -> None:
    """`pip install` and maturin take the features of pyproject.toml, `make setup` those of the Makefile."""
    maturin = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["maturin"]
    assert maturin["features"] == ["extension-module"]
    assert seeded(",".join(maturin["features"])) == set()
    makefile = (ROOT / "Makefile").read_text()
    checkout = re.search(r"^FEATURES := (.*)$", makefile, re.MULTILINE)
    assert checkout is not None
    assert seeded(checkout[1]) == SEEDED


def test_nothing_that_builds_a_wheel_adds_a_feature() -> None:
    wheel = re.search(r"^wheel:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert wheel is not None
    assert "maturin build" in wheel[1]
    workflow = (ROOT / ".github" / "workflows" / "wheels.yml").read_text()
    assert "maturin-action" in workflow
    for text in (wheel[1], workflow):
        assert not re.search(r"features|FEATURES|maturin develop", text)


def test_no_crate_turns_it_on_by_itself() -> None:
    for path, crate in CRATES.items():
        assert "default" not in crate.get("features", {}), path
        for table in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name, wanted in crate.get(table, {}).items():
                assert "simulation" not in (wanted.get("features") or []), (path, name)
    declared = {
        crate["package"]["name"] for crate in CRATES.values() if "simulation" in crate.get("features", {})
    }
    assert declared == SEEDED


def test_code_for_seeds_stands_behind_the_feature() -> None:
    """So that it is not merely unused in a wheel, but absent: each file that names a seed's module also names the feature."""
    naming = [
        path
        for crate in ("binding", "crypto", "mls")
        for path in sorted((ROOT / "rust" / crate / "src").rglob("*.rs"))
        if "Seeded" in path.read_text() and path.name != "simulation.rs"
    ]
    assert len(naming) >= 3
    assert [path for path in naming if 'feature = "simulation"' not in path.read_text()] == []
    for crate in ("binding", "crypto", "mls"):
        lib = (ROOT / "rust" / crate / "src" / "lib.rs").read_text()
        assert re.search(r'#\[cfg\(feature = "simulation"\)\]\n(pub )?mod simulation;', lib), crate
