"""The load of `bench delivery`: the members, and one who sends with a window.

A message is in flight from the moment it is sent until the last member has it. When nothing arrives any more, what is missing is lost:
a run ends in any case, and its ledger says how.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from qnpc.benchmarks.chat import Chat, make_chat
from qnpc.benchmarks.devices import Device, register_all
from qnpc.benchmarks.ledger import Arrived, Ledger, Sent
from qnpc.benchmarks.process import NodeProcess
from qnpc.benchmarks.tap import Deliveries, Tap
from qnpc.content import Content, Text, encode_content
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.ports import Link, Ports
from qnpc.rpc import Method, Served
from qnpc.wire import SESSION, SINK, Entry, SessionSubscribeParams

TEXT = 100
"""Characters of a message: a line of chat. MLS pads its content to a multiple of 256 bytes."""

STALL = 10.0
"""Seconds without a message that everybody has, after which nothing more is waited for."""

_FIRST = 2  # the seq of the first message: the commit that adds the members is the log's first entry
_ID = 16

Wrap = Callable[[Link], Link]


class Load:
    """`ledger` says how it went; `entry_bytes` is the size of a message as the node stores it."""

    def __init__(
        self,
        ports: Ports,
        limits: Limits,
        members: int,
        in_flight: int,
        *,
        stall: float = STALL,
        meddle: Callable[[int, Link], Link] = lambda _, link: link,
    ) -> None:
        """`meddle` may put something between a member and its connection, so that a test can lose and double what comes."""
        self.ledger = Ledger(members, _FIRST, self._completed)
        self.entry_bytes = 0
        self._ports = ports
        self._limits = limits
        self._members = members
        self._stall = stall
        self._meddle = meddle
        self._window = asyncio.Semaphore(in_flight)
        self._waiting = 0  # messages that not everybody has
        self._all_there = asyncio.Event()
        self._deadline: asyncio.Timeout | None = None
        self._devices: list[Device] = []
        self._chat: Chat | None = None
        self._opened: dict[bytes, bytes] = {}

    @property
    def tls_group(self) -> str:
        """What the connections negotiated."""
        return ", ".join(sorted({device.tls_group for device in self._devices}))

    async def assemble(self, node: NodeProcess, suite: int) -> None:
        """Registers everybody, makes the group, and subscribes each. Raises Error."""
        deliveries = Deliveries(self._check, self._limits)
        names = ["sender", *(f"member-{number}" for number in range(self._members))]
        wraps = [partial(self._tap, deliveries, number) for number in (None, *range(self._members))]
        self._devices = await register_all(node, names, wraps, self._ports, self._limits)
        self._chat = await make_chat(self._devices, suite, self._ports.random)
        for device in self._devices:
            asked = SessionSubscribeParams(_Sink(), ())
            await device.peer.call(device.session, SESSION.subscribe, asked)

    async def close(self) -> None:
        for device in self._devices:
            device.peer.close()
        for device in self._devices:
            await device.peer.wait_closed()

    async def send(self, count: int, *, counted: bool) -> None:
        """So many messages; returns when everybody has them, or nothing comes any more. Raises Error when one is refused."""
        chat = self._chat
        if chat is None:
            raise RuntimeError("there is no group to send to")
        calls: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(self._stall) as self._deadline:
                for number in range(count):
                    await self._window.acquire()
                    text = encode_content(Content(number, 0, Text(f"{number:0{TEXT}d}")))
                    id_ = self._ports.random.bytes(_ID)
                    message = chat.encrypt(text, id_)
                    self.entry_bytes = len(message)
                    self.ledger.send(id_, text, self._ports.clock.monotonic(), counted=counted)
                    self._waiting += 1
                    calls.append(asyncio.create_task(chat.send(message, id_)))
                for call in calls:
                    await call
                while self._waiting:
                    self._all_there.clear()
                    await self._all_there.wait()
        except TimeoutError:
            self._waiting = 0
        finally:
            self._deadline = None
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    def _tap(self, deliveries: Deliveries, number: int | None, link: Link) -> Link:
        if number is not None:
            link = self._meddle(number, link)
        return Tap(link, number, deliveries, self.ledger, self._ports.clock, self._limits)

    def _completed(self, sent: Sent) -> None:
        self._opened.pop(sent.id, None)
        self._window.release()
        self._waiting -= 1
        if not self._waiting:
            self._all_there.set()
        if self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._stall)

    def _check(self, entry: Entry) -> Arrived | None:
        if self._chat is None or entry.channel != self._chat.group:
            return None
        sent = self.ledger.find(entry.id)
        return Arrived(entry.seq, sent if sent is not None and self._is(sent, entry.payload) else None)

    def _is(self, sent: Sent, payload: bytes) -> bool:
        """Whether a payload is what was sent: it is decrypted once, and has to be the same bytes from then on."""
        known = self._opened.get(sent.id)
        if known is not None:
            return known == payload
        if self._chat is None or self._chat.decrypt(payload) != (sent.id, sent.text):
            return False
        self._opened[sent.id] = payload
        return True


class _Sink(Served):
    """What members subscribe with. A tap answers before anything gets here."""

    methods: ClassVar = SINK.table

    async def dispatch(self, method: Method[Any, Any], params: Any) -> Any:
        raise Error(Code.INTERNAL, "this delivery was not recognised")
