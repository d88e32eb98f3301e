"""The arrows between the packages. That the node can never read is also a fact of what it imports."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import imports, modules, room

# The ground: no services, no protocols. Each names what it stands on.
GROUND = {
    "errors": set[str](),
    "limits": set[str](),
    "safe": set[str](),
    "authtoken": set[str](),
    "sqlfiles": set[str](),
    "ports": {"errors", "limits"},
    "files": {"errors", "limits"},
    "names": {"errors", "limits"},
    "link": {"errors", "limits"},
}
_BASE = set(GROUND)

ARROWS: dict[str, set[str]] = {
    **GROUND,
    "content": {"errors", "limits"},
    "wire": {"errors", "limits", "rpc"},
    "rpc": {"errors", "limits", "ports"},
    "transport": {"_core", "errors", "limits", "ports", "link", "files"},
    "node": _BASE | {"_core", "rpc", "wire", "transport"},
    "client": _BASE | {"_core", "rpc", "wire", "transport", "content"},
    "benchmarks": _BASE | {"_core", "rpc", "wire", "transport", "content", "client", "node"},
    "cli": _BASE | {"_core", "rpc", "wire", "transport", "content", "client", "node", "benchmarks"},
    "testing": _BASE | {"_core", "rpc", "wire", "transport", "content", "client", "node"},
    "__main__": {"cli"},
    "qnpc": {"client", "errors", "link", "ports", "testing"},
}

# Nonces and randomness can be given there, so only tests and measurements may know it.
PRIMITIVES = "qnpc._core.primitives"
MEASURING = {"benchmarks", "testing"}

# Libraries that only one place may know: top-level name -> (rooms, at most how many modules there, None for any).
FOREIGN: dict[str, tuple[set[str], int | None]] = {
    "aioquic": ({"transport"}, None),
    "capnp": ({"rpc", "wire", "content"}, None),
    "typer": ({"cli"}, None),
    "click": ({"cli"}, None),
    "rich": ({"cli"}, None),
}


def arrows_broken(sources: dict[str, str], packages: frozenset[str]) -> list[str]:
    """One line for each import that the tables do not allow. `packages` are the modules that are packages."""
    known = frozenset(sources) | {"qnpc._core", PRIMITIVES}
    broken = []
    for name, source in sources.items():
        here = room(name)
        for target, line in imports(name, source, is_package=name in packages, known=known).items():
            top = target.split(".")[0]
            if target.startswith(PRIMITIVES) and here not in MEASURING:
                broken.append(f"{name}:{line} imports {target}: only tests and measurements may")
            if top == "qnpc" and target != "qnpc":
                if room(target) != here and room(target) not in ARROWS.get(here, set()):
                    broken.append(f"{name}:{line} imports {target}: {here} may not know {room(target)}")
            elif top == "qnpc" and here != "qnpc" and name != "qnpc":
                broken.append(f"{name}:{line} imports the public face from inside")
            elif top in FOREIGN and here not in FOREIGN[top][0]:
                broken.append(
                    f"{name}:{line} imports {target}: only {', '.join(sorted(FOREIGN[top][0]))} may"
                )
    return broken


def primitives_reached(source: str) -> list[int]:
    """Lines that reach the submodule as an attribute, `_core.primitives`, which no import says."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr == "primitives"
        and isinstance(node.value, ast.Name | ast.Attribute)
        and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr) == "_core"
    ]


def _ours() -> tuple[dict[str, str], frozenset[str]]:
    found = modules()
    packages = frozenset(name for name, path in found.items() if path.name == "__init__.py")
    return {name: path.read_text() for name, path in found.items()}, packages


def test_every_import_follows_an_arrow() -> None:
    assert arrows_broken(*_ours()) == []


def test_no_product_code_reaches_for_nonces() -> None:
    sources, _ = _ours()
    assert [
        f"{name}:{line}"
        for name, source in sources.items()
        if room(name) not in MEASURING
        for line in primitives_reached(source)
    ] == []


def test_every_part_of_the_house_is_in_the_table() -> None:
    assert {room(name) for name in modules()} - set(ARROWS) == set()


def test_arrows_go_one_way() -> None:
    """No part can reach itself through others."""
    for start in ARROWS:
        seen, todo = set[str](), [start]
        while todo:
            for step in sorted(ARROWS.get(todo.pop(), set())):
                assert step != start, f"{start} reaches itself"
                if step not in seen:
                    seen.add(step)
                    todo.append(step)


def test_client_and_node_know_nothing_of_each_other() -> None:
    assert "client" not in ARROWS["node"]
    assert "node" not in ARROWS["client"]
    assert "content" not in ARROWS["node"]
    assert [name for name, allowed in ARROWS.items() if {"client", "node"} <= allowed] == [
        "benchmarks",
        "cli",
        "testing",
    ]


def test_only_one_module_of_rpc_reads_capnp() -> None:
    sources, packages = _ours()
    known = frozenset(sources)
    readers = [
        name
        for name, source in sources.items()
        if room(name) == "rpc" and "capnp" in imports(name, source, is_package=name in packages, known=known)
    ]
    assert len(readers) <= 1, readers


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("qnpc.node.groups", "from qnpc.content import decode"),
        ("qnpc.node.groups", "def f():\n    from qnpc import client"),
        ("qnpc.node.groups", "from ..client import sync"),
        ("qnpc.node.groups", "import importlib\nimportlib.import_module('qnpc.client')"),
        ("qnpc.client.sync", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import qnpc.node"),
        ("qnpc.client.sync", "import aioquic.quic.connection"),
        ("qnpc.client.sync", "from qnpc import Client"),
        ("qnpc.client.sealing", "from qnpc._core import primitives"),
        ("qnpc.node.keys", "from qnpc._core.primitives import Cipher"),
        ("qnpc.cli.app", "import qnpc._core.primitives"),
        ("qnpc.rpc.vat", "from qnpc.wire import methods"),
        ("qnpc.rpc.vat", "from qnpc.transport import endpoint"),
    ],
)
def test_a_planted_import_is_found(name: str, source: str) -> None:
    rest = dict.fromkeys(
        ("qnpc", "qnpc.client", "qnpc.node", "qnpc.content", "qnpc.wire", "qnpc.transport"), ""
    )
    assert arrows_broken({**rest, name: source}, frozenset(rest)) != []


def test_a_planted_reach_for_nonces_is_found() -> None:
    assert primitives_reached("from qnpc import _core\n_core.primitives.Cipher") == [2]
    assert primitives_reached("import qnpc\nx = qnpc._core.primitives") == [2]
    assert primitives_reached("from qnpc import _core\n_core.Aead") == []
