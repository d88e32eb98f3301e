"""Counts what became of each vector, so that none passes in silence, and tells it at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

from qnpc._core import CoreError


class Tally:
    """One family's cases: judged against what they expect, or not applicable for a stated reason. A case that is held in several ways
    counts once."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.accepted: set[object] = set()
        self.refused: set[object] = set()
        self.apart: dict[str, set[object]] = {}
        self._wrong: list[str] = []

    def gives(self, case: object, expected: object, call: Callable[..., object], *arguments: object) -> None:
        """The call must come out as `expected`."""
        self.accepted.add(case)
        self._hold(case, expected, call, arguments)

    def refuses(
        self, case: object, kind: type[CoreError], call: Callable[..., object], *arguments: object
    ) -> None:
        """The call must be refused with this very exception."""
        self.refused.add(case)
        self._hold(case, kind, call, arguments)

    def not_offered(
        self,
        case: object,
        reason: str,
        kind: type[CoreError],
        call: Callable[..., object],
        *arguments: object,
    ) -> None:
        """The case asks for what is not offered. That too must be refused, not computed somehow."""
        self.apart.setdefault(reason, set()).add(case)
        self._hold(case, kind, call, arguments)

    def superseded(
        self, case: object, reason: str, old: object, call: Callable[..., object], *arguments: object
    ) -> None:
        """The case holds for an older text, and the newer one differs."""
        self.apart.setdefault(reason, set()).add(case)
        if call(*arguments) == old:
            self._wrong.append(f"{case}: still as in {reason}")

    def _hold(
        self, case: object, expected: object, call: Callable[..., object], arguments: tuple[object, ...]
    ) -> None:
        try:
            outcome = call(*arguments)
        except CoreError as error:
            outcome = type(error)
        if outcome != expected:
            self._wrong.append(f"{case}: {_shown(outcome)} instead of {_shown(expected)}")

    def hold(self, *, accepted: int, refused: int, **apart: int) -> None:
        """Every case came out as it should, and there were as many as there are: a file that shrinks is noticed."""
        assert not self._wrong, "\n".join(self._wrong[:10])
        counts = {reason.replace(" ", "_"): len(cases) for reason, cases in self.apart.items()}
        assert (len(self.accepted), len(self.refused), counts) == (accepted, refused, apart), str(self)

    def __str__(self) -> str:
        apart = "".join(f", {len(cases)} apart ({reason})" for reason, cases in self.apart.items())
        return f"{self.family}: {len(self.accepted)} accepted, {len(self.refused)} refused{apart}"


def _shown(outcome: object) -> str:
    text = outcome.__name__ if isinstance(outcome, type) else repr(outcome)
    return text if len(text) < 100 else f"{text[:100]}..."
