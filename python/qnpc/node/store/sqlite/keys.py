"""What others need to reach a device: one-time KeyPackages and its hybrid key.

A KeyPackage is handed out once. Its reference is remembered until it expires, so that uploading it again does
not offer it again.
"""

from __future__ import annotations

from qnpc.errors import Code, Error
from qnpc.node.store.contract import PutHybridKey, PutKeyPackages, TakeKeyPackages, TakenKeyPackage
from qnpc.node.store.sqlite.batch import Batch


def put_key_packages(batch: Batch, item: PutKeyPackages) -> int:
    device = batch.acting(item.actor, item.now)
    batch.db.run("drop_expired_packages", device=device, now=item.now)
    for reference, message, not_after in item.packages:
        batch.db.run(
            "put_package",
            device=device,
            reference=reference,
            suite=item.suite,
            not_after=not_after,
            message=message,
        )
    row = batch.db.one("packages_left", device=device, suite=item.suite)
    left, of_suite = (0, 0) if row is None else row
    if left > item.limit:
        raise Error(Code.TOO_LARGE, f"a device may leave at most {item.limit} key packages here")
    return int(of_suite)


def take_key_packages(batch: Batch, item: TakeKeyPackages) -> list[TakenKeyPackage]:
    batch.acting(item.actor, item.now)
    account = batch.db.one("account_identity", username=item.username)
    if account is None:
        raise Error(Code.NOT_FOUND, "there is no such account here")
    taken: list[TakenKeyPackage] = []
    for device, key, certificate in batch.db.all("devices_of_account", account=account[0]):
        batch.db.run("drop_expired_packages", device=device, now=item.now)
        package = batch.db.one("oldest_package", device=device, suite=item.suite)
        if package is not None:
            batch.db.run("empty_package", id=package[0])
            taken.append(TakenKeyPackage(key, certificate, package[1]))
    if not taken:
        raise Error(Code.NO_KEY_PACKAGE)
    return taken


def put_hybrid_key(batch: Batch, item: PutHybridKey) -> None:
    device = batch.acting(item.actor, item.now)
    batch.db.run("put_hybrid_key", device=device, key=item.key, signature=item.signature)
