"""A panic inside the core is an exception that handlers know: E025, without its text, which could hold anything."""

from __future__ import annotations

import ast
import asyncio
import re
import subprocess
import sys
import threading

import pytest

from qnpc._core import CoreError, Panicked, StateError
from qnpc._core.primitives import fail_on_purpose, sha256
from qnpc.cli.fail import refused
from qnpc.errors import Code
from tests.house.sources import PACKAGE, ROOT

BINDING = ROOT / "rust" / "binding" / "src"


@pytest.mark.parametrize("detached", [False, True], ids=["with the GIL", "without the GIL"])
def test_a_panic_is_an_error_of_the_core(detached: bool) -> None:
    with pytest.raises(Panicked) as caught:
        fail_on_purpose(detached)
    assert re.fullmatch(r"the core failed inside \(mod\.rs:\d+\)", str(caught.value))
    assert isinstance(caught.value, StateError)
    assert isinstance(caught.value, CoreError)
    assert sha256(b"")[:4].hex() == "e3b0c442"  # and it goes on


def test_a_panic_on_another_thread_is_told_there() -> None:
    seen: list[BaseException] = []

    def work() -> None:
        try:
            fail_on_purpose(True)
        except Panicked as error:
            seen.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [type(error) for error in seen] == [Panicked]


async def test_a_task_ends_with_it_as_with_any_exception() -> None:
    outcome = await asyncio.gather(asyncio.to_thread(fail_on_purpose, True), return_exceptions=True)
    assert [type(error) for error in outcome] == [Panicked]


def test_a_person_is_told_e025() -> None:
    with pytest.raises(Panicked) as caught:
        fail_on_purpose(False)
    error = refused(caught.value)
    assert error.kind is Code.INTERNAL
    assert "CANARY" not in str(error)


def test_nothing_of_a_panic_is_printed() -> None:
    """The standard library would print its message; the interpreter prints only what nobody caught."""
    script = (
        "from qnpc._core import Panicked\n"
        "from qnpc._core.primitives import fail_on_purpose\n"
        "try:\n    fail_on_purpose(True)\nexcept Panicked:\n    print('caught')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("caught\n", "")


def test_whatever_python_calls_is_guarded() -> None:
    """`#[guarded]` stands above every function and method that the extension exports."""
    bare = [
        f"{path.relative_to(BINDING)}:{number + 1}"
        for path in sorted(BINDING.rglob("*.rs"))
        for lines in [path.read_text().splitlines()]
        for number, line in enumerate(lines)
        if line.strip() in {"#[pymethods]", "#[pyfunction]"} and lines[number - 1].strip() != "#[guarded]"
    ]
    assert bare == []


def panics_swallowed(source: str) -> list[int]:
    """Lines of handlers that would take a panic for a refusal: of CoreError, with none of Panicked before it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Try):
            named = [
                {
                    part.attr if isinstance(part, ast.Attribute) else part.id
                    for part in ast.walk(handler.type)
                    if isinstance(part, ast.Attribute | ast.Name)
                }
                for handler in node.handlers
                if handler.type is not None
            ]
            for number, names in enumerate(named):
                if "CoreError" in names and not any("Panicked" in before for before in named[:number]):
                    found.append(node.handlers[number].lineno)
    return found


def test_nobody_takes_a_panic_for_a_refusal() -> None:
    """An honest commit over which our own core fails is not an invalid one: it is E025, and told as such."""
    assert [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in panics_swallowed(path.read_text())
    ] == []


@pytest.mark.parametrize("caught", ["CoreError", "_core.CoreError", "(_core.CoreError, ValueError)"])
def test_a_planted_handler_is_found(caught: str) -> None:
    assert panics_swallowed(f"try:\n    f()\nexcept {caught}:\n    pass") == [3]
    assert panics_swallowed(f"try:\n    f()\nexcept Panicked:\n    raise\nexcept {caught}:\n    pass") == []
