"""The one table of what a node does: each method, who carries it out, what must stand for it, and what it may refuse with.

Whoever holds the capability may call; `needs` is held against the store in the handler's own transaction or read. Besides the codes of a
row, those of `needs` and of EVERYWHERE may come. Nothing is served that is not here.
"""

from __future__ import annotations

from typing import Final

from qnpc.errors import Code
from qnpc.node import accounts, delivery, groups, health, keys, sessions
from qnpc.node.dispatch import Methods, Needs, Row
from qnpc.wire import ENROL, GROUP, LOGIN, NODE, PROOF, REGISTRATION, SESSION

_NOTHING, _TOKEN, _MEMBERSHIP = Needs.NOTHING, Needs.TOKEN, Needs.MEMBERSHIP
_ROWS: Final = (
    Row(NODE.info, health.info, _NOTHING),
    Row(NODE.health, health.health, _NOTHING),
    Row(NODE.register, accounts.register, _NOTHING, (
        Code.AUTH_REQUIRED, Code.USERNAME_INVALID, Code.USERNAME_TAKEN, Code.TOO_MANY_LOGINS)),
    Row(NODE.login, accounts.login, _NOTHING, (Code.USERNAME_INVALID, Code.TOO_MANY_LOGINS)),
    Row(NODE.resume, sessions.resume, _TOKEN),
    Row(NODE.challenge, sessions.challenge, _NOTHING),
    Row(REGISTRATION.finish, accounts.finish_registration, _NOTHING, (
        Code.SESSION_EXPIRED, Code.AUTH_REQUIRED, Code.USERNAME_TAKEN, Code.IDENTITY_MISMATCH)),
    Row(LOGIN.finish, accounts.finish_login, _NOTHING, (
        Code.SESSION_EXPIRED, Code.LOGIN_FAILED, Code.TOO_MANY_LOGINS)),
    Row(ENROL.device, accounts.enrol_device, _NOTHING, (
        Code.SESSION_EXPIRED, Code.IDENTITY_MISMATCH, Code.DEVICE_REVOKED, Code.NOT_FOUND)),
    Row(PROOF.finish, sessions.finish_proof, _NOTHING, (
        Code.SESSION_EXPIRED, Code.LOGIN_FAILED, Code.DEVICE_REVOKED)),
    Row(SESSION.upload_key_packages, keys.upload_key_packages, _TOKEN, (
        Code.SUITE_NOT_ALLOWED, Code.KEY_PACKAGE_INVALID)),
    Row(SESSION.key_package_count, keys.key_package_count, _TOKEN),
    Row(SESSION.fetch_key_packages, keys.fetch_key_packages, _TOKEN, (
        Code.SUITE_NOT_ALLOWED, Code.USERNAME_INVALID, Code.NOT_FOUND, Code.NO_KEY_PACKAGE)),
    Row(SESSION.upload_hybrid_key, keys.upload_hybrid_key, _TOKEN, (Code.HYBRID_KEY_INVALID,)),
    Row(SESSION.fetch_hybrid_key, keys.fetch_hybrid_key, _TOKEN, (Code.NOT_FOUND,)),
    Row(SESSION.resolve, keys.resolve, _TOKEN, (Code.USERNAME_INVALID, Code.NOT_FOUND)),
    Row(SESSION.logout, sessions.logout, _NOTHING),
    Row(SESSION.enqueue, delivery.enqueue, _TOKEN, (Code.NOT_FOUND, Code.QUEUE_FULL)),
    Row(SESSION.fetch, delivery.fetch, _TOKEN, (Code.NOT_A_MEMBER, Code.NOT_FOUND)),
    Row(SESSION.ack, delivery.ack, _TOKEN),
    Row(SESSION.subscribe, delivery.subscribe, _TOKEN),
    Row(SESSION.create_group, groups.create_group, _TOKEN, (
        Code.SUITE_NOT_ALLOWED, Code.COMMIT_INVALID, Code.GROUP_EXISTS, Code.NOT_FOUND)),
    Row(SESSION.group, groups.group, _MEMBERSHIP),
    Row(SESSION.groups, groups.groups, _TOKEN),
    Row(GROUP.send, groups.send, _MEMBERSHIP, (Code.EPOCH_STALE, Code.QUEUE_FULL)),
    Row(GROUP.commit, groups.commit, _MEMBERSHIP, (
        Code.EPOCH_STALE, Code.COMMIT_INVALID, Code.NOT_FOUND)),
    Row(GROUP.info, groups.info, _MEMBERSHIP),
    Row(GROUP.tree, groups.tree, _MEMBERSHIP, (Code.NOT_FOUND,)),
    Row(GROUP.members, groups.members, _MEMBERSHIP),
)  # fmt: skip

METHODS: Final[Methods] = {row.method.key: row for row in _ROWS}
