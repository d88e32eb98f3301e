"""The two benchmarks as streams of results, each as soon as it is known."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

from qnpc import _core
from qnpc._core import primitives
from qnpc.benchmarks.core import asymmetric, peers, sealed, symmetric
from qnpc.benchmarks.core.groups import OPERATIONS, Ours, Rine, Team
from qnpc.benchmarks.core.race import OURS, Result, once, race, undisturbed
from qnpc.ports import Ports

MEMBERS = (2, 50, 200, 500, 1000)

_SHOWN = {
    "encrypt": ("message", "encrypt rows"),
    "add": ("add commit", "add rows", "Welcome", "KeyPackage"),
    "join": ("tree",),
    "remove": ("remove commit", "remove rows"),
    "update": ("update commit", "update rows"),
}
"""Which sizes belong to which operation."""


def crypto(ports: Ports) -> Iterator[Result]:
    for table in (symmetric, asymmetric, sealed):
        for name, contestants in table.rows(ports.random):
            yield race(ports.clock, name, contestants)
    yield threads(ports)


def threads(ports: Ports) -> Result:
    """What a second core brings to a batch of verifications."""
    key = primitives.Ed25519Key.generate()
    messages = [ports.random.bytes(300) for _ in range(512)]
    batch = [(key.public_key, message, key.sign(message)) for message in messages]
    one, two = [], []
    for _ in range(7):
        one.append(once(ports.clock, lambda: primitives.ed25519_verify_many(batch, 1)))
        two.append(once(ports.clock, lambda: primitives.ed25519_verify_many(batch, 2)))
    single, double = statistics.median(one), statistics.median(two)
    extra = {"one_thread_us": round(1e6 * single, 3), "speedup": round(single / double, 3)}
    return Result("Ed25519 verify 512 x 300 B, 2 threads", {OURS: 1e6 * double}, extra)


def mls(
    ports: Ports, members: Sequence[int], suites: Sequence[int], progress: Callable[[str, int], None]
) -> Iterator[Result]:
    """`progress` is told what is being prepared, and how many members it still lacks."""
    for suite in suites:
        for count in members:
            label = f"0x{suite:04X} n={count}"
            with ExitStack() as stack:
                teams = _teams(ports, suite, count, label, progress, stack)
                yield from _steps(label, teams, count)


def _teams(
    ports: Ports,
    suite: int,
    count: int,
    label: str,
    progress: Callable[[str, int], None],
    stack: ExitStack,
) -> dict[str, Team]:
    rine = peers.find(peers.RINE)
    missing = (count - 1) * (1 if rine is None else 2)

    def joined() -> None:
        nonlocal missing
        missing -= 1
        progress(label, missing)

    teams: dict[str, Team] = {}
    teams[OURS] = stack.enter_context(closing(Ours(ports.clock, ports.random, suite, count, joined)))
    if rine is not None:
        theirs = rine.CIPHER_SUITE_CLASSICAL if suite == _core.SUITE_CLASSICAL else rine.CIPHER_SUITE_XWING
        other = Rine(ports.clock, ports.random, rine, theirs, count, joined)
        teams[peers.RINE] = stack.enter_context(closing(other))
    return teams


def _steps(label: str, teams: dict[str, Team], count: int) -> Iterator[Result]:
    samples: dict[str, dict[str, list[float]]] = {}
    with undisturbed():
        for _ in range(_rounds(count)):
            for who, team in teams.items():
                team.step()
                for operation, seconds in team.times.items():
                    samples.setdefault(operation, {}).setdefault(who, []).append(seconds)
    ours = teams[OURS]
    for operation in OPERATIONS:
        times = {who: 1e6 * statistics.median(taken) for who, taken in samples[operation].items()}
        sizes = {name.replace(" ", "_") + "_bytes": ours.sizes[name] for name in _SHOWN.get(operation, ())}
        yield Result(f"{label} {operation}", times, sizes)


def _rounds(count: int) -> int:
    return 11 if count <= 50 else 7 if count <= 200 else 5
