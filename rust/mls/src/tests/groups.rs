//! Groups over time: how they begin, who is in them, and what those who left and messages that come late can still do.

use std::sync::Arc;

use super::{both_suites, id, Person, World, ALICE, ANY, BOB, CAROL, GROUP};
use crate::error::Error;
use crate::group::{Group, Processed};
use crate::store::Store;
use crate::suite::Suite;

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
    let Processed::Application(message) = bob.group().process(&late[3], ANY).unwrap() else {
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
fn everyone_exports_the_same() {
    let mut world = World::new(Suite::Hybrid, &["alice", "bob"]);
    let export =
        |person: &mut Person, label: &str| person.group().export(label, b"context", 32).unwrap();
    let of_alice = export(&mut world.people[ALICE], "test");
    assert_eq!(of_alice, export(&mut world.people[BOB], "test"));
    assert_ne!(of_alice, export(&mut world.people[BOB], "other"));
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
    let application = bob.process(&message, ANY).unwrap();
    let change = bob.process(&commit.commit, ANY).unwrap();
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
