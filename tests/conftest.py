"""What every test may ask for, and what holds for all of them."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator

import pytest

from qnpc.ports import Ports


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without the garbage collector: up to 3.11.7 and 3.12.1 the interpreter forgets how deep it is when code runs inside of
    `ast.parse` that parses too, as a finalizer's warning does (gh-106905), and collecting is where everything is parsed."""
    gc.disable()
    try:
        _be_patient()
        return (yield)
    finally:
        gc.enable()


def _be_patient() -> None:
    """Drawn examples are judged by what they find: how long they took says what else the machine did. All else stays as Hypothesis has
    it, which on a CI machine draws the same ones each time."""
    from hypothesis import HealthCheck, settings

    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")


@pytest.fixture
def ports() -> Iterator[Ports]:
    """The real clock, randomness, sockets and threads of this machine; the threads end with the test."""
    real = Ports()
    yield real
    real.close()
