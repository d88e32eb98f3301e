"""A Vat by itself, fed message by message: for what only a strange or hostile peer sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from qnpc.errors import Code
from qnpc.rpc import RemoteProtocolError, build
from qnpc.rpc.framing import Deframer
from qnpc.rpc.state import Event
from qnpc.rpc.vat import Vat
from tests.rpc.demo import Box
from tests.rpc.pairs import SMALL


@dataclass
class Bare:
    vat: Vat
    box: Box

    @classmethod
    def serving(cls) -> Bare:
        """One whose bootstrap object, a Box, has been sent as export 0."""
        box = Box("root")
        one = cls(Vat(SMALL, box), box)
        one.send(build.bootstrap(0), build.finish_keeping(0))
        one.sent()
        return one

    def send(self, *messages: bytes) -> None:
        for message in messages:
            self.vat.receive_bytes(message)

    def refused(self, message: bytes, code: Code = Code.BAD_REQUEST) -> str:
        """It ends the connection; returns the sentence."""
        with pytest.raises(RemoteProtocolError) as caught:
            self.vat.receive_bytes(message)
        assert caught.value.kind is code
        return caught.value.sentence

    def sent(self) -> list[bytes]:
        """What it wants to send since the last time."""
        return list(Deframer(1 << 20).receive(self.vat.bytes_to_send()))

    def events(self) -> Iterator[Event]:
        while (event := self.vat.next_event()) is not None:
            yield event
