"""The vault: the secrets of one profile, sealed under a password or a key file.

It holds what cannot be made again: identity and device secrets, the hybrid key's seed, the database's key, and whose
they are. It is replaced atomically and never written in the clear. Its header names how the key is derived, with a
check value, so that a wrong password (E101) and a damaged file (E102) are told apart; the check gives a guesser
nothing that the seal itself does not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from argon2.low_level import Type, hash_secret_raw

from qnpc import _core
from qnpc.errors import Code, Error
from qnpc.files import write_private
from qnpc.ports import Random

VAULT = "vault.qpce"
KEY_FILE = "vault.key"
_CHECK = b"qnpc vault check"
_MEMORY_MAX_KIB = 4 * 1024 * 1024  # a damaged header must not ask for more


@dataclass(frozen=True, slots=True)
class Kdf:
    """Argon2id parameters of the password (RFC 9106, 4: the second recommended option)."""

    memory_kib: int = 65536
    passes: int = 3
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class Secrets:
    """The vault's content. Never printed: every field is left out of `repr`."""

    identity: bytes = field(repr=False)  # Ed25519 seed
    device: bytes = field(repr=False)  # Ed25519 seed
    hybrid: bytes = field(repr=False)  # X-Wing seed
    database: bytes = field(repr=False)  # SQLCipher raw key
    certificate: bytes  # this device's, which names the account
    node: bytes  # the node's link without an invite


def write_vault(
    profile: Path, secrets: Secrets, password: bytes | None, random: Random, kdf: Kdf | None = None
) -> None:
    """Seals under the password, or with None under a fresh key file beside it. Takes about 0.1 s of Argon2id. Raises
    OSError."""
    header: dict[str, Any]
    if password is None:
        key = random.bytes(32)
        write_private(profile / KEY_FILE, key)  # first: a vault without its key would be lost
        header = {"kdf": "file"}
    else:
        parameters = kdf or Kdf()
        salt = random.bytes(16)
        key = _stretch(password, salt, parameters)
        header = {"kdf": "argon2id", "salt": salt.hex(), **asdict(parameters)}
    header["check"] = _check(key)
    plaintext = json.dumps({name: value.hex() for name, value in asdict(secrets).items()}).encode()
    write_private(profile / VAULT, _core.seal_vault(key, json.dumps(header).encode(), plaintext))


def has_vault(profile: Path) -> bool:
    return (profile / VAULT).is_file()


def needs_password(profile: Path) -> bool:
    """Raises Error(NO_PROFILE, VAULT_DAMAGED)."""
    return bool(_header(_read(profile))["kdf"] != "file")


def open_vault(profile: Path, password: bytes | None) -> Secrets:
    """Raises Error(NO_PROFILE, PASSPHRASE_WRONG, VAULT_DAMAGED). Blocks for the key derivation."""
    sealed = _read(profile)
    header = _header(sealed)
    by_file = header["kdf"] == "file"
    key = _key_file(profile) if by_file else _password_key(header, password)
    if not hmac.compare_digest(_check(key), str(header["check"])):
        raise Error(Code.VAULT_DAMAGED if by_file else Code.PASSPHRASE_WRONG)
    try:
        fields = json.loads(_core.open_vault(key, sealed))
        return Secrets(**{name: bytes.fromhex(value) for name, value in fields.items()})
    except _core.Panicked:
        raise
    except (_core.CoreError, ValueError, TypeError) as error:
        raise Error(Code.VAULT_DAMAGED) from error


def _read(profile: Path) -> bytes:
    try:
        return (profile / VAULT).read_bytes()
    except FileNotFoundError as error:
        raise Error(Code.NO_PROFILE, f"there is no profile at {profile}") from error
    except OSError as error:
        raise Error(Code.VAULT_DAMAGED, f"the vault cannot be read: {error.strerror}") from error


def _header(sealed: bytes) -> dict[str, Any]:
    try:
        header = json.loads(_core.vault_header(sealed))
        if header["kdf"] not in ("file", "argon2id") or not isinstance(header["check"], str):
            raise ValueError("unknown derivation")
    except _core.Panicked:
        raise
    except (_core.CoreError, ValueError, KeyError, TypeError) as error:
        raise Error(Code.VAULT_DAMAGED) from error
    return dict(header)


def _key_file(profile: Path) -> bytes:
    try:
        key = (profile / KEY_FILE).read_bytes()
    except OSError as error:
        raise Error(Code.VAULT_DAMAGED, "the key file of this profile is missing") from error
    if len(key) != 32:
        raise Error(Code.VAULT_DAMAGED, "the key file of this profile is damaged")
    return key


def _password_key(header: dict[str, Any], password: bytes | None) -> bytes:
    if password is None:
        raise Error(Code.PASSPHRASE_WRONG, "this profile opens with a password")
    try:
        kdf = Kdf(int(header["memory_kib"]), int(header["passes"]), int(header["lanes"]))
        salt = bytes.fromhex(header["salt"])
        if (
            not 8 <= kdf.memory_kib <= _MEMORY_MAX_KIB
            or not 1 <= kdf.passes <= 64
            or not 1 <= kdf.lanes <= 64
        ):
            raise ValueError("parameters out of range")
    except (ValueError, KeyError, TypeError) as error:
        raise Error(Code.VAULT_DAMAGED) from error
    return _stretch(password, salt, kdf)


def _stretch(password: bytes, salt: bytes, kdf: Kdf) -> bytes:
    return hash_secret_raw(password, salt, kdf.passes, kdf.memory_kib, kdf.lanes, 32, Type.ID)


def _check(key: bytes) -> str:
    return hmac.new(key, _CHECK, hashlib.sha256).hexdigest()[:16]
