//! What a node could send that nobody in the group made: it must never look like a failure of our own, which would be tried again
//! for ever, and never touch the state.

use super::{both_suites, id, Person, World, ANY, GROUP};
use crate::error::Error;
use crate::message::parse;
use crate::wire;
use crate::{message, Tracker};

/// A generator good enough to shake bytes with, the same every time.
struct Shaker(u64);

impl Shaker {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// Flips, cuts, doubles and inserts.
    fn shake(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shaken = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(shaken.len().max(1));
            match self.below(4) {
                0 if !shaken.is_empty() => shaken[at] ^= 1 << self.below(8),
                1 => shaken.truncate(at),
                2 => shaken.insert(at, u8::try_from(self.below(256)).unwrap()),
                _ => {
                    let end = (at + self.below(40)).min(shaken.len());
                    let part = shaken[at.min(end)..end].to_vec();
                    shaken.splice(at..at, part);
                }
            }
        }
        shaken
    }
}

fn is_deterministic(error: &Error) -> bool {
    !matches!(error, Error::State(_))
}

#[test]
fn shaken_messages_are_refused_and_the_true_ones_still_work() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let spoken = world.people[0].group().encrypt(b"hello", id(1)).unwrap();
        let commit = world.people[0].group().commit_update(id(2)).unwrap();
        let key = world.people[0].key();
        let bob = &mut world.people[1];
        let mut shaker = Shaker(suite.code().into());
        for _ in 0..400 {
            for original in [&spoken, &commit.commit] {
                let shaken = shaker.shake(original);
                if shaken == *original {
                    continue;
                }
                let error = bob.refuses(&shaken);
                assert!(is_deterministic(&error), "{error}");
                let _ = message::inspect(&shaken);
            }
            let info = shaker.shake(&commit.group_info);
            if info != commit.group_info {
                let error = world
                    .tracker
                    .process(&commit.commit, &key, &info, ANY)
                    .unwrap_err();
                assert!(is_deterministic(&error), "{error}");
            }
        }
        assert_eq!(bob.save(), 0);
        assert_eq!(bob.reads(&spoken), b"hello");
        bob.follow(&commit.commit);
    });
}

#[test]
fn shaken_welcomes_and_trees_cost_no_key_package() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let mut dave = Person::new("dave");
        let package = dave.key_package(suite);
        dave.save();
        let pending = world.people[0]
            .group()
            .commit_add(&[package], id(1))
            .unwrap();
        let tree = world.accept(0, &pending);
        let welcome = pending.welcome.unwrap();
        let mut shaker = Shaker(7);
        for _ in 0..300 {
            let (other_welcome, other_tree) = (shaker.shake(&welcome), shaker.shake(&tree));
            if other_welcome != welcome {
                let error = dave.join(&other_welcome, &tree).unwrap_err();
                assert!(is_deterministic(&error), "{error}");
            }
            if other_tree != tree {
                let error = dave.join(&welcome, &other_tree).unwrap_err();
                assert!(is_deterministic(&error), "{error}");
                let error = Tracker::from_group_info(&pending.group_info, &other_tree).unwrap_err();
                assert!(is_deterministic(&error), "{error}");
            }
        }
        assert_eq!(dave.save(), 0);
        dave.join(&welcome, &tree).unwrap();
    });
}

/// Well-formed around nothing: every length of what a PrivateMessage holds.
#[test]
fn an_empty_or_short_private_message_is_not_authentic() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let bob = &mut world.people[1];
        for sender_data in [0, 1, 12, 15, 16, 28, 40] {
            for ciphertext in [0, 1, 15, 16, 31, 32, 33, 300] {
                let message = [
                    vec![0, 1, 0, 2],
                    wire::vector(&GROUP).unwrap(),
                    1u64.to_be_bytes().to_vec(),
                    vec![1],
                    wire::vector(&id(1)).unwrap(),
                    wire::vector(&vec![3; sender_data]).unwrap(),
                    wire::vector(&vec![4; ciphertext]).unwrap(),
                ]
                .concat();
                parse(&message).unwrap();
                assert!(matches!(bob.refuses(&message), Error::NotAuthentic(_)));
            }
        }
        assert_eq!(bob.save(), 0);
    });
}
