"""Usernames: one spelling for each, the same at every client and node.

The profile is UsernameCaseMapped (RFC 8265, 3.3): width and case are mapped, text is normalised (NFC), spaces, controls and
compatibility characters are refused. What leaves here is stored, signed and compared as it is; nothing else may be.
"""

from __future__ import annotations

from precis_i18n import get_profile

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits

_PROFILE = get_profile("UsernameCaseMapped")
_LONGEST_INPUT = 4  # times the longest name: mapping never shrinks text more than that


def username(text: str, limits: Limits = DEFAULT) -> str:
    """The one spelling of a username, 3 to 32 characters. Raises Error(USERNAME_INVALID)."""
    if len(text) > _LONGEST_INPUT * limits.username_max:
        raise Error(Code.USERNAME_INVALID, "a username is too long")
    try:
        name: str = _PROFILE.enforce(text)
        # Rules applied once more may find more to map (RFC 8264, 7); a name that does not rest has no one spelling.
        stable = _PROFILE.enforce(name) == name
    except UnicodeError:  # says which character; that text is not ours to show
        raise Error(Code.USERNAME_INVALID, "a username has a character that may not be in one") from None
    if not stable:
        raise Error(Code.USERNAME_INVALID, "a username has a character that may not be in one")
    if not limits.username_min <= len(name) <= limits.username_max:
        sentence = f"a username has {limits.username_min} to {limits.username_max} characters"
        raise Error(Code.USERNAME_INVALID, sentence)
    return name
