"""The table of methods and the schema say the same, and nothing is served past the table."""

from __future__ import annotations

from qnpc import wire
from qnpc.node.dispatch import EVERYWHERE, Needs
from qnpc.node.methods import METHODS

SERVED = (wire.NODE, wire.REGISTRATION, wire.LOGIN, wire.ENROL, wire.PROOF, wire.SESSION, wire.GROUP)


def test_every_method_of_the_schema_is_served_and_no_other() -> None:
    assert set(METHODS) == {key for interface in SERVED for key in interface.table}


def test_a_row_stands_under_its_own_method() -> None:
    for key, row in METHODS.items():
        assert row.method.key == key


def test_everything_behind_a_session_asks_whether_it_stands() -> None:
    """Only logging out may not mind: it is what one does with a session that is over."""
    needs = {str(row.method): row.needs for row in METHODS.values()}
    loose = [
        name
        for name, need in needs.items()
        if need is Needs.NOTHING and name.startswith(("Session", "Group"))
    ]
    assert loose == ["Session.logout"]
    assert {need for name, need in needs.items() if name.startswith("Group.")} == {Needs.MEMBERSHIP}


def test_no_row_repeats_what_holds_everywhere() -> None:
    for row in METHODS.values():
        assert len(set(row.may_answer)) == len(row.may_answer), row.method
        assert set(EVERYWHERE) <= set(row.may_answer)
