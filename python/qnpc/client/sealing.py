"""From intent to ciphertext: what is encrypted or committed for each kind, inside the transaction that stores it.

Nothing here talks to the node; what a commit needs from it (KeyPackages, hybrid keys) was fetched before and is checked here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from qnpc import _core
from qnpc.client import contacts
from qnpc.client.account import inbox_context
from qnpc.client.state import IntentRow, Transaction
from qnpc.content import Content, Invitation, Text, encode_content, encode_note
from qnpc.errors import Code, Error
from qnpc.wire import Welcome, statement


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that is to be added, as the node described it."""

    username: str
    device: bytes
    key_package: bytes
    hybrid_key: bytes
    hybrid_signature: bytes = field(repr=False)


def require_active(tx: Transaction, group_id: bytes) -> _core.Group:
    """Raises Error(NOT_A_MEMBER, GROUP_LAPSED)."""
    row = tx.group(group_id)
    if row is not None and row.state == "lapsed":
        raise Error(Code.GROUP_LAPSED, f"this device missed part of {row.name}")
    if row is None or row.state == "removed":
        raise Error(Code.NOT_A_MEMBER)
    return tx.mls_group(group_id)


def seal_text(tx: Transaction, intent: IntentRow) -> None:
    group = require_active(tx, intent.group)
    contacts.require_unchanged(tx, group.members())
    row = tx.group(intent.group)
    counter = 1 + (0 if row is None else row.counter)
    content = Content(counter, tx.now, Text(json.loads(intent.body)["text"]))
    sealed = group.encrypt(encode_content(content), intent.id)
    tx.seal_intent(intent.id, group.epoch, sealed, counter.to_bytes(8, "big"))


def seal_add(tx: Transaction, intent: IntentRow, candidates: Sequence[Candidate]) -> bool:
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


def seal_remove(tx: Transaction, intent: IntentRow) -> bool:
    """False if nobody named is in the group any more."""
    group = require_active(tx, intent.group)
    names = set(json.loads(intent.body)["users"])
    devices = [member.device for member in group.members() if member.username in names]
    if not devices:
        return False
    pending = group.commit_remove(devices, intent.id)
    tx.seal_intent(intent.id, group.epoch, pending.commit, _pack(pending.group_info, []))
    return True


def seal_update(tx: Transaction, intent: IntentRow) -> bool:
    group = require_active(tx, intent.group)
    pending = group.commit_update(intent.id)
    tx.seal_intent(intent.id, group.epoch, pending.commit, _pack(pending.group_info, []))
    return True


def seal_create(tx: Transaction, intent: IntentRow) -> None:
    group = tx.mls_group(intent.group)
    tx.seal_intent(intent.id, group.epoch, group.group_info(), group.tree())


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
