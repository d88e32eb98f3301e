//! Welcomes: whom they let in, that a failed one can be tried again, and that they use their key package up.

use openmls::prelude::KeyPackageBundle;
use openmls_traits::storage::StorageProvider as _;
use openmls_traits::OpenMlsProvider as _;

use super::{both_suites, bytes, id, Person, World, ALICE, ANY, BOB, GROUP};
use crate::error::Error;
use crate::key_package::{inspect, validate};
use crate::policy::Refusal;
use crate::provider::{DeviceSigner, Provider};
use crate::suite::Suite;

#[test]
fn a_join_that_failed_can_be_tried_again() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let mut dave = Person::new("dave");
        let package = dave.key_package(suite);
        dave.save();
        let old_tree = world.people[ALICE].group().tree().unwrap();
        let pending = world.people[ALICE]
            .group()
            .commit_add(&[package], id(1))
            .unwrap();
        let tree = world.accept(ALICE, &pending);
        let welcome = pending.welcome.unwrap();

        assert!(matches!(
            dave.join(&welcome, &old_tree),
            Err(Error::NotAuthentic(_))
        ));
        assert!(matches!(
            dave.join(&welcome, b"no tree"),
            Err(Error::Malformed(_))
        ));
        let mut changed = welcome.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(matches!(
            dave.join(&changed, &tree),
            Err(Error::NotAuthentic(_))
        ));
        assert_eq!(dave.save(), 0);

        dave.join(&welcome, &tree).unwrap();
        assert!(matches!(
            dave.join(&welcome, &tree),
            Err(Error::Unreadable(_))
        ));
        let mut eve = Person::new("eve");
        assert!(matches!(
            eve.join(&welcome, &tree),
            Err(Error::Unreadable(_))
        ));
    });
}

/// A Welcome for one key package into a tree that holds another of the same device: we could read, and never follow a commit.
#[test]
fn a_tree_must_hold_the_leaf_of_the_key_package() {
    let mut world = World::new(Suite::Classical, &["alice"]);
    let mut dave = Person::new("dave");
    let packages = [
        dave.key_package(Suite::Classical),
        dave.key_package(Suite::Classical),
    ];
    let references = packages
        .clone()
        .map(|package| inspect(&package).unwrap().reference);
    let pending = world.people[ALICE]
        .group()
        .commit_add(&packages[..1], id(1))
        .unwrap();
    let tree = world.accept(ALICE, &pending);

    // What alice cannot forge but for the init key of the first: the Welcome names the second, and opens.
    let store = dave.store.clone();
    let provider = Provider::new(&store);
    let bundles = packages.map(|package| {
        let package = validate(&package, Suite::Classical).unwrap();
        let reference = package.hash_ref(provider.crypto()).unwrap();
        let bundle: KeyPackageBundle = provider.storage().key_package(&reference).unwrap().unwrap();
        (reference, serde_json::to_value(bundle).unwrap())
    });
    let mut mixed = bundles[1].1.clone();
    mixed["private_init_key"] = bundles[0].1["private_init_key"].clone();
    let mixed: KeyPackageBundle = serde_json::from_value(mixed).unwrap();
    provider
        .storage()
        .write_key_package(&bundles[1].0, &mixed)
        .unwrap();
    provider
        .storage()
        .delete_key_package(&bundles[0].0)
        .unwrap();
    let mut welcome = pending.welcome.unwrap();
    let start = welcome
        .windows(32)
        .position(|window| window == references[0])
        .unwrap();
    welcome[start..start + 32].copy_from_slice(&references[1]);

    let joined = dave.join(&welcome, &tree);
    assert_eq!(joined, Err(Error::Refused(Refusal::OwnLeaf)));
}

/// A key package is for one use: its private part is gone from the rows once its owner has joined.
#[test]
fn joining_uses_the_key_package_up() {
    let world = World::new(Suite::Classical, &["alice", "bob"]);
    let bob = &world.people[BOB];
    assert!(bob.disk.iter().all(|row| row.0 == GROUP));
}

#[test]
fn who_was_removed_can_be_added_again() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let bob = world.people[BOB].key();
        let away = world.people[ALICE]
            .group()
            .commit_remove(&[bob], id(1))
            .unwrap();
        let change = world
            .tracker
            .process(
                &away.commit,
                &world.people[ALICE].key(),
                &away.group_info,
                ANY,
            )
            .unwrap();
        world.tracker.merge(&change).unwrap();
        world.people[ALICE].group().merge_pending().unwrap();
        let package = world.people[BOB].key_package(suite);
        let back = world.people[ALICE]
            .group()
            .commit_add(&[package], id(2))
            .unwrap();
        world.people[ALICE].group().merge_pending().unwrap();
        let tree = world.people[ALICE].group().tree().unwrap();
        let welcome = back.welcome.unwrap();

        let bob = &mut world.people[BOB];
        let early = bob.join(&welcome, &tree).unwrap_err();
        assert_eq!(early, Error::Refused(Refusal::AlreadyMember));
        bob.follow(&away.commit);
        bob.save();
        bob.join(&welcome, &tree).unwrap();
        bob.save();
        bob.restart();
        assert!(bob.group().active());
        let message = world.people[ALICE]
            .group()
            .encrypt(b"welcome back", id(3))
            .unwrap();
        assert_eq!(world.people[BOB].reads(&message), b"welcome back");
    });
}

#[test]
fn a_welcome_brings_no_tree() {
    let mut world = World::new(Suite::Classical, &["alice"]);
    let dave = Person::new("dave");
    let package = dave.key_package(Suite::Classical);
    let package = validate(&package, Suite::Classical).unwrap();
    let alice = &mut world.people[ALICE];
    let provider = Provider::new(&alice.store);
    let signer = DeviceSigner(&alice.device);
    let mls = &mut alice.group.as_mut().unwrap().mls;
    let messages = mls
        .commit_builder()
        .propose_adds([package])
        .load_psks(provider.storage())
        .unwrap()
        .use_ratchet_tree_extension(true)
        .build(provider.rand(), provider.crypto(), &signer, |_| true)
        .unwrap()
        .stage_commit(&provider)
        .unwrap();
    let (_, welcome, _) = messages.into_messages();
    mls.merge_pending_commit(&provider).unwrap();
    let tree = alice.group().tree().unwrap();
    let mut dave = dave;
    let error = dave.join(&bytes(&welcome.unwrap()), &tree).unwrap_err();
    assert_eq!(error, Error::Refused(Refusal::Welcome));
}
