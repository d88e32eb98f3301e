"""Every key of a node's configuration, in one table: the options of `serve`, their help, the documentation and the refusals of
unknown keys are made from it.

A key has one name in three spellings: `db_path` in the file, QNPC_DB_PATH in the environment, --db-path as a flag. A secret has no flag:
arguments are seen by everyone on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from qnpc.node.config import values
from qnpc.node.config.values import LIMITS, Kind


@dataclass(frozen=True, slots=True)
class Key:
    """`default` is said in words; the settings hold the value. `option`: the flag, where it is not the key's name."""

    name: str
    kind: Kind
    metavar: str
    default: str
    help: str
    secret: bool = False
    option: str = ""

    @property
    def env(self) -> str:
        return f"QNPC_{self.name.upper()}"

    @property
    def flag(self) -> str | None:
        return None if self.secret else self.option or f"--{self.name.replace('_', '-')}"


_ROWS = (
    Key("listen", values.ADDRESS, "HOST:PORT", "0.0.0.0:7000", "Where to listen (UDP)."),
    Key("public", values.ADDRESS, "HOST:PORT", "the address it listens at",
        "The address that links to this node carry."),
    Key("data_dir", values.PATH, "DIR", "the platform's data directory", "Where the node keeps its data."),
    Key("tls_cert", values.PATH, "FILE", "server-cert.pem in data_dir",
        "The certificate, DER or PEM by its content. Made if there is none: DER if its name ends in .der."),
    Key("tls_key", values.PATH, "FILE", "server-key.pem in data_dir",
        "The private key, likewise. Clients are pinned to it: keep it."),
    Key("auth_token", values.TOKEN, "TEXT", "none: only invites let in",
        "Whoever knows it may register, as with an invite without limit. Long and random, please.", secret=True),
    Key("store_backend", values.choice("file", "sql"), "file|sql", "file",
        "The database: a file in data_dir, or what db_path says."),
    Key("db_path", values.DATABASE, "FILE", "none", "The database's file, for the backend sql."),
    Key("db_key", values.DB_KEY, "TEXT", "none: not encrypted",
        "Encrypts the database (SQLCipher): a passphrase, or a key as 64 hex digits.", secret=True),
    Key("suites", values.SUITES, "LIST", "0x004F, 0x0001", "The ciphersuites that groups may have."),
    Key("log_level", values.choice("debug", "info", "warning", "error"), "LEVEL", "info",
        "How much is logged, to standard error: debug, info, warning or error."),
    Key("limits", values.TABLE, "NAME=VALUE", "see docs/configuration.md", "Sets one limit; may be said again.", option="--limit"),
)  # fmt: skip

KEYS = {row.name: row for row in _ROWS}


def unknown(name: str, *, among_limits: bool = False) -> str:
    """A sentence about a key that there is not, which names the nearest that there is."""
    here, there = (LIMITS, KEYS) if among_limits else (KEYS, LIMITS)
    place = "the table [limits] has no key" if among_limits else "there is no key"
    if name in there:
        other = f'"{name}" stands above the table [limits]' if among_limits else f'"{name}" belongs into it'
        return (
            f"{place} {name!r}: {other}" if among_limits else f"{place} {name!r} outside of [limits]: {other}"
        )
    (nearest,) = get_close_matches(name, here, 1, cutoff=0.0)
    return f'{place} {name!r}; the nearest is "{nearest}"'
