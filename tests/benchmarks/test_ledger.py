"""A ledger counts what happened: whoever quotes its figures must not be told that something arrived which did not."""

from __future__ import annotations

from qnpc.benchmarks.ledger import Arrived, Ledger, Sent
from qnpc.benchmarks.report import bottleneck, quantile


def _sent(ledger: Ledger, count: int, *, counted: bool = True) -> list[Arrived]:
    """So many messages, seq from 1, each sent at second 0."""
    arrivals = []
    for number in range(count):
        id_ = number.to_bytes(16, "big")
        ledger.send(id_, b"text", 0.0, counted=counted)
        arrivals.append(Arrived(number + 1, ledger.find(id_)))
    return arrivals


def _ledger(members: int) -> tuple[Ledger, list[Sent]]:
    complete: list[Sent] = []
    return Ledger(members, 1, complete.append), complete


def test_a_message_is_complete_when_the_last_member_has_it() -> None:
    ledger, complete = _ledger(2)
    (one,) = _sent(ledger, 1)
    ledger.arrive(0, [one], 0.5)
    assert (complete, ledger.lost, ledger.delivered) == ([], 1, 1)
    ledger.arrive(1, [one], 1.5)
    assert (complete, ledger.lost, ledger.delivered) == ([one.sent], 0, 2)
    assert list(ledger.times) == [0.5, 1.5]


def test_what_comes_twice_is_doubled_and_not_delivered_again() -> None:
    ledger, complete = _ledger(1)
    one, two = _sent(ledger, 2)
    ledger.arrive(0, [one, two], 1.0)
    ledger.arrive(0, [two], 1.0)
    assert (ledger.doubled, ledger.delivered, ledger.lost, len(complete)) == (1, 2, 0, 2)


def test_a_member_that_skips_one_has_lost_it() -> None:
    ledger, complete = _ledger(1)
    one, _, three = _sent(ledger, 3)
    ledger.arrive(0, [one, three], 1.0)
    assert (ledger.lost, ledger.delivered, ledger.misordered, len(complete)) == (1, 2, 0, 2)


def test_what_comes_late_is_out_of_order_and_not_lost() -> None:
    ledger, _ = _ledger(1)
    one, two, three = _sent(ledger, 3)
    ledger.arrive(0, [one, three], 1.0)
    ledger.arrive(0, [two], 1.0)
    assert (ledger.misordered, ledger.lost, ledger.doubled) == (1, 0, 0)


def test_what_is_not_what_was_sent_is_not_delivered() -> None:
    ledger, complete = _ledger(1)
    _sent(ledger, 1)
    ledger.arrive(0, [Arrived(1, None)], 1.0)
    assert (ledger.altered, ledger.delivered, ledger.lost, complete) == (1, 0, 1, [])


def test_the_warm_up_is_in_no_figure_but_must_arrive_too() -> None:
    ledger, complete = _ledger(1)
    one, _ = _sent(ledger, 2, counted=False)
    ledger.arrive(0, [one], 1.0)
    assert (ledger.delivered, list(ledger.times), ledger.lost, len(complete)) == (0, [], 1, 1)


def test_quantiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [quantile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 50.0, 99.0, 100.0]
    assert quantile([7.0], 0.99) == 7.0
    assert quantile([], 0.5) == 0.0


def test_the_bottleneck_is_who_was_busy() -> None:
    assert [bottleneck(*shares) for shares in ((0.99, 0.4), (0.3, 1.0), (1.2, 0.95), (0.5, 0.6))] == [
        "node",
        "load",
        "both",
        "neither",
    ]
