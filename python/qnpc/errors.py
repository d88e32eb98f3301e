"""Every refusal, in one table: code, name, what it means, what to do, and the exit status of a process that ends with it.

Codes are stable: they are on the wire, in JSON output and in scripts. On the wire an error is the reason of a Cap'n Proto
exception, `E0nn NAME: sentence`, with an optional `retry_after=SECONDS` at its end. Codes from E100 never leave the client.
The sentence never carries a secret, a plaintext or anything of the insides.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Exit(enum.IntEnum):
    """How a process ends."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    LATER = 3
    TRUST = 4


@dataclass(frozen=True, slots=True)
class Row:
    number: str
    meaning: str
    action: str
    exit: Exit = Exit.REFUSED


class Code(enum.Enum):
    """The table. A member's name is the code's name."""

    # fmt: off
    BAD_REQUEST = Row("E001", "the request is malformed", "Check the command; if it is right, the two sides' versions differ.")
    UNSUPPORTED_VERSION = Row("E002", "the other side speaks another version", "Upgrade the older of the two.")
    TOO_LARGE = Row("E003", "this is larger than allowed", "Send less at once.")
    AUTH_REQUIRED = Row("E004", "this needs a valid invite or session", "Ask the node's host for an invite, or log in.")
    SESSION_EXPIRED = Row("E005", "the session has expired", "It is renewed by the device's key; if that fails, log in again.")
    LOGIN_FAILED = Row("E006", "the name or the password is wrong", "Check both and try again.")
    USERNAME_TAKEN = Row("E007", "the username is taken", "Choose another one.")
    USERNAME_INVALID = Row("E008", "this is not a valid username", "Use 3 to 32 letters, digits or .-_ without spaces.")
    IDENTITY_MISMATCH = Row("E009", "the keys do not belong to this account", "Log in from the device that owns them.", Exit.TRUST)
    TOO_MANY_LOGINS = Row("E010", "too many logins are pending", "Try again in a few minutes.", Exit.LATER)
    RATE_LIMITED = Row("E011", "too many requests", "Wait and try again.", Exit.LATER)
    QUEUE_FULL = Row("E012", "the receiver's queue is full", "Try again when they have been online.", Exit.LATER)
    NOT_FOUND = Row("E013", "there is no such thing here", "Check the name.")
    NO_KEY_PACKAGE = Row("E014", "no key package is left", "They must be online once before they can be invited.", Exit.LATER)
    KEY_PACKAGE_INVALID = Row("E015", "a key package is invalid", "Upgrade the client that made it.")
    HYBRID_KEY_INVALID = Row("E016", "a hybrid key is invalid", "Upgrade the client that made it.")
    NOT_A_MEMBER = Row("E017", "this device is not a member of the group", "Ask a member to invite you.")
    EPOCH_STALE = Row("E018", "the group has moved on", "It is sent again by itself.", Exit.LATER)
    COMMIT_INVALID = Row("E019", "the commit breaks the group's rules", "Upgrade the client that made it.")
    GROUP_EXISTS = Row("E020", "the group exists already", "Choose another name.")
    SUITE_NOT_ALLOWED = Row("E021", "this ciphersuite is not allowed here", "Choose one that the node allows.")
    DEVICE_REVOKED = Row("E022", "this device has been revoked", "Enrol it again.", Exit.TRUST)
    SHUTTING_DOWN = Row("E023", "the node is shutting down", "Try again in a moment.", Exit.LATER)
    STORE_UNAVAILABLE = Row("E024", "the store does not answer", "Try again in a moment.", Exit.LATER)
    INTERNAL = Row("E025", "something went wrong inside", "Its log says more.")
    TOO_MANY_CALLS = Row("E026", "too many calls are in flight", "Wait for answers before asking more.", Exit.LATER)
    NOT_ALLOWED = Row("E027", "only an admin of the group may do this", "Ask an admin.")

    PASSPHRASE_WRONG = Row("E101", "the password does not open this profile", "Try again.")
    VAULT_DAMAGED = Row("E102", "the profile's vault is damaged", "Restore vault.qpce from a backup.")
    PROFILE_BUSY = Row("E103", "another process is using this profile", "Stop it, or use another profile.", Exit.LATER)
    PIN_MISMATCH = Row("E104", "the node's key is not the pinned one", "Ask the node's host whether the key was changed.", Exit.TRUST)
    UNREACHABLE = Row("E105", "the node does not answer", "Check the address and that UDP passes.", Exit.LATER)
    IDENTITY_CHANGED = Row("E106", "somebody's identity key has changed", "Compare safety numbers, then accept it.", Exit.TRUST)
    GROUP_LAPSED = Row(
        "E107", "this device missed part of the group's log", "Ask an admin to remove it and invite it again."
    )
    ROSTER_CHANGED = Row("E108", "the group's members are not those last seen", "Look at them, then accept.", Exit.TRUST)
    MESSAGE_UNREADABLE = Row("E109", "a message could not be read", "Nothing can be done; the sender may send it again.")
    NO_PROFILE = Row("E110", "there is no profile here", "Register first, or name another one with --profile.", Exit.USAGE)
    USAGE = Row("E111", "the command cannot be run like this", "See --help.", Exit.USAGE)
    # fmt: on

    @property
    def number(self) -> str:
        return self.value.number

    @property
    def exit(self) -> Exit:
        return self.value.exit


BY_NUMBER = {code.number: code for code in Code}
_WIRE = re.compile(r"(E0\d\d) [A-Z_]+: (.*?)(?: retry_after=(\d+))?", re.DOTALL)


class Error(Exception):
    """A refusal with a stable code.

    `code` is the number ("E017"), `retry_after` whole seconds or None. `str()` is one line for a person.
    """

    def __init__(self, kind: Code, sentence: str | None = None, *, retry_after: int | None = None) -> None:
        self.kind = kind
        self.sentence = sentence or kind.value.meaning
        self.retry_after = retry_after
        super().__init__(self.sentence)

    @property
    def code(self) -> str:
        return self.kind.number

    def __str__(self) -> str:
        return f"{self.code} {self.kind.name}: {self.sentence}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.kind.name, self.sentence, self.retry_after))

    def to_wire(self) -> str:
        """The reason of a Cap'n Proto exception. Client-side codes never leave: they become E025."""
        if self.kind.number >= "E100":
            return Error(Code.INTERNAL).to_wire()
        hint = "" if self.retry_after is None else f" retry_after={self.retry_after}"
        return f"{self}{hint}"

    @classmethod
    def from_wire(cls, reason: str) -> Error:
        """What a peer's exception says. A reason that is not ours becomes E025, and its text is not kept."""
        match = _WIRE.fullmatch(reason)
        kind = BY_NUMBER.get(match[1]) if match else None
        if match is None or kind is None:
            return cls(Code.INTERNAL, "the other side failed")
        return cls(kind, match[2], retry_after=None if match[3] is None else int(match[3]))


def _rebuild(name: str, sentence: str, retry_after: int | None) -> Error:
    return Error(Code[name], sentence, retry_after=retry_after)
