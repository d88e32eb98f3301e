"""Runs passive-client vectors of the MLS working group: `python tests/vectors/mls_passive.py FILE...`, each JSON, perhaps gzipped.

A vector passes when the client joins by its Welcome and follows every epoch to the authenticators that the vector gives. What this
implementation does not do is skipped and says why; it never passes. Ends with the counts; exit code 1 if a vector failed, 2 for a file that
is none.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qnpc._core import CoreError, PassiveClient, Unreadable

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True)
class Result:
    """What became of one vector."""

    suite: int
    outcome: str
    reason: str
    epochs: int


class Disagreement(Exception):
    """An epoch authenticator that is not the vector's."""


def load(path: Path) -> list[dict[str, Any]]:
    """The vectors of a file. Raises OSError, ValueError."""
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    vectors = json.loads(data)
    if not isinstance(vectors, list) or not all(isinstance(vector, dict) for vector in vectors):
        raise ValueError("this is no list of vectors")
    return vectors


def run(vector: dict[str, Any]) -> Result:
    """One vector, to its end or to what stops it."""
    followed = 0
    try:
        suite = int(vector["cipher_suite"])
    except (KeyError, TypeError, ValueError):
        return Result(0, FAILED, "the vector names no suite", followed)
    try:
        for _ in _epochs(vector):
            followed += 1
    except Unreadable as error:
        return Result(suite, SKIPPED, str(error), followed)
    except Disagreement as error:
        return Result(suite, FAILED, str(error), followed)
    except CoreError as error:
        return Result(suite, FAILED, f"after {followed} epochs: {error}", followed)
    except (KeyError, TypeError, ValueError) as error:
        return Result(suite, FAILED, f"the vector is malformed: {error!r}", followed)
    return Result(suite, PASSED, "", followed)


def _epochs(vector: dict[str, Any]) -> Iterator[None]:
    psks = [
        (bytes.fromhex(psk["psk_id"]), bytes.fromhex(psk["psk"])) for psk in vector.get("external_psks") or []
    ]
    package, init_key, encryption_key = (
        bytes.fromhex(vector[name]) for name in ("key_package", "init_priv", "encryption_priv")
    )
    client = PassiveClient(package, init_key, encryption_key, psks)
    tree = vector.get("ratchet_tree")
    joined = client.join(bytes.fromhex(vector["welcome"]), None if tree is None else bytes.fromhex(tree))
    _compare(0, joined, vector["initial_epoch_authenticator"])
    yield
    for number, epoch in enumerate(vector["epochs"], 1):
        proposals = [bytes.fromhex(proposal) for proposal in epoch["proposals"]]
        reached = client.process(proposals, bytes.fromhex(epoch["commit"]))
        _compare(number, reached, epoch["epoch_authenticator"])
        yield


def _compare(number: int, reached: bytes, expected: str) -> None:
    if reached != bytes.fromhex(expected):
        raise Disagreement(f"another epoch authenticator than the vector's, {number} epochs after joining")


def counts(results: Sequence[Result]) -> str:
    """`N passed, N failed, N skipped`."""
    outcomes = [result.outcome for result in results]
    return ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in (PASSED, FAILED, SKIPPED))


def main(names: Sequence[str]) -> int:
    if not names:
        sys.stderr.write("usage: mls_passive.py FILE...\n")
        return 2
    results = []
    for name in names:
        try:
            vectors = load(Path(name))
        except (OSError, ValueError) as error:
            sys.stderr.write(f"{name}: {error}\n")
            return 2
        for index, vector in enumerate(vectors):
            result = run(vector)
            if result.outcome != PASSED:
                sys.stdout.write(f"{name}[{index}] suite {result.suite}: {result.outcome}: {result.reason}\n")
            results.append(result)
    sys.stdout.write(f"{counts(results)}\n")
    return int(any(result.outcome == FAILED for result in results))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
