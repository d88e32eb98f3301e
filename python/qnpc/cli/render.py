"""An event as a line for a person.

One table from an event's kind to its words. Whatever somebody else chose (names, texts, reasons) is cleaned on the way, and the
further lines of a message are set in, so that no message can look like two.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from qnpc import safe

Event = dict[str, Any]

SHORT = 8
"""Hex digits of an id or a key that people are shown."""

_TRUST = {"tofu": "unverified", "verified": "verified", "changed": "CHANGED"}
_INDENT = "\n    "
_BENCH_FRAME = {"v", "kind"}


def human(event: Event) -> str:
    """The line without its newline. A kind that this version does not know is shown as such, never an error."""
    kind = str(event.get("kind", "an event"))
    words = _WORDS.get(kind)
    return words(event) if words else f"-- {safe.line(kind)}: not known to this version"


def short_id(identifier: str) -> str:
    """`m_0123...` as people see it."""
    return safe.line(identifier)[: len("m_") + SHORT]


def names(listed: list[str]) -> str:
    return ", ".join(safe.line(name) for name in listed)


def _text(event: Event) -> str:
    body = safe.clean(event["text"]).replace("\n", _INDENT)
    if event.get("missing"):
        body += f"{_INDENT}({event['missing']} earlier messages of theirs are missing)"
    return f"{_at(event)} {safe.line(event['from'])}{_mark(event)}: {body}"


def _mark(event: Event) -> str:
    return " (CHANGED)" if event.get("trust") == "changed" else ""


def _members(event: Event) -> str:
    changes = [f"{verb} {names(event[verb])}" for verb in ("added", "removed") if event.get(verb)]
    return f"-- {_at(event)} {safe.line(event['by'])} {' and '.join(changes) or 'changed the group'}"


def _unreadable(event: Event) -> str:
    return f"-- {_at(event)} a message could not be read: {safe.line(event['reason'])}"


def _gap(event: Event) -> str:
    if event.get("restored"):
        return f"-- {_at(event)} the node was restored from a backup; messages may be missing here"
    if event.get("lapsed"):
        return f"-- {_at(event)} this device cannot follow the group any more (E107): ask an admin to invite it again"
    if event.get("dropped"):
        return f"-- {_at(event)} not all that was said before the group was joined was kept; messages are missing here"
    return f"-- {_at(event)} {event.get('expired', 'some')} messages expired before they were fetched"


def _demo(event: Event) -> str:
    return f"{'everything held' if event['ok'] else 'NOT everything held'}, in {event['seconds']:.1f} s"


def _unknown(event: Event) -> str:
    return f"-- {_at(event)} {safe.line(event['from'])} sent something that this version cannot show"


def _outcome(event: Event) -> str:
    return f"{short_id(event['id'])} {event['kind']}"


def _group(event: Event) -> str:
    return f"{safe.line(event['group'])}   suite {safe.line(event['suite'])}"


def _invited(event: Event) -> str:
    by_trust: dict[str, list[str]] = {}
    for user in event["users"]:
        by_trust.setdefault(user["trust"], []).append(user["name"])
    return ", ".join(f"{names(users)} invited ({_trust(trust)})" for trust, users in by_trust.items())


def _invitation(event: Event) -> str:
    return f"{safe.line(event['group'])}   from {safe.line(event['from'])}   {_at(event)}"


def _member(event: Event) -> str:
    roles = [word for word, holds in (("admin", event["admin"]), ("this device", event["self"])) if holds]
    trust = [] if event["self"] else [_trust(event["trust"])]
    return f"{safe.line(event['name'])}   {_key(event['device'])}   {', '.join(roles + trust)}"


def _whoami(event: Event) -> str:
    where = f"{safe.line(event['username'])}@{safe.line(event['node'])}"
    return f"{where}   device {_key(event['device'])}   identity {_key(event['identity'])}"


def _registered(event: Event) -> str:
    who = f"{safe.line(event['username'])}@{safe.line(event['node'])}"
    return f"{who}   device {_key(event['device'])}   tls {safe.line(event['tls_group'])}"


def _listening(event: Event) -> str:
    return f"listening udp/{event['listen']}   pin sha256:{event['pin']}   registration: by invite"


def _ping(event: Event) -> str:
    state = "ready" if event["ready"] else "not ready"
    return (
        f"{safe.line(event['node'])} {state}   {event['round_trip_ms']:.1f} ms   pin sha256:{safe.line(event['pin'])}"
        f"   tls {safe.line(event['tls_group'])}   qnpc {safe.line(event['version'])}"
    )


def _bench(event: Event) -> str:
    """A small table: what was measured, a line each."""
    rows = [
        (name, value) for name, value in event.items() if name not in _BENCH_FRAME and value not in ({}, [])
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.replace('_', ' '):<{width}}   {_value(value)}" for name, value in rows)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return "".join(f"{_INDENT}{item}" for item in value) if isinstance(value, list) else str(value)


def _trust(level: str) -> str:
    return _TRUST.get(level, safe.line(level))


def _key(key: str) -> str:
    return safe.line(key)[:SHORT]


def _at(event: Event) -> str:
    """The event's moment in this machine's time zone, to the minute."""
    try:
        return datetime.fromisoformat(event["at"]).astimezone().strftime("%Y-%m-%d %H:%M")
    except (KeyError, ValueError, OverflowError, OSError):
        return "----------------"


_WORDS: dict[str, Callable[[Event], str]] = {
    "text": _text,
    "members": _members,
    "unreadable": _unreadable,
    "unknown": _unknown,
    "accepted": _outcome,
    "queued": _outcome,
    "group": _group,
    "invited": _invited,
    "invitation": _invitation,
    "joined": lambda event: f"joined {safe.line(event['group'])}: {names(event['members'])}",
    "declined": lambda event: f"declined {safe.line(event['group'])} from {safe.line(event['from'])}",
    "removed": lambda event: f"{names(event['users'])} removed from {safe.line(event['group'])}",
    "member": _member,
    "whoami": _whoami,
    "registered": _registered,
    "logged_in": _registered,
    "session": lambda event: f"{_registered(event)}   session {'renewed' if event['renewed'] else 'live'}",
    "listening": _listening,
    "ping": _ping,
    "restored": lambda event: f"clients of {safe.line(event['data_dir'])} will see a gap",
    "invite": lambda event: str(event["link"]),
    "name": lambda event: (
        f"-- {_at(event)} {safe.line(event['from'])} named the group {safe.line(event['text'])}"
    ),
    "gap": _gap,
    "demo": _demo,
    "bench": _bench,
}
