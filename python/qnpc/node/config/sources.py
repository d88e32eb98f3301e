"""From flags, environment and file to settings: the first of these that says something about a key counts, a default otherwise.

A text that is empty says nothing, wherever it stands. Whatever is wrong is one refusal that names the place, the key and what was
expected, and never a secret's value. Relative paths are relative to the directory that the process was started in.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT
from qnpc.link import join_address
from qnpc.node.config.table import KEYS, Key, unknown
from qnpc.node.config.values import Unknown, Wrong, described
from qnpc.node.settings import SUITES, NodeSettings, default_listen

_SERVERS = ("postgresql://", "postgres://")


def configure(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str | None]) -> NodeSettings:
    """`file` is TOML; `flags` by the names of keys. Raises Error(USAGE)."""
    said = {} if file is None else _file(file)
    found: dict[str, Any] = {}
    limits: dict[str, int | float] = {}
    for key in KEYS.values():
        for place, value in _said(key, file, said, environ, flags):
            read = _read(key, place, value)
            if key.name == "limits":
                limits = {**read, **limits}
            else:
                found.setdefault(key.name, read)
    return _settings(found, limits)


def _said(
    key: Key,
    file: Path | None,
    said: Mapping[str, object],
    environ: Mapping[str, str],
    flags: Mapping[str, str | None],
) -> Iterator[tuple[str, object]]:
    """Where the key is set and to what, what counts most first. All of them are read: what is wrong is told even where it
    does not count."""
    flag, variable = flags.get(key.name), environ.get(key.env)
    if flag:
        yield str(key.flag), key.kind.split(flag)
    if variable:
        yield key.env, key.kind.split(variable)
    if said.get(key.name, "") != "":
        yield f"{key.name} in {file}", said[key.name]


def _file(path: Path) -> dict[str, object]:
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Error(Code.USAGE, f"the configuration {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Error(Code.USAGE, f"the configuration {path} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise Error(Code.USAGE, f"the configuration {path} is not TOML: {error}") from None
    for name in said:
        if name not in KEYS:
            raise Error(Code.USAGE, f"{path}: {unknown(name)}")
    return said


def _read(key: Key, place: str, value: object) -> Any:
    try:
        return key.kind.read(value)
    except Wrong as wrong:
        what = f"{place}, {wrong.within}" if wrong.within else place
        found = described(wrong.found, secret=key.secret)
        raise Error(Code.USAGE, f"{what}: expected {wrong.expected}, found {found}") from None
    except Unknown as error:
        raise Error(Code.USAGE, f"{place}: {unknown(error.name, among_limits=True)}") from None


def _settings(found: Mapping[str, Any], limits: Mapping[str, int | float]) -> NodeSettings:
    public = found.get("public")
    return NodeSettings(
        listen=found.get("listen") or default_listen(),
        data_dir=found.get("data_dir") or _default_data_dir(),
        public=None if public is None else join_address(*public),
        suites=found.get("suites") or SUITES,
        limits=dataclasses.replace(DEFAULT, **limits),  # type: ignore[arg-type]  # each was read as its field's type
        tls_cert=found.get("tls_cert"),
        tls_key=found.get("tls_key"),
        database=_database(found),
        db_key=found.get("db_key"),
        auth_token=found.get("auth_token"),
        log_level=found.get("log_level", "info"),
    )


def _database(found: Mapping[str, Any]) -> Path | None:
    """None: in data_dir."""
    where = str(found.get("db_path", ""))
    if where.lower().startswith(_SERVERS):
        raise Error(
            Code.USAGE, "db_path: PostgreSQL as a store comes in a later version; use the path of a file"
        )
    if found.get("store_backend", "file") == "file":
        return None
    if not where:
        raise Error(Code.USAGE, 'store_backend is "sql", so db_path must say where the database is')
    return Path(where).expanduser()


def _default_data_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path("qnpc", appauthor=False) / "node"
