"""Batches over many groups, as a client has them after it was away: what a second core brings. They have no peer."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from qnpc import _core
from qnpc.benchmarks.core.groups import BATCH, TEXT
from qnpc.benchmarks.core.race import OURS, Result, cpu_seconds, undisturbed
from qnpc.ports import Ports

GROUPS = 16

MEMBERS = 50
"""Of each group. What a message costs hardly depends on it."""

_ROUNDS = 9


class Pair:
    """A sender and a receiver with the same groups, each with all of them in one store."""

    def __init__(self, ports: Ports, suite: int, members: int) -> None:
        self._ports = ports
        self._stores = _core.MlsStore(), _core.MlsStore()
        sender, receiver = _core.Device.generate(), _core.Device.generate()
        papers = [self._certify(device) for device in (sender, receiver)]
        packages = _core.generate_key_packages(self._stores[1], receiver, papers[1], suite, GROUPS)
        silent = [self._silent(suite) for _ in range(members - 2)]
        self._sending, self._receiving = [], []
        for package in packages:
            group = _core.Group.create(self._stores[0], sender, papers[0], ports.random.bytes(16), suite)
            welcome = group.commit_add([package, *silent], self._id()).welcome
            if welcome is None:
                raise AssertionError("an add has a Welcome")
            group.merge_pending()
            self._sending.append(group)
            self._receiving.append(_core.Group.join(self._stores[1], receiver, welcome, group.tree()))
        for store in self._stores:
            store.take_delta()

    def _certify(self, device: _core.Device) -> bytes:
        return _core.Identity.generate().certify(device.public_key.hex(), device.public_key, 1)

    def _silent(self, suite: int) -> bytes:
        device = _core.Device.generate()
        store, certificate = _core.MlsStore(), self._certify(device)
        return _core.generate_key_packages(store, device, certificate, suite, 1)[0]

    def _id(self) -> bytes:
        return self._ports.random.bytes(16)

    def send(self, threads: int) -> list[list[bytes]]:
        """Messages to each group, durable."""
        text = self._ports.random.bytes(TEXT)
        batch = [(group, text, self._id()) for group in self._sending for _ in range(BATCH)]
        sealed = _core.encrypt_many(batch, threads)
        self._stores[0].take_delta()
        return [sealed[start : start + BATCH] for start in range(0, len(sealed), BATCH)]

    def receive(self, messages: list[list[bytes]], threads: int) -> None:
        """The same at the other end, durable."""
        logs: list[tuple[_core.Group, list[bytes], list[bytes] | None]] = [
            (group, log, None) for group, log in zip(self._receiving, messages, strict=True)
        ]
        read = _core.process_many(logs, threads)
        for group in self._receiving:
            group.flush()
        self._stores[1].take_delta()
        if not all(isinstance(one, _core.Application) for log in read for one in log):
            raise AssertionError("a message was not read")


def rows(ports: Ports, suite: int, members: int) -> Iterator[Result]:
    pair = Pair(ports, suite, members)
    clock = ports.clock
    wall: dict[tuple[str, int], list[float]] = {}
    cpu: dict[tuple[str, int], list[float]] = {}
    with undisturbed(one_core=False):
        for _ in range(_ROUNDS):
            for threads in (1, 2):
                began = clock.monotonic(), cpu_seconds()
                messages = pair.send(threads)
                sent = clock.monotonic(), cpu_seconds()
                pair.receive(messages, threads)
                read = clock.monotonic(), cpu_seconds()
                for name, start, end in (("encrypt_many", began, sent), ("process_many", sent, read)):
                    wall.setdefault((name, threads), []).append(end[0] - start[0])
                    cpu.setdefault((name, threads), []).append(end[1] - start[1])
    each = 1e6 / (GROUPS * BATCH)
    for name in ("encrypt_many", "process_many"):
        one, two = (each * statistics.median(wall[name, threads]) for threads in (1, 2))
        used = {f"{threads}": round(each * statistics.median(cpu[name, threads]), 3) for threads in (1, 2)}
        extra = {"one_thread_us": round(one, 3), "speedup": round(one / two, 3), "cpu_us_by_threads": used}
        label = f"0x{suite:04X} n={members} {name} {GROUPS} x {BATCH}, 2 threads"
        yield Result(label, {OURS: two}, extra)
