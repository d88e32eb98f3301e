//! Who may do what in a commit: admins and their roles, everybody for their own devices, nobody for itself.

use openmls::prelude::{
    Extension, ExtensionType, Extensions, GroupContext, RequiredCapabilitiesExtension,
    UnknownExtension,
};

use super::forgery::{honest_package, leaf};
use super::{id, world, Person, World, ALICE, ANY, BOB, CAROL};
use crate::config;
use crate::error::Error;
use crate::policy::Refusal;
use crate::roles::{self, Roles};
use crate::suite::Suite;

fn context(extensions: Vec<Extension>) -> Extensions<GroupContext> {
    Extensions::from_vec(extensions).unwrap()
}

#[test]
fn only_an_admin_adds() {
    let mut world = world();
    let dave = Person::new("dave");
    let forged = world.forge(BOB, |commit| commit.propose_adds([honest_package(&dave)]));
    world.all_refuse(BOB, &forged, || Refusal::AddByOther);

    let package = dave.key_package(Suite::Classical);
    let bob = &mut world.people[BOB];
    let own = bob.group().commit_add(&[package], id(1)).unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::AddByOther));
    assert!(!bob.group().is_pending());
    assert_eq!(bob.save(), 0);
    bob.group().commit_update(id(2)).unwrap();
}

#[test]
fn only_an_admin_removes_other_accounts() {
    let mut world = world();
    for target in [ALICE, CAROL] {
        let target = leaf(&world, target);
        let forged = world.forge(BOB, |commit| commit.propose_removals([target]));
        world.all_refuse(BOB, &forged, || Refusal::RemoveByOther);
    }
    let carol = world.people[CAROL].key();
    let bob = &mut world.people[BOB];
    let own = bob.group().commit_remove(&[carol], id(1)).unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::RemoveByOther));
    assert!(!bob.group().is_pending());
    assert_eq!(bob.save(), 0);
}

#[test]
fn anybody_removes_other_devices_of_their_own_account() {
    let bob = Person::new("bob");
    let laptop = bob.second_device();
    let mut world = World::of(Suite::Classical, vec![Person::new("alice"), bob, laptop]);
    let laptop = world.people[2].key();
    let pending = world.people[BOB]
        .group()
        .commit_remove(&[laptop], id(2))
        .unwrap();
    world.accept(BOB, &pending);
    assert!(!world.people[2].group().active());
    assert_eq!(world.tracker.members().len(), 2);
}

#[test]
fn only_an_admin_changes_roles_and_nothing_else_with_them() {
    let mut world = world();
    let bobs = world.people[BOB].identity.public();
    let both = |world: &World| {
        let alice = world.people[ALICE].identity.public();
        let mut keys = [alice, bobs];
        keys.sort_unstable();
        Roles::decode(&[vec![1, 0x40, 64], keys.concat()].concat()).unwrap()
    };
    let new = both(&world);

    // An admin may, and the new admin may then add.
    let forged = world.forge(ALICE, |commit| {
        commit
            .propose_group_context_extensions(config::context_extensions(&new).unwrap())
            .unwrap()
    });
    let key = world.people[ALICE].key();
    world
        .tracker
        .process(&forged.commit, &key, &forged.group_info, ANY)
        .unwrap();

    // Bob may not, not even to what is there already.
    let same = Roles::of(world.people[ALICE].identity.public());
    for roles in [&new, &same] {
        let forged = world.forge(BOB, |commit| {
            commit
                .propose_group_context_extensions(config::context_extensions(roles).unwrap())
                .unwrap()
        });
        world.all_refuse(BOB, &forged, || Refusal::RolesByOther);
    }

    // And an admin changes roles alone, in their one form.
    let required = || Extension::RequiredCapabilities(config::required_capabilities());
    let wider = RequiredCapabilitiesExtension::new(
        &[
            ExtensionType::Unknown(roles::EXTENSION),
            ExtensionType::ApplicationId,
        ],
        &[],
        &[],
    );
    let roles = || Extension::Unknown(roles::EXTENSION, UnknownExtension(new.encode()));
    for extensions in [
        vec![required()],
        vec![roles(), Extension::RequiredCapabilities(wider)],
    ] {
        let forged = world.forge(ALICE, |commit| {
            commit
                .propose_group_context_extensions(context(extensions))
                .unwrap()
        });
        world.all_refuse(ALICE, &forged, || Refusal::GroupExtensions);
    }
    let garbage = Extension::Unknown(roles::EXTENSION, UnknownExtension(b"garbage".to_vec()));
    let extensions = vec![required(), garbage];
    let forged = world.forge(ALICE, |commit| {
        commit
            .propose_group_context_extensions(context(extensions))
            .unwrap()
    });
    world.all_refuse(ALICE, &forged, || Refusal::Roles);
}

#[test]
fn a_group_keeps_an_admin() {
    let mut world = world();
    let nobody = Roles::of([9; 32]);
    let forged = world.forge(ALICE, |commit| {
        commit
            .propose_group_context_extensions(config::context_extensions(&nobody).unwrap())
            .unwrap()
    });
    world.all_refuse(ALICE, &forged, || Refusal::NoAdmin);
}

#[test]
fn nobody_removes_itself() {
    let mut world = world();
    let alice = &mut world.people[ALICE];
    let key = alice.key();
    let own = alice.group().commit_remove(&[key], id(1)).unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::RemovesItself));
    assert_eq!(alice.save(), 0);
}
