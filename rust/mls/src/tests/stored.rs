//! What is on disk: a group goes on from its rows at any step, and what was refused or discarded left none.

use std::time::Duration;

use super::{both_suites, id, Person, World, ALICE, BOB, GROUP};
use crate::error::Error;
use crate::group::Group;
use crate::store::Row;
use crate::suite::Suite;

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

fn sorted(rows: &[Row]) -> Vec<Row> {
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

/// A past epoch is as large as the group, so it is written again only when it has changed: when a late message of it was read.
#[test]
fn a_message_rewrites_no_past_epoch() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let late = world.people[ALICE].group().encrypt(b"late", id(1)).unwrap();
        for n in 2..4 {
            let pending = world.people[ALICE].group().commit_update(id(n)).unwrap();
            world.accept(ALICE, &pending);
        }
        let message = world.people[ALICE].group().encrypt(b"new", id(4)).unwrap();
        let bob = &mut world.people[BOB];
        bob.save();

        bob.group().encrypt(b"sent", id(5)).unwrap();
        assert_eq!(bob.save(), 1);
        assert_eq!(bob.reads(&message), b"new");
        assert_eq!(bob.save(), 1);
        assert_eq!(bob.reads(&late), b"late");
        bob.group()
            .encrypt(b"sent before the batch ends", id(6))
            .unwrap();
        assert_eq!(bob.save(), 2);

        bob.restart();
        for read in [&late, &message] {
            assert!(matches!(bob.refuses(read), Error::Unreadable(_)));
        }
        assert_eq!(bob.save(), 0);
    });
}

/// The age is taken by the system's clock, so here everything is either older than nothing or younger than a day.
#[test]
fn past_epochs_are_forgotten_by_age() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let late = world.people[ALICE].group().encrypt(b"late", id(1)).unwrap();
    let pending = world.people[ALICE].group().commit_update(id(2)).unwrap();
    world.accept(ALICE, &pending);
    let bob = &mut world.people[BOB];
    bob.save();
    bob.group()
        .forget_epochs(Duration::from_secs(86_400))
        .unwrap();
    bob.save();
    bob.restart();
    assert_eq!(bob.reads(&late), b"late");

    bob.restart(); // what was read was not saved
    bob.group().forget_epochs(Duration::ZERO).unwrap();
    bob.save();
    bob.restart();
    assert!(matches!(
        bob.refuses(&late),
        Error::Unreadable(_) | Error::EpochStale
    ));
}
