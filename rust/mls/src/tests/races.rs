//! Commits that cross: of two one wins, one that waits holds up the others, and each is applied once.

use super::{both_suites, id, World, ALICE, ANY, BOB, CAROL};
use crate::error::Error;
use crate::group::Processed;
use crate::suite::Suite;

#[test]
fn of_two_commits_one_wins() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        let of_alice = world.people[ALICE].group().commit_update(id(1)).unwrap();
        let of_bob = world.people[BOB].group().commit_update(id(2)).unwrap();
        let (alice, bob) = (world.people[ALICE].key(), world.people[BOB].key());

        let change = world
            .tracker
            .process(&of_bob.commit, &bob, &of_bob.group_info, ANY)
            .unwrap();
        world.tracker.merge(&change).unwrap();
        let late = world
            .tracker
            .process(&of_alice.commit, &alice, &of_alice.group_info, ANY);
        assert_eq!(late.unwrap_err(), Error::EpochStale);

        let change = world.people[ALICE].follow(&of_bob.commit);
        assert_eq!(change.message_id(), id(2));
        assert!(!world.people[ALICE].group().is_pending());
        let Processed::OwnCommit(own) = world.people[BOB]
            .group()
            .process(&of_bob.commit, ANY)
            .unwrap()
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
fn a_change_is_applied_once_and_where_it_was_checked() {
    let mut world = World::new(Suite::Classical, &["alice", "bob", "carol"]);
    let pending = world.people[ALICE].group().commit_update(id(1)).unwrap();
    let key = world.people[ALICE].key();
    let at_node = world
        .tracker
        .process(&pending.commit, &key, &pending.group_info, ANY)
        .unwrap();
    let bob = world.people[BOB].group();
    let Processed::Change(change) = bob.process(&pending.commit, ANY).unwrap() else {
        panic!("not a change");
    };
    let Processed::Change(other) = bob.process(&pending.commit, ANY).unwrap() else {
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
