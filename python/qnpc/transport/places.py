"""Who may hold a connection: so many, in all and per address, while nobody has logged in on them, and others once somebody has.

Where no place is left, the oldest of the address that holds most makes room, once it has had some time: a second for a handshake, three
for a login, and half-open ones first. So whoever takes all the places must take them again and again, at the cost of a handshake each,
while those who come honestly get done. Sans-IO.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable

from qnpc.limits import Limits


class Stage(enum.Enum):
    HALF_OPEN = enum.auto()
    OPEN = enum.auto()
    KNOWN = enum.auto()
    OVER = enum.auto()


class Place:
    """What one connection takes up, from the moment `since`; given back once, whatever happens. `end` ends the connection."""

    def __init__(self, places: Places, key: str, since: float, end: Callable[[], None]) -> None:
        self.key = key
        self.since = since
        self.end = end
        self.stage = Stage.HALF_OPEN
        self._places = places
        places._enter(self)

    def established(self) -> None:
        """The handshake is complete."""
        if self.stage is Stage.HALF_OPEN:
            self._places._move(self, Stage.OPEN)

    def known(self) -> None:
        """Somebody has logged in."""
        if self.stage in (Stage.HALF_OPEN, Stage.OPEN):
            self._places._move(self, Stage.KNOWN)

    def release(self) -> None:
        if self.stage is not Stage.OVER:
            self._places._move(self, Stage.OVER)
            self.end = _nothing  # it holds the connection, which holds its place


class Places:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._unknown: dict[str, dict[Place, None]] = {}  # by address, oldest first
        self._known: Counter[str] = Counter()
        self._half_open: Counter[str] = Counter()
        self.unknown = 0
        self.half_open = 0

    def known(self, key: str) -> int:
        """Connections from there on which somebody has logged in."""
        return self._known[key]

    def begun(self, key: str) -> int:
        """Handshakes from there that are under way."""
        return self._half_open[key]

    def make_room(self, key: str, now: float) -> bool:
        """Whether there is a place for a connection from `key`; another may have to end for it."""
        here = self._unknown.get(key, {})
        if len(here) >= self._limits.connections_before_login_per_address:
            oldest = self._oldest(here, now)
        elif self.unknown >= self._limits.connections_before_login:
            most = max(
                self._unknown.values(),
                key=lambda places: (len(places), -next(iter(places)).since),
                default={},  # nobody may come at all
            )
            oldest = self._oldest(most, now)
        else:
            return True
        if oldest is None:
            return False
        end = oldest.end
        oldest.release()
        end()
        return True

    def _oldest(self, places: Iterable[Place], now: float) -> Place | None:
        """Of those that may be ended: the first that is half open, which costs least, else the first."""
        half_open, is_open = now - self._limits.makes_room, now - self._limits.makes_room_open
        first = None
        for place in places:
            if place.since > half_open:
                break
            if place.stage is Stage.HALF_OPEN:
                return place
            if first is None and place.since <= is_open:
                first = place
        return first

    def _enter(self, place: Place) -> None:
        self._unknown.setdefault(place.key, {})[place] = None
        self._half_open[place.key] += 1
        self.unknown += 1
        self.half_open += 1

    def _move(self, place: Place, stage: Stage) -> None:
        former, place.stage = place.stage, stage
        if former is Stage.HALF_OPEN:
            self.half_open -= 1
            _take_off(self._half_open, place.key)
        if former is Stage.KNOWN:
            _take_off(self._known, place.key)
        elif stage is not Stage.OPEN:
            self._leave(place)
        if stage is Stage.KNOWN:
            self._known[place.key] += 1

    def _leave(self, place: Place) -> None:
        self.unknown -= 1
        here = self._unknown[place.key]
        del here[place]
        if not here:
            del self._unknown[place.key]


def _nothing() -> None: ...


def _take_off(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
