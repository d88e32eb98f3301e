//! Leaf signatures that are verified beforehand: all of a true tree, and none that is not one.

use super::{both_suites, id, World, ALICE, BOB, GROUP};
use crate::verified::Verified;

/// Alice's and Bob's leaves come from commits, Carol's from a key package.
fn grown(suite: crate::Suite) -> (World, Vec<u8>) {
    let mut world = World::new(suite, &["alice", "bob", "carol", "dave"]);
    let mut tree = Vec::new();
    for committer in [BOB, ALICE] {
        let pending = world.people[committer].group().commit_update(id(7));
        tree = world.accept(committer, &pending.unwrap());
    }
    (world, tree)
}

#[test]
fn every_leaf_of_a_true_tree_is_known_to_hold() {
    both_suites(|suite| {
        let (_, tree) = grown(suite);
        assert_eq!(Verified::of_tree(&tree, &GROUP).count(), 4);
    });
}

#[test]
fn in_another_group_leaves_of_commits_do_not_hold_and_so_none_is_known() {
    both_suites(|suite| {
        let (_, tree) = grown(suite);
        assert_eq!(Verified::of_tree(&tree, &[1; 16]).count(), 0);
    });
}

#[test]
fn what_is_damaged_or_no_tree_is_left_to_the_library() {
    both_suites(|suite| {
        let (mut world, tree) = grown(suite);
        let member = world.people[BOB].key();
        let key = tree.windows(32).position(|part| part == member).unwrap();
        let mut damaged = tree.clone();
        damaged[key] ^= 1;
        assert_eq!(
            Verified::of_tree(&damaged, &GROUP).count(),
            0,
            "it ends at the first"
        );
        for length in (0..tree.len()).step_by(101) {
            assert_eq!(Verified::of_tree(&tree[..length], &GROUP).count(), 0);
        }
        // The library still refuses it.
        let info = world.people[ALICE].group().group_info().unwrap();
        assert!(crate::Tracker::from_group_info(&info, &tree).is_ok());
        assert!(crate::Tracker::from_group_info(&info, &damaged).is_err());
    });
}

#[test]
fn only_the_very_same_signature_is_covered() {
    let (mut world, tree) = grown(crate::Suite::ALL[0]);
    let verified = Verified::of_tree(&tree, &GROUP);
    let message = b"what nobody signed";
    let signature = world.people[ALICE].device.sign_raw(message);
    assert!(!verified.covers(&world.people[ALICE].key(), message, &signature));
    // A signature of the tree, under its own key, for something else.
    let node = world.people[ALICE].group().mls.own_leaf_node().cloned();
    let leaf = tls_codec::Serialize::tls_serialize_detached(&node.unwrap()).unwrap();
    let signature = &leaf[leaf.len() - 64..];
    assert!(!verified.covers(&world.people[ALICE].key(), message, signature));
}
