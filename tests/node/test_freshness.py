"""What a node refuses because of when it was made: key packages near their end, groups that begin in the middle."""

from __future__ import annotations

from qnpc import wire
from qnpc._core import KEY_PACKAGE_FRESH, SUITE_CLASSICAL, Group, generate_key_packages
from qnpc.errors import Code
from tests.node.chats import package_of, upload_packages
from tests.node.rig import Rig, refused

LIFETIME = 83 * 86400.0


async def test_a_key_package_is_not_handed_out_when_it_could_expire_before_all_have_read_the_commit(
    node: Rig,
) -> None:
    alice, bob = await node.person("alice"), await node.person("bob")
    await upload_packages(bob, 1)
    rest = generate_key_packages(bob.mls, bob.device, bob.certificate, SUITE_CLASSICAL, 2)
    node.clock.advance(LIFETIME - KEY_PACKAGE_FRESH - 3600)
    await alice.renew()
    await bob.renew()
    await bob.ask(
        wire.SESSION.upload_key_packages, wire.SessionUploadKeyPackagesParams(SUITE_CLASSICAL, (rest[0],))
    )
    await package_of(alice, bob, SUITE_CLASSICAL)  # the older one
    node.clock.advance(7200)
    with refused(Code.NO_KEY_PACKAGE):
        await package_of(alice, bob, SUITE_CLASSICAL)
    with refused(Code.KEY_PACKAGE_INVALID):
        await bob.ask(
            wire.SESSION.upload_key_packages, wire.SessionUploadKeyPackagesParams(SUITE_CLASSICAL, (rest[1],))
        )


async def test_a_new_group_begins_in_epoch_0(node: Rig) -> None:
    alice = await node.person("alice")
    group = Group.create(alice.mls, alice.device, alice.certificate, bytes(16), SUITE_CLASSICAL)
    group.commit_update(b"u" * 16)
    group.merge_pending()
    params = wire.SessionCreateGroupParams(group.group_info(), group.tree(), b"c" * 16)
    with refused(Code.COMMIT_INVALID):
        await alice.ask(wire.SESSION.create_group, params)
