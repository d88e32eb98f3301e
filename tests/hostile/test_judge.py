"""The harness can fail: each bound is passed by numbers at it and broken by numbers past it."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest

from qnpc.ports import Ports
from tests.hostile.catalogue import ATTACKS
from tests.hostile.gauge import AVAILABLE, IDLE, Gauge
from tests.hostile.judge import MIB, Bounds, Measured, judge, percentile

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="Linux alone tells what a process holds and spends")

BOUNDS = Bounds(connections=16, opens=False, per_connection=128 * 1024, cores=1.0)

GOOD = Measured(
    seconds=3.0,
    idle=90_000.0,
    memory=3 * MIB,
    node_cpu=3.0,
    attacker_cpu=1.0,
    sent=1000,
    ends=0,
    dropped=0,
    before_p99=0.030,
    p99=0.060,
    settled=1.9,
    lost=0,
    entered=3.0,
    returned=3.0,
)


def test_what_is_at_the_bounds_is_good() -> None:
    assert judge(GOOD, BOUNDS) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (replace(GOOD, memory=GOOD.memory + 1), "memory grew"),
        (replace(GOOD, node_cpu=3.1), "cores were busy"),
        (replace(GOOD, p99=0.061), "honest p99"),
        (replace(GOOD, before_p99=0.005, p99=0.026), "honest p99"),
        (replace(GOOD, settled=None), "still busy"),
        (replace(GOOD, lost=1), "did not arrive"),
        (replace(GOOD, entered=3.1), "somebody new took 3.1 s"),
        (replace(GOOD, returned=None), "a member did not get in"),
        (replace(GOOD, newcomer="E105"), "a new client was not served"),
        (replace(GOOD, complaint="amplified"), "amplified"),
        (replace(GOOD, errors=("Traceback",)), "the node complained"),
    ],
)
def test_what_is_past_a_bound_is_bad(bad: Measured, said: str) -> None:
    verdict = judge(bad, BOUNDS)
    assert len(verdict) == 1
    assert said in verdict[0]


def test_noise_is_allowed_where_the_node_is_fast() -> None:
    assert judge(replace(GOOD, before_p99=0.005, p99=0.024), BOUNDS) == []


def test_connections_that_come_during_the_attack_may_hold_what_an_idle_one_does() -> None:
    more = replace(GOOD, memory=GOOD.memory + 16 * 90_000)
    assert judge(more, BOUNDS) != []
    assert judge(more, replace(BOUNDS, opens=True)) == []


def test_a_percentile_is_one_of_the_samples() -> None:
    samples = [float(n) for n in range(100, 0, -1)]
    assert (percentile(samples, 0.99), percentile(samples, 0.5), percentile([7.0], 0.99)) == (99.0, 50.0, 7.0)


def test_attacks_have_names_of_their_own_and_say_what_they_do() -> None:
    assert len(ATTACKS) == 25
    for name, attack in ATTACKS.items():
        assert " " not in name
        assert attack.__doc__


def test_the_gauge_sees_memory_and_work(ports: Ports) -> None:
    gauge = Gauge(os.getpid(), ports.clock)
    memory, cpu = gauge.memory(), gauge.cpu()
    block = b"x" * (32 * MIB)
    assert gauge.memory() - memory > 30 * MIB
    while gauge.cpu() - cpu < 0.05:
        assert block.count(b"y") == 0
    del block
    assert gauge.peak >= memory + 30 * MIB
    assert gauge.kept_waiting() >= 0


async def test_the_gauge_tells_rest_from_work(ports: Ports) -> None:
    gauge = Gauge(os.getpid(), ports.clock)
    assert await gauge.rest(2.0) is not None
    stop = threading.Event()
    work = threading.Thread(target=lambda: [sum(range(1000)) for _ in iter(stop.is_set, True)])
    work.start()
    try:
        for _ in range(50):
            cpu, began = gauge.cpu(), ports.clock.monotonic()
            rested = await gauge.rest(0.5)
            if gauge.cpu() - cpu > 3 * IDLE * (
                ports.clock.monotonic() - began
            ):  # else others had the processor
                break
        assert rested is None
    finally:
        stop.set()
        work.join()
