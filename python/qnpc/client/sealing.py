"""From intent to ciphertext: what is encrypted or committed for each kind, inside the transaction that stores it. Nobody else encrypts.

Nothing here talks to the node; what a commit needs from it (KeyPackages, hybrid keys) was fetched before and is checked here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qnpc import _core
from qnpc.client import contacts
from qnpc.client.account import inbox_context
from qnpc.client.membership import require_active
from qnpc.client.state import IntentRow, Transaction
from qnpc.content import Content, Invitation, Text, encode_content, encode_note
from qnpc.errors import Code, Error
from qnpc.wire import Welcome, statement

_log = logging.getLogger("qnpc.client.sealing")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that is to be added, as the node described it."""

    username: str
    device: bytes
    key_package: bytes
    hybrid_key: bytes
    hybrid_signature: bytes = field(repr=False)


def seal(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate] = ()) -> None:
    """Seals a waiting intent; one that has nothing left to change is accepted as it is. `candidates` are for those that add.

    Raises Error; what the core refuses has its reason in what was asked, for nothing has left yet."""
    try:
        if not _SEAL[intent.kind](tx, intent, candidates):
            tx.accept_intent(intent.id, None)
    except _core.Panicked as error:
        raise Error(Code.INTERNAL) from error
    except _core.StateError as error:
        _log.error("an intent of kind %s cannot be sealed: %s", intent.kind, error)
        raise Error(Code.NOT_ALLOWED, "the group's state does not allow this now") from error
    except _core.CoreError as error:
        kind = Code.KEY_PACKAGE_INVALID if intent.kind == "add" else Code.NOT_ALLOWED
        raise Error(kind, str(error)) from error


def seal_unless_others_wait(tx: Transaction, intent_id: bytes) -> None:
    """For a text, in the transaction that adds it: one write to disk less between a key press and the wire. Raises as `seal`."""
    intent = tx.intent(intent_id)
    if intent is None:
        return
    first, group = tx.next_intent(intent.group), tx.group(intent.group)
    if first == intent and group is not None and group.state == "active":
        seal(tx, intent)


def absent(tx: Transaction, intent: IntentRow) -> tuple[list[str], int]:
    """(those it names who are not in the group yet, the group's suite). Raises Error(NOT_A_MEMBER, GROUP_LAPSED)."""
    mls = require_active(tx, intent.group)
    present = {member.username for member in mls.members()}
    return [name for name in json.loads(intent.body)["users"] if name not in present], mls.suite


def _text(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate]) -> bool:
    group = require_active(tx, intent.group)
    contacts.require_unchanged(tx, group.members())
    row = tx.group(intent.group)
    counter = 1 + (0 if row is None else row.counter)
    content = Content(counter, tx.now, Text(json.loads(intent.body)["text"]))
    sealed = group.encrypt(encode_content(content), intent.id)
    tx.seal_intent(intent.id, group.epoch, sealed, counter.to_bytes(8, "big"))
    return True


def _add(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate]) -> bool:
    """False if everybody named is in the group already: then there is nothing to commit."""
    group = require_active(tx, intent.group)
    present = {member.device for member in group.members()}
    candidates = [candidate for candidate in candidates if candidate.device not in present]
    if not candidates:
        return False
    for candidate in candidates:
        _check(tx, candidate, group.suite)
    contacts.require_unchanged(tx, group.members())
    pending = group.commit_add([candidate.key_package for candidate in candidates], intent.id)
    row = tx.group(intent.group)
    name = "" if row is None else row.name
    if pending.welcome is None:
        raise Error(Code.INTERNAL)
    note = encode_note(Invitation(intent.group, name, group.suite, group.epoch + 1, pending.welcome))
    welcomes = [
        (
            candidate.device,
            _core.seal_envelope(
                candidate.hybrid_key, tx.device, tx.certificate, inbox_context(candidate.device), note
            ),
        )
        for candidate in candidates
    ]
    tx.seal_intent(intent.id, group.epoch, pending.commit, _pack(pending.group_info, welcomes))
    return True


def _check(tx: Transaction, candidate: Candidate, suite: int) -> None:
    """Raises Error(KEY_PACKAGE_INVALID, HYBRID_KEY_INVALID, IDENTITY_CHANGED)."""
    try:
        info = _core.inspect_key_package(candidate.key_package)
    except _core.Panicked:
        raise
    except _core.CoreError as error:
        raise Error(
            Code.KEY_PACKAGE_INVALID, f"the key package of {candidate.username} is invalid"
        ) from error
    certificate = info.certificate
    if (
        certificate.device != candidate.device
        or certificate.username != candidate.username
        or info.suite != suite
    ):
        raise Error(Code.KEY_PACKAGE_INVALID, f"the key package of {candidate.username} is somebody else's")
    try:
        _core.verify_hybrid_key(candidate.device, candidate.hybrid_key, candidate.hybrid_signature)
    except _core.Panicked:
        raise
    except _core.CoreError as error:
        raise Error(Code.HYBRID_KEY_INVALID, f"the hybrid key of {candidate.username} is invalid") from error
    if contacts.meet(tx, certificate) == contacts.CHANGED:
        raise Error(Code.IDENTITY_CHANGED, f"the identity key of {candidate.username} has changed")


def _remove(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate]) -> bool:
    """False if nobody named is in the group any more."""
    group = require_active(tx, intent.group)
    names = set(json.loads(intent.body)["users"])
    devices = [member.device for member in group.members() if member.username in names]
    if not devices:
        return False
    pending = group.commit_remove(devices, intent.id)
    tx.seal_intent(intent.id, group.epoch, pending.commit, _pack(pending.group_info, []))
    return True


def _update(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate]) -> bool:
    group = require_active(tx, intent.group)
    pending = group.commit_update(intent.id)
    tx.seal_intent(intent.id, group.epoch, pending.commit, _pack(pending.group_info, []))
    return True


def _create(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate]) -> bool:
    group = tx.mls_group(intent.group)
    tx.seal_intent(intent.id, group.epoch, group.group_info(), group.tree())
    return True


# Each says whether there was anything to seal.
_SEAL: dict[str, Callable[[Transaction, IntentRow, Sequence[Candidate]], bool]] = {
    "create": _create,
    "text": _text,
    "add": _add,
    "remove": _remove,
    "update": _update,
}


def _pack(group_info: bytes, welcomes: Sequence[tuple[bytes, bytes]]) -> bytes:
    fields = [group_info]
    for device, payload in welcomes:
        fields += [device, payload]
    return statement(*fields)


def unpack(parts: bytes) -> tuple[bytes, tuple[Welcome, ...]]:
    """(GroupInfo, Welcomes) of a sealed commit."""
    fields, at = [], 0
    while at < len(parts):
        length = int.from_bytes(parts[at : at + 4], "big")
        fields.append(parts[at + 4 : at + 4 + length])
        at += 4 + length
    pairs = zip(fields[1::2], fields[2::2], strict=True)
    return fields[0], tuple(Welcome(device, payload) for device, payload in pairs)
