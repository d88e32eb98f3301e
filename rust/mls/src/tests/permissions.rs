//! Who may do what in a commit: admins and their roles, everybody for their own devices, nobody for itself.

use openmls::prelude::{
    Extension, ExtensionType, Extensions, GroupContext, RequiredCapabilitiesExtension,
    UnknownExtension,
};

use super::forgery::{honest_package, leaf};
use super::{both_suites, id, world, Person, World, ALICE, ANY, BOB, CAROL};
use crate::config;
use crate::error::Error;
use crate::group::Processed;
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

    // An admin may.
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
fn an_admin_makes_admins_and_unmakes_them() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let [alice, bob] = [ALICE, BOB].map(|person| world.people[person].identity.public());
        let by_alice = world.people[ALICE].group();
        let promotion = by_alice.commit_roles(&[bob], &[], id(1)).unwrap();
        let key = world.people[ALICE].key();
        let change = world
            .tracker
            .process(&promotion.commit, &key, &promotion.group_info, ANY)
            .unwrap();
        assert_eq!((change.promoted(), change.demoted()), (vec![bob], vec![]));
        world.accept(ALICE, &promotion);
        assert!(world.tracker.members().iter().all(|member| member.admin));

        let by_bob = world.people[BOB].group();
        let demotion = by_bob.commit_roles(&[], &[alice], id(2)).unwrap();
        let seen = world.people[ALICE].group().process(&demotion.commit, ANY);
        let Ok(Processed::Change(change)) = seen else {
            panic!("not a change");
        };
        assert_eq!((change.promoted(), change.demoted()), (vec![], vec![alice]));
        world.accept(BOB, &demotion);

        let package = Person::new("dave").key_package(suite);
        let by_alice = world.people[ALICE].group();
        let refused = by_alice.commit_add(std::slice::from_ref(&package), id(3));
        assert_eq!(refused, Err(Error::Refused(Refusal::AddByOther)));
        let by_bob = world.people[BOB].group();
        by_bob.commit_add(&[package], id(3)).unwrap();
    });
}

#[test]
fn roles_that_cannot_be_are_not_committed() {
    let mut world = world();
    let [alice, bob] = [ALICE, BOB].map(|person| world.people[person].identity.public());
    let stranger = Person::new("dave").identity.public();
    let refused = |world: &mut World, person: usize, promote: &[_], demote: &[_]| {
        let person = &mut world.people[person];
        let error = person.group().commit_roles(promote, demote, id(1));
        assert!(!person.group().is_pending());
        assert_eq!(person.save(), 0);
        error.unwrap_err()
    };
    let rule = Error::Refused;
    let by_bob = refused(&mut world, BOB, &[bob], &[]);
    assert_eq!(by_bob, rule(Refusal::RolesByOther));
    let nobody = refused(&mut world, ALICE, &[], &[alice]);
    assert_eq!(nobody, rule(Refusal::NoAdmin));
    let unknown = refused(&mut world, ALICE, &[stranger], &[]);
    assert_eq!(unknown, rule(Refusal::RolesOfStranger));
    for (promote, demote) in [(vec![], vec![bob]), (vec![alice], vec![]), (vec![], vec![])] {
        let same = refused(&mut world, ALICE, &promote, &demote);
        assert!(matches!(same, Error::Malformed(_)));
    }
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
fn an_admin_is_an_account_in_the_group() {
    let mut world = world();
    let alice = world.people[ALICE].identity.public();
    let with_stranger = Roles::from_admins([alice, [9; 32]].into()).unwrap();
    let forged = world.forge(ALICE, |commit| {
        commit
            .propose_group_context_extensions(config::context_extensions(&with_stranger).unwrap())
            .unwrap()
    });
    world.all_refuse(ALICE, &forged, || Refusal::RolesOfStranger);
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
