"""What a command asks for: passwords, links and texts, from a file, from standard input or, on a terminal only, from a person.

Nothing here waits for somebody who is not there: without a terminal the refusal names the flag to use instead. Secrets are never
echoed, and never part of an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from qnpc.errors import Code, Error

STDIN = "-"
_LONGEST_LINE = 4096


def at_terminal() -> bool:
    """Somebody can be asked: standard input is a terminal, and so is where the question is shown."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def one_stdin(**given: str | None) -> None:
    """Standard input can be read for one thing only. Raises Error(USAGE)."""
    readers = [f"--{name.replace('_', '-')} -" for name, value in given.items() if value == STDIN]
    if len(readers) > 1:
        raise Error(Code.USAGE, f"{' and '.join(readers)} cannot both read standard input")


def stdin_line(what: str) -> str:
    """The next line of standard input. Raises Error(USAGE) if there is none, or it is no text."""
    return _line(sys.stdin.buffer.readline(_LONGEST_LINE + 1), what)


def stdin_text(limit: int) -> str:
    """All of standard input, without the newline at its end. `limit` in bytes of UTF-8.

    Raises Error(TOO_LARGE) without reading further than that, Error(USAGE) for what is no text."""
    data = sys.stdin.buffer.read(limit + 2).removesuffix(b"\n")
    if len(data) > limit:  # before it is decoded: the cut may be inside a character
        raise _too_large(limit)
    return checked_text(_decoded(data, "standard input"), limit)


def checked_text(text: str, limit: int) -> str:
    """The text, if it can be sent. Raises Error(USAGE, TOO_LARGE)."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Error(Code.USAGE, "the text is not UTF-8") from None
    if size > limit:
        raise _too_large(limit)
    if not text:
        raise Error(Code.USAGE, "the text is empty")
    return text


def _too_large(limit: int) -> Error:
    return Error(Code.TOO_LARGE, f"a message has at most {limit} bytes")


def password(source: str | None, prompt: str, *, twice: bool = False) -> bytes:
    """A password as UTF-8: from `source`, a file or `-`, or from the person at the terminal.

    Raises Error(USAGE): no terminal and no source, an unreadable or empty file, or two entries that differ."""
    if source is not None:
        word = secret(source, "password")
    elif at_terminal():
        word = _prompt(prompt, twice=twice)
    else:
        sentence = "a password is needed and there is no terminal to ask at: use --password-file FILE or -"
        raise Error(Code.USAGE, sentence)
    if not word:
        raise Error(Code.USAGE, "the password is empty")
    return word.encode()


def secret(source: str, what: str) -> str:
    """The first line of `source`, a file or `-`. Raises Error(USAGE)."""
    if source == STDIN:
        return stdin_line(f"a {what}")
    try:
        with Path(source).open("rb") as file:
            return _line(file.readline(_LONGEST_LINE + 1), f"a {what}")
    except OSError as error:
        raise Error(Code.USAGE, f"the {what} file cannot be read: {error.strerror}") from None


def _prompt(prompt: str, *, twice: bool) -> str:
    from getpass import getpass

    try:
        word = getpass(f"{prompt}: ", stream=sys.stderr)
        if twice and getpass("Again: ", stream=sys.stderr) != word:
            raise Error(Code.USAGE, "the two passwords differ")
    except EOFError:
        raise Error(Code.USAGE, "no password was given") from None
    return word


def _line(data: bytes, what: str) -> str:
    if not data:
        raise Error(Code.USAGE, f"there was nothing to read where {what} was expected")
    if len(data) > _LONGEST_LINE:
        raise Error(Code.USAGE, f"{what} is longer than {_LONGEST_LINE} bytes")
    return _decoded(data, what).rstrip("\r\n")


def _decoded(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Error(Code.USAGE, f"{what} is not UTF-8") from None
