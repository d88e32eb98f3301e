"""The two benchmarks as streams of results, each as soon as it is known."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

from qnpc import _core
from qnpc._core import primitives
from qnpc.benchmarks.core import asymmetric, batches, peers, sealed, symmetric
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
    sizes = sorted(set(members))
    for suite in suites:
        with ExitStack() as stack:
            teams = {who: stack.enter_context(closing(team)) for who, team in _teams(ports, suite)}
            for count, before in zip(sizes, [1, *sizes], strict=False):
                label = f"0x{suite:04X} n={count}"
                missing = len(teams) * (count - before)

                def joined(label: str = label) -> None:
                    nonlocal missing
                    missing -= 1
                    progress(label, missing)

                for team in teams.values():
                    team.grow(count, joined)
                yield from _steps(label, teams, count)
        yield from batches.rows(ports, suite, min(sizes[-1], batches.MEMBERS))


def _teams(ports: Ports, suite: int) -> Iterator[tuple[str, Team]]:
    yield OURS, Ours(ports.clock, ports.random, suite)
    if (rine := peers.find(peers.RINE)) is not None:
        theirs = rine.CIPHER_SUITE_CLASSICAL if suite == _core.SUITE_CLASSICAL else rine.CIPHER_SUITE_XWING
        yield peers.RINE, Rine(ports.clock, ports.random, rine, theirs)


def _steps(label: str, teams: dict[str, Team], count: int) -> Iterator[Result]:
    times: dict[str, dict[str, list[float]]] = {}
    cpu: dict[str, dict[str, list[float]]] = {}
    # Nobody is held to one core: whoever uses more shows it in the time, and what that took in the CPU time.
    with undisturbed(one_core=False):
        for _ in range(_rounds(count)):
            for who, team in teams.items():
                team.step()
                for samples, taken in ((times, team.times), (cpu, team.cpu)):
                    for operation, seconds in taken.items():
                        samples.setdefault(operation, {}).setdefault(who, []).append(seconds)
    ours = teams[OURS]
    for operation in OPERATIONS:
        sizes = {name.replace(" ", "_") + "_bytes": ours.sizes[name] for name in _SHOWN.get(operation, ())}
        used = {who: round(us, 3) for who, us in _medians(cpu[operation]).items()}
        yield Result(f"{label} {operation}", _medians(times[operation]), {"cpu_us": used, **sizes})


def _medians(samples: dict[str, list[float]]) -> dict[str, float]:
    """Microseconds."""
    return {who: 1e6 * statistics.median(taken) for who, taken in samples.items()}


def _rounds(count: int) -> int:
    return 11 if count <= 50 else 7 if count <= 200 else 5
