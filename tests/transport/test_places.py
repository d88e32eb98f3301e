"""Places of connections: bounded in all and per address, and nobody keeps them from others by staying."""

from __future__ import annotations

from dataclasses import replace

from qnpc.limits import DEFAULT
from qnpc.transport.places import Place, Places

LIMITS = replace(DEFAULT, connections_before_login=6, connections_before_login_per_address=3, makes_room=1.0)


class Guests:
    """Who holds places, by name; who had to go."""

    def __init__(self) -> None:
        self.places = Places(LIMITS)
        self.gone: list[str] = []
        self.held: dict[str, Place] = {}

    def come(self, key: str, name: str, now: float) -> bool:
        if not self.places.make_room(key, now):
            return False
        self.held[name] = Place(self.places, key, now, lambda: self.gone.append(name))
        return True


def test_a_place_is_given_back_once() -> None:
    guests = Guests()
    for name in "abc":
        guests.come("x", name, 0.0)
    places, held = guests.places, guests.held
    assert (places.half_open, places.unknown, places.begun("x")) == (3, 3, 3)
    held["a"].established()
    held["a"].established()
    assert (places.half_open, places.unknown) == (2, 3)
    held["a"].known()
    held["b"].known()
    held["a"].established()
    assert (places.half_open, places.unknown, places.known("x")) == (1, 1, 2)
    for place in held.values():
        place.release()
        place.release()
        place.known()
    assert (places.half_open, places.unknown, places.known("x"), places.begun("x")) == (0, 0, 0, 0)
    assert places._unknown == {}
    assert places._known == places._half_open == {}


def test_an_address_makes_room_for_its_own() -> None:
    guests = Guests()
    assert [guests.come("x", name, 0.0) for name in "abc"] == [True] * 3
    assert not guests.come("x", "d", 0.9), "they have had no time to log in"
    assert guests.come("y", "e", 0.9), "which is no concern of others"
    assert guests.come("x", "d", 1.0)
    assert guests.gone == ["a"]


def test_who_is_logged_in_makes_no_room_and_takes_none() -> None:
    guests = Guests()
    for name in "abc":
        guests.come("x", name, 0.0)
    guests.held["a"].known()
    assert guests.come("x", "d", 0.0)
    assert guests.come("x", "e", 5.0)
    assert guests.gone == ["b"]


def test_where_all_are_taken_the_address_with_most_makes_room() -> None:
    guests = Guests()
    for key, name in (("z", "1"), ("x", "2"), ("x", "3"), ("x", "4"), ("y", "5"), ("y", "6")):
        assert guests.come(key, name, 0.0)
    assert not guests.come("w", "7", 0.5)
    assert guests.come("w", "7", 2.0)
    assert guests.come("w", "8", 2.0)
    assert guests.gone == ["2", "3"] or guests.gone == ["2", "5"]
    assert guests.places.unknown == 6


def test_an_address_for_each_place_does_not_hold_them_either() -> None:
    guests = Guests()
    for number in range(6):
        guests.come(f"10.0.0.{number}", str(number), number / 10)
    assert guests.come("192.0.2.1", "honest", 1.0)
    assert guests.gone == ["0"], "the oldest of all"


def test_half_open_ones_make_room_first_and_open_ones_have_time_for_a_login() -> None:
    guests = Guests()
    for name in "abc":
        guests.come("x", name, 0.0)
    guests.held["a"].established()
    assert guests.come("x", "d", 1.0)
    assert guests.gone == ["b"]
    for name in "cd":
        guests.held[name].established()
    assert not guests.come("x", "e", 2.9), "all of them may be logging in"
    assert guests.come("x", "e", 3.0)
    assert guests.gone == ["b", "a"]


def test_where_nobody_may_come_nobody_does() -> None:
    for none in ({"connections_before_login": 0}, {"connections_before_login_per_address": 0}):
        assert not Places(replace(LIMITS, **none)).make_room("x", 100.0)
