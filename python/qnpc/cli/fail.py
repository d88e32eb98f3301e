"""The one place where a failure becomes a line on standard error and an exit status.

No traceback reaches a person. What nobody foresaw is E025 with the name of its type; its traceback goes into the file that
QNPC_DEBUG names, and nowhere else. Text that came from elsewhere is cleaned first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

import click

from qnpc import safe
from qnpc.errors import Code, Error, Exit

INTERRUPTED = 130
BROKEN_PIPE = 141  # as if SIGPIPE had ended us
DEBUG = "QNPC_DEBUG"


def report(error: BaseException, *, as_json: bool) -> int:
    """Says on standard error what happened, if there is something to say, and returns the exit status."""
    cause = _first(error)
    if isinstance(cause, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(cause, BrokenPipeError):
        _silence_stdout()
        return BROKEN_PIPE
    if isinstance(cause, SystemExit):
        return cause.code if isinstance(cause.code, int) else Exit.REFUSED
    refusal = refused(cause)
    say(describe(refusal, as_json=as_json))
    return refusal.kind.exit


def refused(error: BaseException) -> Error:
    """Any failure as one of the table's."""
    if isinstance(error, Error):
        return error
    if isinstance(error, click.ClickException):
        return Error(Code.USAGE, error.format_message())
    keep(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return Error(Code.INTERNAL, f"{error.strerror}{where}")
    kind = type(error).__name__
    return Error(Code.INTERNAL, f"something went wrong inside ({kind}); {DEBUG}=FILE keeps the details")


def describe(error: Error, *, as_json: bool) -> str:
    """One line: for a person with what to do about it, or one JSON object."""
    if as_json:
        return json.dumps(
            {
                "v": 1,
                "kind": "error",
                "code": error.code,
                "name": error.kind.name,
                "message": error.sentence,
                "retry_after": error.retry_after,
            },
            separators=(",", ":"),
        )
    text = safe.line(str(error))
    when = "" if error.retry_after is None else f" Again in {error.retry_after} s."
    stop = "" if text.endswith((".", "?", "!")) else "."
    return f"{text}{stop} {error.kind.value.action}{when}"


def say(text: str) -> None:
    """One line on standard error; if that is gone, there is nobody to tell."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def keep(error: BaseException) -> None:
    """Appends the traceback to the file that QNPC_DEBUG names, readable by its owner alone."""
    path = os.environ.get(DEBUG)
    if not path:
        return
    import traceback

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError as problem:
        say(f"the file that {DEBUG} names cannot be written: {problem.strerror}")


def _first(error: BaseException) -> BaseException:
    """What to report of a group of failures: an interruption first, then a refusal, then whatever came first."""
    leaves = list(_leaves(error))
    for kind in (KeyboardInterrupt, BrokenPipeError, Error):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _silence_stdout() -> None:
    """The interpreter flushes standard output once more at its end, and would complain."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass
