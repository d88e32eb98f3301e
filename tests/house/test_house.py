"""The rest of what the house promises: schemas that ship, codes that stay apart, files of one idea, words that agree."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata, resources

import pytest

from qnpc.cli.app import COMMANDS
from qnpc.errors import BY_NUMBER, Code
from tests.house.sources import ROOT

LONGEST = 450
# The stub holds the documentation of the whole extension, and a stub cannot be split.
LONG = {"python/qnpc/_core/__init__.pyi"}


def test_the_schemas_ship_in_the_package_and_are_found_at_the_top() -> None:
    link = ROOT / "schemas"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "python" / "qnpc" / "schemas"
    packaged = {
        entry.name
        for entry in resources.files("qnpc").joinpath("schemas").iterdir()
        if entry.name.endswith(".capnp")
    }
    assert packaged == {"node.capnp", "content.capnp"}
    assert {path.name for path in link.glob("*.capnp")} == packaged


def test_schemas_have_ids_of_their_own() -> None:
    ids = re.findall(
        r"^@(0x[0-9a-f]{16});",
        "\n".join(p.read_text() for p in sorted((ROOT / "schemas").glob("*.capnp"))),
        re.MULTILINE,
    )
    assert len(ids) == len(set(ids)) == 2


def test_every_code_has_a_number_of_its_own() -> None:
    # Two members with equal rows would be one member with two names, so the names are counted.
    assert len(Code.__members__) == len(BY_NUMBER) == len(Code)
    assert all(re.fullmatch(r"E[01]\d\d", number) for number in BY_NUMBER)


def test_every_code_says_what_it_means_and_what_to_do() -> None:
    assert [code.name for code in Code if not (code.value.meaning and code.value.action.endswith("."))] == []


def test_no_file_grows_past_one_idea() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for top in ("python", "rust", "tests")
        for path in sorted((ROOT / top).rglob("*"))
        if path.suffix in {".py", ".pyi", ".rs", ".sql", ".capnp"} and "target" not in path.parts
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST and name not in LONG} == {}


def test_one_version_everywhere() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert metadata.version("qnpc") == cargo, "run `make setup`"
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == cargo


def test_one_rust_toolchain_at_least_as_new_as_promised() -> None:
    promised = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    pinned = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
    assert tuple(map(int, pinned.split("."))) >= tuple(map(int, promised.split(".")))


def test_the_readme_names_its_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_what_the_pages_name_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", text)) - verbs == set()
    named = set(re.findall(r"(?:^|[`$ ])qnpc ([a-z][a-z-]+)", text, re.MULTILINE))
    assert named - set(COMMANDS) == set()
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [path for path in linked if not (ROOT / path).exists()] == []


def test_packages_are_pinned_by_hash_and_the_lock_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    for pin in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


def test_what_the_package_needs_is_in_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.split(r"[<>=!\[ ;]", requirement)[0] for requirement in wanted}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert names - pinned == set()
