"""Lines share a time by their weights, whatever their turns cost."""

from __future__ import annotations

import pytest

from qnpc.transport.lines import Line, Shares


def lines(*weights: float) -> list[Line[str]]:
    return [Line(1 << 20, 1 << 20, weight) for weight in weights]


def fill(line: Line[str], count: int = 1000) -> None:
    for number in range(count):
        line.put(f"{number}", (b"x", ("a", 1)))


def test_a_line_of_cheap_turns_gets_as_much_time_as_one_of_dear_ones() -> None:
    cheap, dear, light = made = lines(1.0, 1.0, 0.5)
    shares, spent = Shares(made), dict.fromkeys(made, 0.0)
    for line in made:
        fill(line, 10_000)
    while sum(spent.values()) < 1.0:
        turn = shares.next()
        assert turn is not None
        turn.take(1)
        cost = 0.0001 if turn is cheap else 0.003
        shares.charge(cost)
        spent[turn] += cost
    assert spent[cheap] == pytest.approx(0.4, abs=0.03)
    assert spent[dear] == pytest.approx(0.4, abs=0.03)
    assert spent[light] == pytest.approx(0.2, abs=0.03)


def test_who_comes_to_an_idle_line_waits_for_no_turn_that_was_paid_before() -> None:
    """However dear the last turn was, and however little its line weighs."""
    old, heavy, idle = made = lines(1.0, 1 / 16, 1.0)
    shares = Shares(made)
    fill(old)
    fill(heavy)
    while shares.next() is not heavy:
        shares.charge(0.001)
    shares.charge(2.0)
    fill(idle)
    assert [shares.next() for _ in range(3)].count(idle) >= 1


def test_an_idle_line_saves_nothing_up() -> None:
    busy, idle = made = lines(1.0, 1.0)
    shares = Shares(made)
    fill(busy)
    for _ in range(500):
        assert shares.next() is busy
        shares.charge(0.01)
    fill(idle)
    turns = []
    for _ in range(100):
        turns.append(shares.next())
        shares.charge(0.01)
    assert 45 <= turns.count(idle) <= 55
