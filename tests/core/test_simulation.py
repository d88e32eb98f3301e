"""Under a seed the core does the same again, byte for byte: a failing run of a simulation is one that can be looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from qnpc._core import (
    Aead,
    Argon2,
    Device,
    Group,
    HybridKey,
    Identity,
    OpaqueClientLogin,
    OpaqueClientRegistration,
    OpaqueServer,
    Tracker,
    encapsulate,
    encrypt_many,
    generate_key_packages,
    generate_last_resort,
    inspect_key_package,
    open_envelope,
    seal_envelope,
    seal_vault,
)
from qnpc._core.simulation import Seeded
from tests.core.people import Person, World, message_id, world

NOW = int(time.time()) - 86_400  # not the moment at which the tests run: that must show nowhere
QUICK = Argon2(memory_kib=64, iterations=1, parallelism=1)

Story = dict[str, list[bytes]]


def _rows(*people: Person) -> list[bytes]:
    return [part for person in people for row in sorted(person.disk.items()) for part in (*row[0], row[1])]


def groups(suite: int) -> Story:
    """What a group of five says in its life, and what its members store."""
    story: Story = {}
    alice, *others = [Person(name, suite) for name in ("alice", "bob", "carol", "dave", "erin")]
    bob, carol, dave, erin = others
    alice.create()
    here = World(Tracker.from_group_info(alice.group.group_info(), alice.group.tree()), [alice])
    packages = [person.key_packages(2)[0] for person in others]
    story["KeyPackages"] = [
        *packages,
        generate_last_resort(alice.store, alice.device, alice.certificate, suite),
    ]
    pending = alice.group.commit_add(packages, message_id(1))
    story["adding"], story["GroupInfo"] = [pending.commit], [pending.group_info]
    assert pending.welcome is not None
    story["Welcome"] = [pending.welcome]
    alice.restart()
    story["rows with a pending commit"] = _rows(alice)
    tree = here.accept(alice, pending)
    for person in others:
        person.join(pending.welcome, tree)
        here.people.append(person)
    story["messages"] = [alice.says(b"hello"), bob.says(b"hi")]
    carol.reads(story["messages"][0])
    story["updates"] = []
    for person in (bob, alice, erin):  # over a warm tree a path is sealed to many
        pending = person.group.commit_update(message_id(2))
        story["updates"].append(pending.commit)
        here.accept(person, pending)
    laptop = Person("bob", suite, identity=bob.identity)
    joining = Group.external_commit(
        laptop.store,
        laptop.device,
        laptop.certificate,
        alice.group.group_info(),
        alice.group.tree(),
        message_id(3),
    )
    story["external commit"] = [joining.commit, joining.group_info]
    story["its rows"] = [part for row in joining.rows() for part in row]
    gone = [person.device.public_key for person in (erin, carol, dave)]
    pending = alice.group.commit_remove(gone, message_id(4))
    story["removing"] = [pending.commit]
    here.accept(alice, pending)
    story["rows"] = _rows(*here.people)
    return story


def many_leaves(suite: int) -> Story:
    """A path over a tree where nobody has committed: openmls seals it to many leaves, in threads of its own."""
    alice = Person("alice", suite)
    alice.create()
    others = [Person(f"guest{n}", suite) for n in range(32)]
    added = alice.group.commit_add([person.key_packages()[0] for person in others], message_id(1))
    alice.group.merge_pending()
    return {"adding": [added.commit], "update": [alice.group.commit_update(message_id(2)).commit]}


def many_groups(suite: int) -> Story:
    """Eight groups of one device that say something at once."""
    person = Person("alice", suite)
    ids = [bytes([n]) * 16 for n in range(8)]
    opened = [Group.create(person.store, person.device, person.certificate, id_, suite) for id_ in ids]
    batch = [(group, b"hello", message_id(n)) for n in range(20) for group in opened]
    return {"messages": encrypt_many(batch, threads=8)}


def secrets(_: int) -> Story:
    """Everything that is no group."""
    identity, device, hybrid = Identity.generate(), Device.generate(), HybridKey.generate()
    certificate = identity.certify("alice", device.public_key, 1)
    envelope = seal_envelope(hybrid.public_key, device, certificate, b"note", b"hello")
    assert open_envelope(hybrid, b"note", envelope)[1] == b"hello"
    server = OpaqueServer()
    registration = OpaqueClientRegistration(b"password")
    response = server.registration_response("alice", registration.request)
    upload, export_key = registration.finish(response, "alice", bytes(32), QUICK)
    login = OpaqueClientLogin(b"password")
    ke2, waiting = server.start_login("alice", server.registration_record(upload), login.request, bytes(32))
    fake, _waiting = server.start_login("nobody", None, login.request, bytes(32))
    ke3, session_key, _key = login.finish(ke2, "alice", bytes(32), QUICK)
    assert waiting.finish(ke3) == session_key
    return {
        "keys": [identity.secret(), device.secret(), hybrid.secret()],
        "encapsulation": list(encapsulate(hybrid.public_key)),
        "envelope": [envelope],
        "vault": [seal_vault(bytes(32), b"header", b"inside")],
        "AEAD": [Aead(bytes(32)).seal(b"inside")],
        "OPAQUE": [server.setup(), registration.request, response, upload, export_key],
        "OPAQUE login": [login.request, ke2, fake, ke3],
    }


STORIES = pytest.mark.parametrize("story", [groups, many_leaves, many_groups, secrets])


@STORIES
def test_a_seed_gives_the_same_bytes_again(story: Callable[[int], Story], suite: int) -> None:
    first = Seeded(b"one", NOW).run(story, suite)
    for _ in range(3):
        again = Seeded(b"one", NOW).run(story, suite)
        assert {name for name in first if first[name] != again[name]} == set()


@STORIES
@pytest.mark.parametrize("seed", [b"two", None])
def test_no_other_run_shares_a_byte_string_with_it(
    story: Callable[[int], Story], suite: int, seed: bytes | None
) -> None:
    first = Seeded(b"one", NOW).run(story, suite)
    other = story(suite) if seed is None else Seeded(seed, NOW).run(story, suite)
    assert {name for name in first if first[name] == other[name]} == set()


@STORIES
def test_without_a_seed_no_two_runs_are_the_same(story: Callable[[int], Story], suite: int) -> None:
    Seeded(b"one", NOW)
    first, other = story(suite), story(suite)
    assert {name for name in first if first[name] == other[name]} == set()


def test_what_is_made_happens_at_the_moment_of_the_seed(suite: int) -> None:
    alice = Seeded(b"one", NOW).run(Person, "alice", suite)
    (package,) = Seeded(b"one", NOW).run(
        generate_key_packages, alice.store, alice.device, alice.certificate, suite, 1
    )
    assert inspect_key_package(package).not_after == NOW + 83 * 86_400


def test_hosts_in_one_process_do_not_disturb_each_other() -> None:
    def draw() -> bytes:
        return Device.generate().secret()

    alone = Seeded(b"one", NOW)
    expected = [alone.run(draw) for _ in range(3)]
    one, other = Seeded(b"one", NOW), Seeded(b"two", NOW)
    drawn = []
    for _ in range(3):
        draw()
        other.run(draw)
        drawn.append(one.run(lambda: (other.run(draw), draw())[1]))
    assert drawn == expected


async def test_the_tasks_of_a_host_draw_from_its_seed() -> None:
    async def host() -> list[bytes]:
        drawn = []
        for _ in range(3):
            await asyncio.create_task(others_first())
            drawn.append(Device.generate().secret())
        return drawn

    async def others_first() -> None:
        turn = asyncio.Event()
        asyncio.get_running_loop().call_soon(turn.set)
        await turn.wait()

    seeds = [Seeded(b"one", NOW), Seeded(b"two", NOW), Seeded(b"one", NOW)]
    one, other, again = await asyncio.gather(*[seed.run(asyncio.ensure_future, host()) for seed in seeds])
    assert one == again != other
    assert len({*one, *other}) == 6


def test_a_seed_ends_where_it_was_left_even_by_an_error() -> None:
    def fail() -> None:
        Device.generate()
        raise LookupError("on purpose")

    whole = Seeded(b"one", NOW)
    _, second = [whole.run(Device.generate).secret() for _ in range(2)]
    broken_off = Seeded(b"one", NOW)
    with pytest.raises(LookupError, match="on purpose"):
        broken_off.run(fail)
    assert Device.generate().secret() != second
    assert broken_off.run(Device.generate).secret() == second


def test_rows_of_a_seeded_device_are_rows_like_any(suite: int) -> None:
    here = Seeded(b"one", NOW).run(world, suite, "alice", "bob")
    alice, bob = here.people
    assert bob.reads(alice.says(b"hello")).plaintext == b"hello"
    here.accept(bob, bob.group.commit_update(message_id(9)))
    assert alice.reads(bob.says(b"hi")).plaintext == b"hi"


def test_what_is_no_seed_is_refused() -> None:
    with pytest.raises(TypeError):
        Seeded("text", NOW)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        Seeded(b"one", -1)
