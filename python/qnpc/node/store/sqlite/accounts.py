"""Invites, accounts, devices and their tokens.

An account's identity key and a device's account never change. The secrets of invites and tokens are kept as
hashes; a token is found by its public id, and its holder is checked above the store.
"""

from __future__ import annotations

import hmac

from qnpc.errors import Code, Error
from qnpc.node.store.contract import (
    BindDevice,
    CreateInvite,
    IssueToken,
    Logout,
    NewDevice,
    NewToken,
    ReapTokens,
    Register,
    SetInvite,
)
from qnpc.node.store.sqlite.batch import Batch, check_length

_KEY = 32


def create_invite(batch: Batch, item: CreateInvite) -> None:
    """One that is there already stays as it is: a repeated item gives no use back."""
    batch.db.run("create_invite", id=item.id, hash=item.hash, uses=item.uses, expires=item.expires)


def set_invite(batch: Batch, item: SetInvite) -> None:
    if item.hash is None:
        batch.db.run("delete_invite", id=item.id)
    else:
        batch.db.run("set_invite", id=item.id, hash=item.hash)


def register(batch: Batch, item: Register) -> None:
    check_length(item.device.device, _KEY, "a device's key")
    check_length(item.identity_key, _KEY, "an identity key")
    if _repeated(batch, item):
        return
    _check_invite(batch, item)
    if batch.db.one("account_identity", username=item.username) is not None:
        raise Error(Code.USERNAME_TAKEN)
    if batch.db.one(
        "identity_or_device_taken", identity_key=item.identity_key, device=item.device.device
    ) != (0,):
        raise Error(Code.IDENTITY_MISMATCH)
    batch.db.run("spend_invite", id=item.invite_id)
    batch.db.run(
        "create_account",
        username=item.username,
        record=item.record,
        identity_key=item.identity_key,
        sealed_identity=item.sealed_identity,
    )
    _create_device(batch, item.username, item.device)
    _create_token(batch, item.device.device, item.token)


def bind_device(batch: Batch, item: BindDevice) -> None:
    check_length(item.device.device, _KEY, "a device's key")
    account = batch.db.one("account_identity", username=item.username)
    if account is None:
        raise Error(Code.NOT_FOUND)
    owner = batch.db.one("device_owner", device=item.device.device)
    if account[1] != item.identity_key or (owner is not None and owner[1] != account[0]):
        raise Error(Code.IDENTITY_MISMATCH)
    if owner is None:
        _create_device(batch, item.username, item.device)
    elif owner[2]:
        raise Error(Code.DEVICE_REVOKED)
    _create_token(batch, item.device.device, item.token)


def issue_token(batch: Batch, item: IssueToken) -> None:
    owner = batch.db.one("device_owner", device=item.device)
    if owner is None:
        raise Error(Code.NOT_FOUND)
    if owner[2]:
        raise Error(Code.DEVICE_REVOKED)
    _create_token(batch, item.device, item.token)


def logout(batch: Batch, item: Logout) -> None:
    batch.db.run("delete_token", id=item.actor.token, device=item.actor.device)


def reap_tokens(batch: Batch, item: ReapTokens) -> int:
    return batch.db.run("reap_tokens", now=item.now) + batch.db.run("reap_invites", now=item.now)


def _repeated(batch: Batch, item: Register) -> bool:
    """After an unknown outcome the same item comes again. Only that item knows this token, so its account is
    the one it made."""
    token = batch.db.one("token", id=item.token.id)
    return token is not None and token[1] == item.token.hash and token[2] == item.device.device


def _check_invite(batch: Batch, item: Register) -> None:
    invite = batch.db.one("invite", id=item.invite_id)
    if invite is None or not hmac.compare_digest(invite[1], item.invite_hash):
        raise Error(Code.AUTH_REQUIRED, "this invite is not known here")
    _, _, uses, expires = invite
    if uses is not None and uses <= 0:
        raise Error(Code.AUTH_REQUIRED, "this invite has been used up")
    if expires is not None and expires <= item.now:
        raise Error(Code.AUTH_REQUIRED, "this invite has expired")


def _create_device(batch: Batch, username: str, device: NewDevice) -> None:
    """The device and its inbox, whose only member it is from the start."""
    rowid = batch.db.insert(
        "create_device",
        device=device.device,
        username=username,
        certificate=device.certificate,
        created=device.created,
    )
    inbox = batch.db.insert("create_channel", name=device.device)
    batch.db.run("add_member", channel=inbox, device=rowid, seq=0)


def _create_token(batch: Batch, device: bytes, token: NewToken) -> None:
    batch.db.run("create_token", id=token.id, hash=token.hash, device=device, expires=token.expires)
