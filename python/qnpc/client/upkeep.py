"""What a device keeps at its node so that others can reach it while it is away: KeyPackages of every suite, and its hybrid key."""

from __future__ import annotations

from functools import partial

from qnpc import _core
from qnpc.client.account import Account
from qnpc.client.capabilities import Online
from qnpc.client.membership import is_outside
from qnpc.client.state import State, Transaction
from qnpc.errors import Code, Error
from qnpc.limits import Limits
from qnpc.wire import (
    SESSION,
    SessionKeyPackageCountParams,
    SessionUploadHybridKeyParams,
    SessionUploadKeyPackagesParams,
)

_HYBRID = "hybrid_uploaded"
_CHECKED = "key_packages_checked"
_FORGOTTEN = "epochs_forgotten"
_SINCE = "epoch_since_"
_DAY = 86_400_000


async def keep_reachable(limits: Limits, account: Account, state: State, online: Online) -> None:
    """Cheap when there is nothing to do. A suite that the node does not allow is passed over: nobody can ask for it there. Raises
    what the node refuses with else."""
    uploaded, checked, now = await state.run(lambda tx: (tx.meta(_HYBRID), tx.meta(_CHECKED), tx.now))
    if uploaded is None:
        await _upload_hybrid_key(account, state, online)
    if checked is None or int(checked) + int(limits.upkeep_interval * 1000) <= now:
        for suite in _core.SUITES:
            try:
                await _fill(limits, state, online, suite)
            except Error as error:
                if error.kind is not Code.SUITE_NOT_ALLOWED:
                    raise
        await _forget_epochs(limits, state)
        await state.run(lambda tx: tx.set_meta(_CHECKED, str(tx.now).encode()))


async def _forget_epochs(limits: Limits, state: State) -> None:
    """What a group keeps of past epochs is for messages that come late. A day's look at each is enough, one at a time."""

    def due(tx: Transaction) -> list[bytes]:
        last = tx.meta(_FORGOTTEN)
        if last is not None and int(last) + _DAY > tx.now:
            return []
        tx.set_meta(_FORGOTTEN, str(tx.now).encode())
        return [group.id for group in tx.groups() if group.state != "creating"]

    for group_id in await state.run(due):
        await state.run(partial(_forget, group_id=group_id, ttl=int(limits.past_epoch_ttl * 1000)))


def _forget(tx: Transaction, *, group_id: bytes, ttl: int) -> None:
    """All past epochs of a group whose epoch has been the same for so long: they ended before that, and nothing of them is still on its
    way. A group that moves faster keeps two of them at most. Of a group that this device has been out of for so long, everything: only an
    invitation leads back, and that brings secrets of its own."""
    outside, key = is_outside(tx, group_id), f"{_SINCE}{group_id.hex()}"
    standing = b"outside" if outside else str(tx.mls_group(group_id).epoch).encode()
    stood, _, since = (tx.meta(key) or b"").partition(b" ")
    if stood != standing:
        tx.set_meta(key, b"%s %d" % (standing, tx.now))
    elif int(since) + ttl > tx.now:
        return
    elif outside:
        tx.delete_mls_group(group_id)
    else:
        tx.mls_group(group_id).forget_epochs(0)


async def _upload_hybrid_key(account: Account, state: State, online: Online) -> None:
    key = account.keys.hybrid.public_key
    signature = account.keys.device.sign_hybrid_key(key)
    params = SessionUploadHybridKeyParams(key, signature)
    await online.peer.call(online.session, SESSION.upload_hybrid_key, params)
    await state.run(lambda tx: tx.set_meta(_HYBRID, b"1"))


async def _fill(limits: Limits, state: State, online: Online, suite: int) -> None:
    """The private halves are durable before the public ones leave."""
    count = SessionKeyPackageCountParams(suite)
    left = (await online.peer.call(online.session, SESSION.key_package_count, count)).count
    wanted = limits.key_packages_target - left
    if wanted < limits.key_packages_target // 2:
        return

    def make(tx: Transaction) -> list[bytes]:
        return _core.generate_key_packages(tx.mls_store, tx.device, tx.certificate, suite, wanted)

    packages = await state.run(make)
    params = SessionUploadKeyPackagesParams(suite, tuple(packages))
    await online.peer.call(online.session, SESSION.upload_key_packages, params)
