"""What another process holds and spends, as the kernel counts it. Linux alone has these files."""

from __future__ import annotations

import os
from pathlib import Path

from qnpc.ports import Clock

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")

AVAILABLE = Path("/proc/self/schedstat").exists()

IDLE = 0.15
"""Cores: a node that does less is at rest."""

_WINDOW = 0.2


class Gauge:
    def __init__(self, pid: int, clock: Clock) -> None:
        self._pid = pid
        self._files = Path(f"/proc/{pid}")
        self._clock = clock
        self.peak = 0

    def memory(self) -> int:
        """Bytes in memory now; the largest since `peak` was set is kept."""
        now = int((self._files / "statm").read_text().split()[1]) * _PAGE
        self.peak = max(self.peak, now)
        return now

    def cpu(self) -> float:
        """Seconds, user and system, of all threads."""
        fields = (self._files / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def kept_waiting(self) -> float:
        """Seconds in which its loop or our own could have gone on and had no processor: others use this machine, and the attackers,
        who would be elsewhere."""
        return (
            sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in (self._pid, "self"))
            / 1e9
        )

    def dropped(self, port: int) -> int:
        """Datagrams for UDP `port` that the kernel had no room for."""
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        return sum(int(row[12]) for row in rows if int(row[1].rpartition(":")[2], 16) == port)

    async def watch(self) -> None:
        """Looks at the memory again and again, until cancelled."""
        while True:
            self.memory()
            await self._clock.sleep(0.02)

    async def rest(self, most: float) -> float | None:
        """Seconds until it is at rest; None if it is not within `most`."""
        began = self._clock.monotonic()
        while (passed := self._clock.monotonic() - began) <= most:
            cpu, at = self.cpu(), self._clock.monotonic()
            await self._clock.sleep(_WINDOW)
            if self.cpu() - cpu < IDLE * (self._clock.monotonic() - at):
                return passed
        return None
