"""Each wait of a connection ends when it should, and the gravest is told first."""

from __future__ import annotations

import math

from qnpc.limits import DEFAULT
from qnpc.transport.patience import Expired, Patience


def test_a_node_waits_for_a_handshake_then_for_a_login_then_for_nothing() -> None:
    patience = Patience(DEFAULT, 100.0, is_client=False)
    assert patience.next() == 100.0 + DEFAULT.handshake
    assert patience.expired(100.0 + DEFAULT.handshake - 0.1) is None
    assert patience.expired(100.0 + DEFAULT.handshake) is Expired.DISMISS
    patience.opened()
    assert patience.next() == 100.0 + DEFAULT.login
    patience.hear(110.0)
    assert patience.expired(100.0 + DEFAULT.login) is Expired.DISMISS, "whatever it says meanwhile"
    patience.expect_no_login()
    assert patience.next() == math.inf
    assert patience.expired(1e9) is None


def test_a_client_pings_when_it_has_heard_nothing_and_gives_up_when_it_is_not_answered() -> None:
    patience = Patience(DEFAULT, 0.0, is_client=True)
    assert patience.next() == math.inf, "who dials has a time of its own for that"
    patience.opened()
    assert patience.expired(DEFAULT.keepalive) is Expired.PING
    assert patience.next() == 2 * DEFAULT.keepalive, "and counts it as sent"
    patience.ask(DEFAULT.keepalive)
    patience.ask(DEFAULT.keepalive + 5)
    assert patience.next() == DEFAULT.keepalive + DEFAULT.silence, "from the first that is not acknowledged"
    assert patience.expired(2 * DEFAULT.keepalive + DEFAULT.silence) is Expired.GIVE_UP, "before a ping"
    patience.hear(21.0)
    assert patience.next() == 21.0 + DEFAULT.keepalive
