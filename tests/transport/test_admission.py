"""Who counts as one address."""

from __future__ import annotations

import pytest

from qnpc.limits import DEFAULT
from qnpc.transport.admission import Admission, address_key
from tests.support.network import SeededRandom


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (address_key((one, 1)) == address_key((other, 2))) is same


def test_a_place_is_given_back_once() -> None:
    admission = Admission(DEFAULT, SeededRandom(0))
    places = [admission.place(("192.0.2.1", port)) for port in range(3)]
    assert admission.half_open == 3
    places[0].established()
    places[0].established()
    assert admission.half_open == 2
    for place in places:
        place.release()
        place.release()
    assert admission.half_open == 0
    assert admission._per_address == {}
