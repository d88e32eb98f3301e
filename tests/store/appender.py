"""Appends to bob's inbox until it is killed, and prints what was acknowledged: `seq text` a line."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from qnpc.node.store.contract import Appended
from tests.store.backends import Backend, Scene, actor


def main(folder: str, run: str, key: str = "") -> None:
    scene = Scene(Backend(bytes.fromhex(key) or None, Path(folder)).open())
    inbox = actor("bob").device
    for batch in count():
        items = [scene.append("alice", inbox, f"{run}.{batch}.{n}") for n in range(4)]
        for item, result in zip(items, scene.store.commit(items), strict=True):
            assert isinstance(result, Appended)
            sys.stdout.write(f"{result.seq} {item.payload.decode()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
