"""Flags, environment and file: what counts, and what a host is told about a configuration that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from qnpc.errors import Code, Error
from qnpc.limits import DEFAULT, Limits
from qnpc.node.config.sources import configure
from qnpc.node.config.table import KEYS
from qnpc.node.config.values import LIMITS
from qnpc.node.settings import SUITES, NodeSettings
from tests.node.rig import refused

WORD_FOR_WORD = Path(__file__).parents[1] / "support" / "node.toml"


def read(
    tmp_path: Path, toml: str = "", environ: Mapping[str, str] | None = None, **flags: str | None
) -> NodeSettings:
    file = tmp_path / "node.toml"
    file.write_text(toml)
    return configure(file, environ or {}, flags)


def complaint(
    tmp_path: Path, toml: str = "", environ: Mapping[str, str] | None = None, **flags: str | None
) -> str:
    with refused(Code.USAGE) as caught:
        read(tmp_path, toml, environ, **flags)
    return caught.value.sentence


def test_the_file_means_what_it_says() -> None:
    settings = configure(WORD_FOR_WORD, {}, {})
    assert settings == NodeSettings(
        listen=("0.0.0.0", 7000),  # noqa: S104
        data_dir=Path("data"),
        tls_cert=Path("data/server-cert.der"),
        tls_key=Path("data/server-key.der"),
        auth_token="devtoken",
    )
    sql = configure(WORD_FOR_WORD, {}, {"store_backend": "sql"})
    assert sql.database == Path("data/qnpc.db")
    assert sql.db_key is None


def test_without_anything_there_are_defaults() -> None:
    settings = configure(None, {}, {})
    assert (settings.listen, settings.suites, settings.limits) == (("0.0.0.0", 7000), SUITES, DEFAULT)  # noqa: S104
    assert (settings.auth_token, settings.db_key, settings.database) == (None, None, None)
    assert settings.data_dir.name == "node"
    assert settings.log_level == "info"


def test_a_flag_counts_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    toml = 'data_dir = "file"\npublic = "file.example"\nlisten = "127.0.0.1:1"\n[limits]\npayload = 1\nexports = 1\ntext = 1\n'
    environ = {"QNPC_DATA_DIR": "env", "QNPC_PUBLIC": "env.example", "QNPC_LIMITS": "payload=2 exports=2"}
    settings = read(tmp_path, toml, environ, data_dir="flag", limits="payload=3")
    assert settings.data_dir == Path("flag")
    assert settings.public == "env.example:7000"
    assert settings.listen == ("127.0.0.1", 1)
    limits = settings.limits
    assert (limits.payload, limits.exports, limits.text, limits.nesting) == (3, 2, 1, DEFAULT.nesting)


@pytest.mark.parametrize(
    "name", ["public", "auth_token", "db_key", "db_path", "tls_cert", "listen", "data_dir"]
)
def test_an_empty_text_says_nothing(tmp_path: Path, name: str) -> None:
    nothing = read(tmp_path, f'{name} = ""', {KEYS[name].env: ""}, **{name: ""})
    assert nothing == configure(None, {}, {})


def test_every_kind_is_read_from_all_three_places(tmp_path: Path) -> None:
    expected = {
        "listen": ("[::1]:0", ("::1", 0)),
        "public": ("chat.example", "chat.example:7000"),
        "data_dir": ("/d", Path("/d")),
        "tls_cert": ("c.pem", Path("c.pem")),
        "tls_key": ("k.pem", Path("k.pem")),
        "log_level": ("debug", "debug"),
        "auth_token": ("a token", "a token"),
        "db_key": ("geheim", "geheim"),
    }
    for name, (text, value) in expected.items():
        flags: dict[str, Any] = {} if KEYS[name].secret else {name: text}
        for settings in (
            read(tmp_path, f'{name} = "{text}"'),
            read(tmp_path, environ={KEYS[name].env: text}),
            *([read(tmp_path, **flags)] if flags else []),
        ):
            assert getattr(settings, name) == value, name
    for settings in (
        read(tmp_path, "suites = [0x0001]"),
        read(tmp_path, 'suites = ["0x0001"]'),
        read(tmp_path, suites="0x0001"),
    ):
        assert settings.suites == (1,)
    assert read(tmp_path, environ={"QNPC_SUITES": "0x1, 79"}).suites == (1, 0x4F)
    for settings in (
        read(tmp_path, "[limits]\nhandshake = 2\npayload = 10"),
        read(tmp_path, limits="handshake=2 payload=10"),
        read(tmp_path, limits="handshake=2.0,payload=10"),
    ):
        assert (settings.limits.handshake, settings.limits.payload) == (2.0, 10)
        assert isinstance(settings.limits.handshake, float)


def test_a_key_is_hexadecimal_or_a_passphrase(tmp_path: Path) -> None:
    key = bytes(range(32))
    assert read(tmp_path, f'db_key = "{key.hex()}"').db_key == key
    assert read(tmp_path, f'db_key = "{key.hex()[1:]}"').db_key == key.hex()[1:]
    assert (
        read(tmp_path, 'db_key = "exactly thirty-two bytes, no key"').db_key
        == "exactly thirty-two bytes, no key"
    )


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('lisen = "x"', ["'lisen'", '"listen"']),
        ('datadir = "x"', ["'datadir'", '"data_dir"']),
        ('db_kee = "x"', ["'db_kee'", '"db_key"']),
        ('[node]\nlisten = "x"', ["'node'", "nearest"]),
        ("[limits]\npayloads = 1", ["[limits]", "'payloads'", '"payload"']),
        ("payload = 1", ["'payload'", "belongs into it", "[limits]"]),
        ('[limits]\nlisten = "127.0.0.1:0"', ['"listen" stands above the table']),
        ('"" = 1', ["''", "nearest"]),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_one(tmp_path: Path, toml: str, says: list[str]) -> None:
    sentence = complaint(tmp_path, toml)
    assert "node.toml" in sentence
    for words in says:
        assert words in sentence, sentence


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("listen = 7000", ["listen", "an address like 0.0.0.0:7000", "the number 7000"]),
        ('listen = "a:b:c"', ["listen", "an address like", "'a:b:c'"]),
        ('public = "chat.example:x"', ["public", "an address like"]),
        ("data_dir = true", ["data_dir", "a path", "true"]),
        ('tls_cert = ["x"]', ["tls_cert", "a path", "a list"]),
        ("tls_key = 2026-01-01", ["tls_key", "a path", "a date"]),
        ('store_backend = "sqlite"', ["store_backend", '"file" or "sql"', "'sqlite'"]),
        ("db_path = {}", ["db_path", "a path", "a table"]),
        ("auth_token = 5", ["auth_token", "one line"]),
        ("db_key = 5", ["db_key", "a passphrase"]),
        ("suites = 0x4F", ["suites", "a list of suites", "0x004F"]),
        ("suites = []", ["suites", "a list of suites"]),
        ("suites = [2]", ["suites", "0x0001", "the number 2"]),
        ("suites = [1, 1]", ["suites", "each once"]),
        ("suites = [true]", ["suites", "each once", "true"]),
        ('suites = ["pq"]', ["suites", "'pq'"]),
        ('log_level = "loud"', ["log_level", '"warning"', "'loud'"]),
        ("limits = 3", ["limits", "a table"]),
        ("[limits]\npayload = 1.5", ["limits", "payload", "a whole number", "1.5"]),
        ("[limits]\npayload = true", ["payload", "a whole number", "true"]),
        ("[limits]\npayload = -1", ["payload", "0 or more"]),
        ("[limits]\ndatagram = 1199", ["datagram", "1200 to 1452"]),
        ("[limits]\ndatagram = 1453", ["datagram", "1200 to 1452"]),
        ('[limits]\nhandshake = "5s"', ["handshake", "a number of seconds", "'5s'"]),
        ("[limits]\nhandshake = inf", ["handshake", "a number of seconds"]),
        ("[limits]\nhandshake = nan", ["handshake", "a number of seconds"]),
        ("[limits]\ncollect_interval = 0", ["collect_interval", "above 0"]),
        ("listen = x", ["is not TOML", "line 1"]),
        ('listen = "a"\nlisten = "b"', ["is not TOML"]),
        ('store_backend = "sql"', ["db_path must say"]),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_what_was_expected(
    tmp_path: Path, toml: str, says: list[str]
) -> None:
    sentence = complaint(tmp_path, toml)
    assert "\n" not in sentence
    for words in says:
        assert words in sentence, sentence


def test_a_refusal_names_the_place(tmp_path: Path) -> None:
    assert complaint(tmp_path, environ={"QNPC_LISTEN": "a:b:c"}).startswith("QNPC_LISTEN: expected")
    assert complaint(tmp_path, listen="a:b:c").startswith("--listen: expected")
    assert complaint(tmp_path, limits="payload").startswith("--limit: expected")
    assert complaint(tmp_path, limits="payloads=1").startswith("--limit: ")
    assert complaint(tmp_path, environ={"QNPC_LIMITS": "payload=x"}).startswith("QNPC_LIMITS, payload: ")
    assert complaint(tmp_path, "listen = 1", listen="127.0.0.1").startswith(
        "listen in "
    )  # wrong, though unused
    assert "cannot be read" in refusal_of(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'listen = "\xe4"')
    assert "UTF-8" in refusal_of(tmp_path / "latin.toml")


def refusal_of(path: Path) -> str:
    with refused(Code.USAGE) as caught:
        configure(path, {}, {})
    assert str(path) in caught.value.sentence
    return caught.value.sentence


@pytest.mark.parametrize("url", ["postgresql://user:hidden@db/qnpc", "postgres://db", "PostgreSQL://db"])
@pytest.mark.parametrize("backend", ["file", "sql"])
def test_postgresql_is_promised_for_later(tmp_path: Path, url: str, backend: str) -> None:
    sentence = complaint(tmp_path, f'store_backend = "{backend}"\ndb_path = "{url}"')
    assert "later version" in sentence
    assert "hidden" not in sentence


@pytest.mark.parametrize("name", ["auth_token", "db_key"])
def test_a_secret_is_never_repeated(tmp_path: Path, name: str) -> None:
    for toml in (f'{name} = "canary\\nnext"', f'{name} = "canary\\u0000"', f"{name} = [1234567]"):
        try:
            said = repr(read(tmp_path, toml))
        except Error as error:
            said = str(error)
            assert name in said
        assert "canary" not in said
        assert "1234567" not in said


@pytest.mark.parametrize("token", [" x", "x ", "two\nlines", "\x1b[2J", "\u200bx"])
def test_a_token_that_cannot_be_passed_on_in_a_file_is_refused(tmp_path: Path, token: str) -> None:
    assert "one line" in complaint(tmp_path, environ={"QNPC_AUTH_TOKEN": token})


def test_names_that_are_not_documented_say_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, environ={"QNPC_NODE_LISTEN": "x", "QNPC_LISTENS": "x"}) == read(tmp_path)


def test_the_limits_of_the_table_are_those_of_the_node() -> None:
    assert list(LIMITS) == [field.name for field in fields(Limits)]
