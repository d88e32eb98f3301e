"""Gives each family a tally and prints all of them at the end of the run, also of one that passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.core.vectors.tally import Tally

_TALLIES = pytest.StashKey[list[Tally]]()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str], Tally]:
    def make(family: str) -> Tally:
        made = Tally(family)
        request.config.stash.setdefault(_TALLIES, []).append(made)
        return made

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tallies = config.stash.get(_TALLIES, [])
    if not tallies:
        return
    judged = sum(len(tally.accepted) + len(tally.refused) for tally in tallies)
    apart = sum(len(cases) for tally in tallies for cases in tally.apart.values())
    terminalreporter.section("public vectors")
    for tally in tallies:
        terminalreporter.write_line(str(tally))
    terminalreporter.write_line(f"{judged} cases judged, {apart} that do not apply")
