"""Which codes the sources can raise and which the tests expect, read from syntax trees: nothing is imported or run.

A source can raise a code that it hands to a call, `Error(Code.X)` or whatever makes one. A test expects a code where an assertion, a `with`
or a case (of a parametrised test, of a loop) names it, as `Code.X` or as the text "E0nn". An error that a test makes itself is no
expectation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_NUMBER = re.compile(r"\bE[01]\d\d\b")
_EXPECTING = re.compile(r"refus|raises|refuse|complain")


def raised(source: str) -> set[str]:
    """Names of the codes that a module of the product can raise."""
    return {
        name
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
        for node in ast.walk(argument)
        if (name := _code(node)) is not None
    }


def expected(source: str, numbers: dict[str, str]) -> set[str]:
    """Names of the codes that a test module expects. `numbers`: "E017" -> name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        for part in _expectations(node):
            found |= _named(part, numbers)
    return found


def _expectations(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Assert(test=test):
            yield test
        case ast.With(items=items) | ast.AsyncWith(items=items):
            yield from (item.context_expr for item in items)
        case ast.For(iter=cases):
            yield cases
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            yield from decorators
        case ast.Call(func=func) if _EXPECTING.search(_last_name(func)):
            yield node
        case _:
            pass


def _named(part: ast.AST, numbers: dict[str, str]) -> set[str]:
    """Codes in an expression, but for those of errors that it makes."""
    if isinstance(part, ast.Call) and _last_name(part.func) == "Error":
        return set()
    found = set()
    if (name := _code(part)) is not None:
        found.add(name)
    if isinstance(part, ast.Constant) and isinstance(part.value, str):
        found |= {numbers[number] for number in _NUMBER.findall(part.value) if number in numbers}
    for child in ast.iter_child_nodes(part):
        found |= _named(child, numbers)
    return found


def _code(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(value=ast.Name(id="Code"), attr=name) if name.isupper():
            return name
        case _:
            return None


def _last_name(func: ast.expr) -> str:
    match func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
