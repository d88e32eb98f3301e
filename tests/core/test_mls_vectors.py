"""The passive-client vectors of the MLS working group: others' groups, followed to the last epoch out of our store."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.mls_passive import FAILED, PASSED, SKIPPED, counts, load, main, run

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "mls"
WELCOME, COMMIT, RANDOM = (
    VECTORS / f"passive-client-{name}.json.gz" for name in ("welcome", "handling-commit", "random")
)


def _flipped(digits: str) -> str:
    return f"{int(digits[0], 16) ^ 1:x}{digits[1:]}"


@pytest.mark.parametrize(
    ("path", "suites", "epochs"),
    [(WELCOME, (1, 2, 3), 24), (COMMIT, (1, 2, 3), 39 * 3), (RANDOM, (1,), 201)],
    ids=["welcome", "commit", "random"],
)
def test_every_vector_of_suites_1_to_3_is_followed(
    path: Path, suites: tuple[int, ...], epochs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [run(vector) for vector in load(path)]
    with capsys.disabled():
        sys.stdout.write(f" {path.name}: {counts(results)} ")
    ours = [result for result in results if result.suite in suites]
    assert {result.suite for result in ours} == set(suites)
    assert [result for result in ours if result.outcome != PASSED] == []
    assert sum(result.epochs for result in ours) == epochs
    others = [result for result in results if result.suite not in suites]
    assert {(result.outcome, result.reason) for result in others} <= {
        (SKIPPED, "the ciphersuite is not implemented")
    }


def _damaged() -> list[tuple[str, dict[str, Any]]]:
    vector = load(COMMIT)[0]
    psk = {**vector["external_psks"][0], "psk": _flipped(vector["external_psks"][0]["psk"])}
    last = vector["epochs"][-1]
    commit = last["commit"][:-1] + _flipped(last["commit"][-1])
    return [
        ("authenticator", {**vector, "initial_epoch_authenticator": "00" * 32}),
        ("last", {**vector, "epochs": [{**last, "epoch_authenticator": "00" * 32}]}),
        ("commit", {**vector, "epochs": [*vector["epochs"][:-1], {**last, "commit": commit}]}),
        ("welcome", {**vector, "welcome": vector["welcome"][:-1] + _flipped(vector["welcome"][-1])}),
        ("init key", {**vector, "init_priv": _flipped(vector["init_priv"])}),
        ("psk", {**vector, "external_psks": [psk]}),
        ("no psk", {**vector, "external_psks": []}),
        ("no welcome", {key: value for key, value in vector.items() if key != "welcome"}),
        ("no hex", {**vector, "welcome": "zz"}),
        ("no key package", {**vector, "key_package": ""}),
    ]


@pytest.mark.parametrize("vector", [vector for _, vector in _damaged()], ids=[name for name, _ in _damaged()])
def test_a_vector_that_says_something_else_fails(vector: dict[str, Any]) -> None:
    """Nothing is skipped, or passes, because it went wrong."""
    assert run(vector).outcome == FAILED


def test_it_runs_as_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs, *_ = (next(v for v in load(WELCOME) if v["cipher_suite"] == suite) for suite in (1, 4))
    damaged = {**ours, "initial_epoch_authenticator": "00"}
    for name, vectors in {"good": [ours, theirs], "bad": [damaged]}.items():
        (tmp_path / name).write_text(json.dumps(vectors))
    assert main([str(tmp_path / "good")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'good'}[1] suite 4: skipped: the ciphersuite is not implemented",
        "1 passed, 0 failed, 1 skipped",
    ]
    assert main([str(tmp_path / "good"), str(tmp_path / "bad")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 1 skipped"
    assert main([str(tmp_path / "none")]) == 2
