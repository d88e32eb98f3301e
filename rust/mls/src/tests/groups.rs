//! Groups over time: storage, races, losses, and messages that come too late.

use std::sync::Arc;

use super::{both_suites, id, Person, World, GROUP};
use crate::error::Error;
use crate::group::{Group, Processed};
use crate::policy::Refusal;
use crate::store::Store;
use crate::suite::Suite;

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

#[test]
fn a_group_lives_through_restarts_after_every_step() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        for round in 0..6 {
            for person in &mut world.people {
                person.save();
                person.restart();
            }
            world.assert_agreed();
            let sender = round % 3;
            let message = world.people[sender]
                .group()
                .encrypt(b"hello", id(9))
                .unwrap();
            for (index, person) in world.people.iter_mut().enumerate() {
                if index != sender {
                    assert_eq!(person.reads(&message), b"hello");
                }
                person.save();
                person.restart();
            }
            let pending = world.people[sender].group().commit_update(id(10)).unwrap();
            world.people[sender].save();
            world.people[sender].restart();
            assert!(world.people[sender].group().is_pending());
            world.accept(sender, &pending);
        }
        assert_eq!(world.tracker.epoch(), 7);
    });
}

/// Adds and removes all over the tree: what the policy computes about leaves is what the library does.
#[test]
fn leaves_are_taken_as_the_policy_says() {
    let names = ["alice", "b", "c", "d", "e", "f"];
    let mut world = World::new(Suite::Classical, &names);
    let mut seed = 7u32;
    for round in 0..24 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let present: Vec<usize> = (1..world.people.len())
            .filter(|index| world.people[*index].group.as_ref().unwrap().active())
            .collect();
        let pick = |n: u32| present[(seed >> n) as usize % present.len()];
        if round % 2 == 0 && present.len() > 2 {
            let (first, second) = (pick(8), pick(16));
            let mut gone = vec![world.people[first].key()];
            if second != first {
                gone.push(world.people[second].key());
            }
            let pending = world.people[ALICE]
                .group()
                .commit_remove(&gone, id(1))
                .unwrap();
            world.accept(ALICE, &pending);
        } else {
            let newcomers = (0..=round % 3)
                .map(|n| Person::new(&format!("n{round}{n}")))
                .collect();
            world.add(newcomers);
            let updater = pick(12);
            let pending = world.people[updater].group().commit_update(id(2)).unwrap();
            world.accept(updater, &pending);
        }
    }
}

#[test]
fn a_replay_a_forgery_and_ones_own_message_write_nothing() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let message = world.people[ALICE].group().encrypt(b"once", id(1)).unwrap();
        let own = world.people[ALICE].refuses(&message);
        assert!(matches!(own, Error::Unreadable(_)));

        let bob = &mut world.people[BOB];
        for position in [20, 60, message.len() / 2, message.len() - 1] {
            let mut changed = message.clone();
            changed[position] ^= 1;
            let error = bob.refuses(&changed);
            assert!(!matches!(error, Error::State(_)), "{position}: {error}");
            assert_eq!(bob.save(), 0);
        }
        assert_eq!(bob.reads(&message), b"once");
        assert!(bob.save() > 0);
        assert!(matches!(bob.refuses(&message), Error::Unreadable(_)));
        assert_eq!(bob.save(), 0);
        bob.restart();
        assert!(matches!(bob.refuses(&message), Error::Unreadable(_)));
    });
}

/// What a batch of reads leaves on disk does not depend on how often it was flushed in between.
#[test]
fn deferring_ends_in_the_same_rows() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let messages: Vec<Vec<u8>> = (0..5)
        .map(|n| world.people[ALICE].group().encrypt(&[n], id(n)).unwrap())
        .collect();
    let bob = &mut world.people[BOB];
    let before = bob.disk.clone();
    for message in &messages {
        bob.reads(message);
        assert!(bob.save() > 0);
    }
    let often = sorted(&bob.disk);

    bob.disk = before;
    bob.restart();
    for message in &messages {
        bob.reads(message);
        assert!(bob.store.take_delta().unwrap().is_empty());
    }
    bob.save();
    assert_eq!(sorted(&bob.disk), often);
}

fn sorted(rows: &[crate::store::Row]) -> Vec<crate::store::Row> {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    rows
}

#[test]
fn merging_and_sending_write_what_reading_deferred() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let message = world.people[ALICE]
        .group()
        .encrypt(b"first", id(1))
        .unwrap();
    let second = world.people[ALICE]
        .group()
        .encrypt(b"second", id(2))
        .unwrap();
    let commit = world.people[ALICE].group().commit_update(id(3)).unwrap();

    let bob = &mut world.people[BOB];
    bob.reads(&message);
    bob.group().encrypt(b"answer", id(4)).unwrap();
    let delta = bob.store.take_delta().unwrap();
    bob.disk
        .retain(|row| !delta.iter().any(|new| new.0 == row.0 && new.1 == row.1));
    bob.disk.extend(
        delta
            .into_iter()
            .filter_map(|(scope, key, value)| Some((scope, key, value?))),
    );
    bob.restart();
    assert!(matches!(bob.refuses(&message), Error::Unreadable(_)));

    bob.reads(&second);
    bob.follow(&commit.commit);
    let delta = bob.store.take_delta().unwrap();
    bob.disk
        .retain(|row| !delta.iter().any(|new| new.0 == row.0 && new.1 == row.1));
    bob.disk.extend(
        delta
            .into_iter()
            .filter_map(|(scope, key, value)| Some((scope, key, value?))),
    );
    bob.restart();
    assert!(matches!(bob.refuses(&second), Error::Unreadable(_)));
}

#[test]
fn what_was_discarded_is_done_again() {
    let mut world = World::new(Suite::Hybrid, &["alice", "bob"]);
    let message = world.people[ALICE]
        .group()
        .encrypt(b"hello", id(1))
        .unwrap();
    let commit = world.people[ALICE].group().commit_update(id(2)).unwrap();

    let bob = &mut world.people[BOB];
    for _ in 0..2 {
        assert_eq!(bob.reads(&message), b"hello");
        bob.follow(&commit.commit);
        assert_eq!(bob.group().epoch(), 2);
        bob.store.discard().unwrap();
        bob.group = Group::load(&bob.store, &bob.device, &GROUP).unwrap();
        assert_eq!(bob.group().epoch(), 1);
    }
    assert_eq!(bob.reads(&message), b"hello");
    let change = bob.follow(&commit.commit);
    assert_eq!(change.epoch(), 2);
}

#[test]
fn of_two_commits_one_wins() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        let of_alice = world.people[ALICE].group().commit_update(id(1)).unwrap();
        let of_bob = world.people[BOB].group().commit_update(id(2)).unwrap();
        let (alice, bob) = (world.people[ALICE].key(), world.people[BOB].key());

        let change = world
            .tracker
            .process(&of_bob.commit, &bob, &of_bob.group_info)
            .unwrap();
        world.tracker.merge(&change).unwrap();
        let late = world
            .tracker
            .process(&of_alice.commit, &alice, &of_alice.group_info);
        assert_eq!(late.unwrap_err(), Error::EpochStale);

        let change = world.people[ALICE].follow(&of_bob.commit);
        assert_eq!(change.message_id(), id(2));
        assert!(!world.people[ALICE].group().is_pending());
        let Processed::OwnCommit(own) = world.people[BOB].group().process(&of_bob.commit).unwrap()
        else {
            panic!("bob does not know his own commit");
        };
        assert_eq!((own.message_id, own.epoch), (id(2), 2));
        world.people[BOB].group().merge_pending().unwrap();
        world.people[CAROL].follow(&of_bob.commit);
        world.assert_agreed();
        for person in [ALICE, CAROL] {
            assert_eq!(
                world.people[person].refuses(&of_alice.commit),
                Error::EpochStale
            );
        }

        let again = world.people[ALICE].group().commit_update(id(1)).unwrap();
        world.accept(ALICE, &again);
    });
}

#[test]
fn a_commit_that_was_cleared_and_then_seen_cannot_be_followed() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let alice = &mut world.people[ALICE];
    let commit = alice.group().commit_update(id(1)).unwrap();
    alice.group().clear_pending().unwrap();
    assert!(matches!(
        alice.refuses(&commit.commit),
        Error::Unreadable(_)
    ));
    assert!(matches!(
        alice.group().clear_pending(),
        Err(Error::State(_))
    ));
    assert!(matches!(
        alice.group().merge_pending(),
        Err(Error::State(_))
    ));
}

#[test]
fn nothing_else_is_made_while_a_commit_is_pending() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let alice = world.people[ALICE].group();
    alice.commit_update(id(1)).unwrap();
    assert!(matches!(alice.encrypt(b"hi", id(2)), Err(Error::State(_))));
    assert!(matches!(alice.commit_update(id(2)), Err(Error::State(_))));
    alice.clear_pending().unwrap();
    alice.encrypt(b"hi", id(2)).unwrap();
}

#[test]
fn who_was_removed_reads_nothing_new() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        world.people[BOB].save();
        let bob = world.people[BOB].key();
        let pending = world.people[ALICE]
            .group()
            .commit_remove(&[bob], id(1))
            .unwrap();
        let before = world.people[BOB].disk.clone();
        world.accept(ALICE, &pending);
        let secret = world.people[ALICE]
            .group()
            .encrypt(b"without bob", id(2))
            .unwrap();
        assert_eq!(world.people[CAROL].reads(&secret), b"without bob");

        let bob = &mut world.people[BOB];
        assert!(!bob.group().active());
        assert!(matches!(bob.refuses(&secret), Error::Unreadable(_)));
        assert!(matches!(
            bob.group().encrypt(b"still here", id(3)),
            Err(Error::State(_))
        ));
        assert!(matches!(
            bob.group().commit_update(id(3)),
            Err(Error::State(_))
        ));

        // Nor does one who pretends that the commit never came.
        bob.disk = before;
        bob.restart();
        assert_eq!(bob.refuses(&secret), Error::EpochStale);
    });
}

#[test]
fn a_removal_names_itself() {
    let mut world = World::new(Suite::Classical, &["alice", "bob", "carol"]);
    let bob = world.people[BOB].key();
    let pending = world.people[ALICE]
        .group()
        .commit_remove(&[bob], id(1))
        .unwrap();
    for (index, removes_self) in [(BOB, true), (CAROL, false)] {
        let change = world.people[index].follow(&pending.commit);
        assert_eq!(change.removes_self(), removes_self);
        assert_eq!(change.removed()[0].certificate.device(), bob);
        assert!(change.added().is_empty());
    }
}

#[test]
fn messages_of_the_last_two_epochs_still_open() {
    let mut world = World::new(Suite::Classical, &["alice", "bob", "carol"]);
    let late: Vec<Vec<u8>> = (0..4)
        .map(|n| {
            let message = world.people[CAROL].group().encrypt(&[n], id(n)).unwrap();
            let pending = world.people[ALICE].group().commit_update(id(9)).unwrap();
            world.accept(ALICE, &pending);
            message
        })
        .collect();
    // Carol leaves; who she was when she spoke is still known.
    let carol = world.people[CAROL].key();
    let pending = world.people[ALICE]
        .group()
        .commit_remove(&[carol], id(8))
        .unwrap();
    world.accept(ALICE, &pending);
    let bob = &mut world.people[BOB];
    bob.save();
    bob.restart();
    let Processed::Application(message) = bob.group().process(&late[3]).unwrap() else {
        panic!("not an application message");
    };
    assert_eq!(
        (message.sender.certificate.username(), message.epoch),
        ("carol", 4)
    );
    for old in &late[..3] {
        assert!(matches!(bob.refuses(old), Error::Unreadable(_)));
    }
}

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
    use crate::provider::Provider;
    use openmls::prelude::KeyPackageBundle;
    use openmls_traits::storage::StorageProvider as _;
    use openmls_traits::OpenMlsProvider as _;

    let mut world = World::new(Suite::Classical, &["alice"]);
    let mut dave = Person::new("dave");
    let packages = [
        dave.key_package(Suite::Classical),
        dave.key_package(Suite::Classical),
    ];
    let references = packages
        .clone()
        .map(|package| crate::key_package::inspect(&package).unwrap().reference);
    let pending = world.people[ALICE]
        .group()
        .commit_add(&packages[..1], id(1))
        .unwrap();
    let tree = world.accept(ALICE, &pending);

    // What alice cannot forge but for the init key of the first: the Welcome names the second, and opens.
    let store = dave.store.clone();
    let provider = Provider::new(&store).unwrap();
    let bundles = packages.map(|package| {
        let package = crate::key_package::validate(&package, Suite::Classical).unwrap();
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
            .process(&away.commit, &world.people[ALICE].key(), &away.group_info)
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
    let package = crate::key_package::validate(&package, Suite::Classical).unwrap();
    let alice = &mut world.people[ALICE];
    let provider = crate::provider::Provider::new(&alice.store).unwrap();
    let signer = crate::provider::DeviceSigner(&alice.device);
    use openmls_traits::OpenMlsProvider as _;
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
    let error = dave
        .join(&super::bytes(&welcome.unwrap()), &tree)
        .unwrap_err();
    assert_eq!(error, Error::Refused(Refusal::Welcome));
}

#[test]
fn a_change_is_applied_once_and_where_it_was_checked() {
    let mut world = World::new(Suite::Classical, &["alice", "bob", "carol"]);
    let pending = world.people[ALICE].group().commit_update(id(1)).unwrap();
    let key = world.people[ALICE].key();
    let at_node = world
        .tracker
        .process(&pending.commit, &key, &pending.group_info)
        .unwrap();
    let bob = world.people[BOB].group();
    let Processed::Change(change) = bob.process(&pending.commit).unwrap() else {
        panic!("not a change");
    };
    let Processed::Change(other) = bob.process(&pending.commit).unwrap() else {
        panic!("not a change");
    };
    assert!(matches!(bob.merge(&at_node), Err(Error::State(_))));
    bob.merge(&change).unwrap();
    assert!(matches!(bob.merge(&change), Err(Error::State(_))));
    assert!(matches!(bob.merge(&other), Err(Error::State(_))));
    assert!(matches!(world.tracker.merge(&other), Err(Error::State(_))));
    assert!(matches!(
        world.tracker.tree_after(&at_node),
        Err(Error::State(_))
    ));
}

#[test]
fn a_stored_group_belongs_to_its_device() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let alice = &mut world.people[ALICE];
    let stranger = Person::new("stranger");
    assert!(matches!(
        Group::load(&alice.store, &stranger.device, &GROUP),
        Err(Error::State(_))
    ));
    assert!(Group::load(&alice.store, &alice.device, &[0; 16])
        .unwrap()
        .is_none());
}

#[test]
fn a_group_is_created_once_and_with_an_id_of_16_bytes() {
    let alice = Person::new("alice");
    let create = |id: &[u8]| {
        Group::create(
            &alice.store,
            &alice.device,
            &alice.certificate,
            id,
            Suite::Classical,
        )
        .map(|_| ())
    };
    assert!(matches!(create(b""), Err(Error::Malformed(_))));
    assert!(matches!(create(&[1; 15]), Err(Error::Malformed(_))));
    create(&GROUP).unwrap();
    assert!(matches!(create(&GROUP), Err(Error::State(_))));
}

#[test]
fn deleting_leaves_no_row() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let bob = world.people[BOB].key();
    let pending = world.people[ALICE]
        .group()
        .commit_remove(&[bob], id(1))
        .unwrap();
    world.accept(ALICE, &pending);
    for person in &mut world.people {
        person.save();
        person.group.take().unwrap().delete().unwrap();
        person.save();
        assert!(person.disk.iter().all(|row| row.0 != GROUP));
    }
}

#[test]
fn everyone_exports_the_same() {
    let mut world = World::new(Suite::Hybrid, &["alice", "bob"]);
    let export =
        |person: &mut Person, label: &str| person.group().export(label, b"context", 32).unwrap();
    let of_alice = export(&mut world.people[ALICE], "test");
    assert_eq!(of_alice, export(&mut world.people[BOB], "test"));
    assert_ne!(of_alice, export(&mut world.people[BOB], "other"));
}

#[test]
fn the_creator_is_the_admin() {
    let world = World::new(Suite::Classical, &["alice", "bob"]);
    let admins: Vec<bool> = world
        .tracker
        .members()
        .iter()
        .map(|member| member.admin)
        .collect();
    assert_eq!(admins, [true, false]);
}

#[test]
fn debug_shows_no_secret() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let message = world.people[ALICE]
        .group()
        .encrypt(b"a secret thing", id(1))
        .unwrap();
    let commit = world.people[ALICE].group().commit_update(id(2)).unwrap();
    let bob = world.people[BOB].group();
    let application = bob.process(&message).unwrap();
    let change = bob.process(&commit.commit).unwrap();
    assert_eq!(
        format!("{application:?}"),
        "Application(Application { epoch: 1, .. })"
    );
    assert_eq!(format!("{change:?}"), "Change(Change { epoch: 2, .. })");
    assert_eq!(format!("{bob:?}"), "Group { epoch: 1, .. }");
    assert_eq!(format!("{:?}", Arc::new(Store::new())), "Store(..)");
}

#[test]
fn a_group_may_be_worked_on_by_any_thread() {
    fn works_anywhere<T: Send + Sync>() {}
    works_anywhere::<Group>();
    works_anywhere::<crate::Tracker>();
    works_anywhere::<crate::Change>();
    works_anywhere::<Store>();
}
