"""Keys of devices, kept for others: one-time KeyPackages, hybrid keys, certificates.

The node gives out only what it has checked: a KeyPackage is valid, of the device that uploads it and of that device's account; a
hybrid key is signed by its device. Clients check all of it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from qnpc import names
from qnpc._core import (
    KEY_PACKAGE_FRESH,
    Certificate,
    CoreError,
    Panicked,
    inspect_key_package,
    verify_hybrid_key,
)
from qnpc.errors import Code, Error
from qnpc.node.checks import DEVICE_BYTES, at_most, count_at_most, exactly
from qnpc.node.dispatch import SessionCap
from qnpc.node.services import LARGEST, Services
from qnpc.node.store.contract import (
    PutHybridKey,
    PutKeyPackages,
    Store,
    StoredDevice,
    TakeKeyPackages,
)
from qnpc.wire import (
    DeviceKeyPackage,
    DeviceRecord,
    Empty,
    SessionFetchHybridKeyParams,
    SessionFetchHybridKeyResults,
    SessionFetchKeyPackagesParams,
    SessionFetchKeyPackagesResults,
    SessionKeyPackageCountParams,
    SessionKeyPackageCountResults,
    SessionResolveParams,
    SessionResolveResults,
    SessionUploadHybridKeyParams,
    SessionUploadKeyPackagesParams,
    SessionUploadKeyPackagesResults,
)

HYBRID_KEY_BYTES = 1216
SIGNATURE_BYTES = 64


async def upload_key_packages(
    session: SessionCap, params: SessionUploadKeyPackagesParams
) -> SessionUploadKeyPackagesResults:
    services = session.services
    limits = services.limits
    allowed(services, params.suite)
    count_at_most(limits.key_packages_per_device, len(params.packages), "key packages")
    for package in params.packages:
        at_most(limits.key_package_size, package, "a key package")
    checked = await services.read(
        session.actor,
        _check_packages,
        session.actor.device,
        params.suite,
        params.packages,
        services.now(),
    )
    count = await services.writer.submit(
        PutKeyPackages(
            actor=session.actor,
            suite=params.suite,
            packages=checked,
            limit=limits.key_packages_per_device,
            now=services.now(),
        )
    )
    return SessionUploadKeyPackagesResults(count)


def _check_packages(
    store: Store, device: bytes, suite: int, packages: Sequence[bytes], now: int
) -> list[tuple[bytes, bytes, int]]:
    """(reference, message, until when it is handed out in Unix milliseconds) of each.

    That is before it expires: members who read the commit that adds it hold its lifetime against their own clocks."""
    registered = cast("StoredDevice", store.device(device))  # the session was checked in this very job
    checked = []
    for package in packages:
        try:
            info = inspect_key_package(package)
        except Panicked:
            raise
        except CoreError as error:
            raise Error(Code.KEY_PACKAGE_INVALID, f"a key package is invalid: {error}") from None
        if info.suite != suite:
            raise Error(Code.KEY_PACKAGE_INVALID, "a key package is of another ciphersuite")
        if not same_owner(info.certificate, registered):
            raise Error(Code.KEY_PACKAGE_INVALID, "a key package is of another device or account")
        until = (info.not_after - KEY_PACKAGE_FRESH) * 1000
        if until <= now:
            raise Error(Code.KEY_PACKAGE_INVALID, "a key package expires too soon to be added")
        checked.append((info.reference, package, min(until, LARGEST)))
    return checked


async def key_package_count(
    session: SessionCap, params: SessionKeyPackageCountParams
) -> SessionKeyPackageCountResults:
    services = session.services

    def count(store: Store) -> int:
        return store.key_package_count(session.actor.device, params.suite, services.now())

    return SessionKeyPackageCountResults(await services.read(session.actor, count))


async def fetch_key_packages(
    session: SessionCap, params: SessionFetchKeyPackagesParams
) -> SessionFetchKeyPackagesResults:
    """One per device of the account; each is given to one asker only."""
    services = session.services
    allowed(services, params.suite)
    username = names.username(params.username, services.limits)
    packages = await services.writer.submit(
        TakeKeyPackages(session.actor, username, params.suite, services.now())
    )
    return SessionFetchKeyPackagesResults(
        tuple(DeviceKeyPackage(one.device, one.certificate, one.message) for one in packages)
    )


async def upload_hybrid_key(session: SessionCap, params: SessionUploadHybridKeyParams) -> Empty:
    services = session.services
    exactly(HYBRID_KEY_BYTES, params.key, "a hybrid key")
    exactly(SIGNATURE_BYTES, params.signature, "a signature")
    try:
        await services.ports.jobs.run(verify_hybrid_key, session.actor.device, params.key, params.signature)
    except Panicked:
        raise
    except CoreError:
        raise Error(Code.HYBRID_KEY_INVALID, "the hybrid key is not signed by this device") from None
    await services.writer.submit(PutHybridKey(session.actor, params.key, params.signature, services.now()))
    return Empty()


async def fetch_hybrid_key(
    session: SessionCap, params: SessionFetchHybridKeyParams
) -> SessionFetchHybridKeyResults:
    services = session.services
    device = exactly(DEVICE_BYTES, params.device, "a device's key")

    def find(store: Store) -> tuple[bytes, bytes] | None:
        return store.hybrid_key(device)

    found = await services.read(session.actor, find)
    if found is None:
        raise Error(Code.NOT_FOUND, "this device has no hybrid key here")
    return SessionFetchHybridKeyResults(*found)


async def resolve(session: SessionCap, params: SessionResolveParams) -> SessionResolveResults:
    """Who is behind a name: the identity key, and the devices that it vouches for."""
    services = session.services
    username = names.username(params.username, services.limits)

    def find(store: Store) -> SessionResolveResults:
        account = store.account(username)
        if account is None:
            raise Error(Code.NOT_FOUND, "there is no account of this name")
        return SessionResolveResults(account.identity_key, records(store.devices(username)))

    return await services.read(session.actor, find)


def records(devices: Sequence[StoredDevice]) -> tuple[DeviceRecord, ...]:
    return tuple(DeviceRecord(one.device, one.certificate) for one in devices)


def same_owner(certificate: Certificate, registered: StoredDevice) -> bool:
    """Whether a certificate speaks of the device and the account that are registered."""
    known = Certificate.parse(registered.certificate)
    return (certificate.device, certificate.username, certificate.identity_key) == (
        registered.device,
        registered.username,
        known.identity_key,
    )


def allowed(services: Services, suite: int) -> None:
    """Raises Error(SUITE_NOT_ALLOWED)."""
    if suite not in services.suites:
        raise Error(Code.SUITE_NOT_ALLOWED)
