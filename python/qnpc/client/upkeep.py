"""What a device keeps at its node so that others can reach it while it is away: KeyPackages of every suite, and its hybrid key."""

from __future__ import annotations

from qnpc import _core
from qnpc.client.account import Account
from qnpc.client.connection import Online
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
        await state.run(lambda tx: tx.set_meta(_CHECKED, str(tx.now).encode()))


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
