//! Leave requests: any member's commit removes who asks, and nobody else, and nobody twice.

use super::forgery::leaf;
use super::{both_suites, id, world, Person, World, ALICE, BOB, CAROL};
use crate::authenticated::Quote;
use crate::error::Error;
use crate::leave::{hash, LeaveRequest};
use crate::policy::Refusal;
use crate::suite::Suite;

fn quote(request: &[u8]) -> Quote {
    Quote::Leave(LeaveRequest::parse(request).unwrap())
}

const NOBODY: [&[u8]; 0] = [];

impl World {
    fn updates(&mut self, person: usize) {
        let update = self.people[person].group().commit_update(id(100)).unwrap();
        self.accept(person, &update);
    }

    /// A request of somebody who has been in the group long enough to make one.
    fn asks(&mut self, person: usize) -> Vec<u8> {
        self.updates(person);
        for person in &mut self.people {
            person.save();
        }
        self.people[person].group().leave_request().unwrap()
    }

    /// A commit of `forger` that removes `target` for what it quotes.
    fn removes(&mut self, forger: usize, target: usize, quotes: &[Quote]) -> crate::PendingCommit {
        let target = leaf(self, target);
        self.forge_quoting(forger, quotes, |commit| commit.propose_removals([target]))
    }
}

#[test]
fn anybody_removes_who_asks_to_leave() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        let request = world.asks(BOB);
        let device = world.people[BOB].key();
        for leaver in [
            world.tracker.leaver(&request).unwrap(),
            world.people[CAROL].group().leaver(&request).unwrap(),
        ] {
            assert_eq!(leaver.certificate.device(), device);
        }
        // Others may commit in between.
        world.updates(ALICE);
        let pending = world.people[CAROL]
            .group()
            .commit_remove_quoting(&NOBODY, vec![quote(&request)], id(7))
            .unwrap();
        // Whoever starts again while its commit is on the way has not kept what it quotes.
        let carol = &mut world.people[CAROL];
        carol.save();
        carol.restart();
        let key = carol.key();
        let change = world
            .tracker
            .process(&pending.commit, &key, &pending.group_info, super::ANY)
            .unwrap();
        assert_eq!((change.message_id(), change.left().len()), (id(7), 1));
        assert_eq!(change.left(), change.removed());
        assert_eq!(change.revoked(), []);
        world.accept(CAROL, &pending);
        assert!(!world.people[BOB].group().active());
        assert_eq!(world.tracker.members().len(), 2);
    });
}

#[test]
fn a_request_is_for_its_own_leaf_and_no_other() {
    let mut world = world();
    let request = world.asks(BOB);
    // Nobody goes in bob's stead, and bob's request is not quoted for nothing.
    let forged = world.removes(CAROL, ALICE, &[quote(&request)]);
    world.all_refuse(CAROL, &forged, || Refusal::RemoveByOther);
    let forged = world.removes(ALICE, CAROL, &[quote(&request)]);
    world.all_refuse(ALICE, &forged, || Refusal::QuotedInVain);
    let forged = world.forge_quoting(CAROL, &[quote(&request)], |commit| commit);
    world.all_refuse(CAROL, &forged, || Refusal::QuotedInVain);
}

#[test]
fn a_request_ends_with_the_next_commit_of_who_asked() {
    let mut world = world();
    let request = world.asks(BOB);
    world.updates(BOB);
    for person in &mut world.people {
        person.save();
    }
    let late = world.tracker.leaver(&request).unwrap_err();
    assert_eq!(late, Error::Refused(Refusal::LeaveRequest));
    let forged = world.removes(CAROL, BOB, &[quote(&request)]);
    world.all_refuse(CAROL, &forged, || Refusal::LeaveRequest);
}

#[test]
fn a_request_of_an_earlier_membership_removes_nobody() {
    let mut world = world();
    let request = world.asks(BOB);
    let gone = world.people[CAROL]
        .group()
        .commit_remove_quoting(&NOBODY, vec![quote(&request)], id(1))
        .unwrap();
    world.accept(CAROL, &gone);
    for person in &mut world.people {
        person.save();
    }
    // Nobody who is gone is removed again, but the quote would not hold.
    let forged = world.forge_quoting(CAROL, &[quote(&request)], |commit| commit);
    let refused = world.people[ALICE].refuses(&forged.commit);
    assert_eq!(refused, Error::Refused(Refusal::LeaveRequest));

    let bob = world.people.remove(BOB);
    world.add(vec![bob]);
    world.people.swap(BOB, CAROL);
    for person in &mut world.people {
        person.save();
    }
    for _ in 0..2 {
        let forged = world.removes(CAROL, BOB, &[quote(&request)]);
        world.all_refuse(CAROL, &forged, || Refusal::LeaveRequest);
        world.updates(BOB);
        for person in &mut world.people {
            person.save();
        }
    }
}

/// A last-resort KeyPackage can bring the same leaf back, and with it every request that was made for it.
#[test]
fn a_leaf_out_of_a_key_package_is_not_left() {
    let mut world = world();
    let bob = &mut world.people[BOB];
    let early = bob.group().leave_request().unwrap_err();
    assert_eq!(early, Error::Refused(Refusal::LeaveTooEarly));
    let node = bob.group().mls.own_leaf_node().unwrap();
    assert_eq!(hash(node), Ok(None));
    let request = LeaveRequest::sign(&bob.device, &super::GROUP, &[0; 32]);
    let forged = world.removes(CAROL, BOB, &[quote(&request)]);
    world.all_refuse(CAROL, &forged, || Refusal::LeaveRequest);
}

#[test]
fn a_request_is_for_one_group() {
    let mut world = world();
    world.updates(BOB);
    for person in &mut world.people {
        person.save();
    }
    let bob = &mut world.people[BOB];
    let node = bob.group().mls.own_leaf_node().unwrap();
    let hash = hash(node).unwrap().unwrap();
    let elsewhere = LeaveRequest::sign(&bob.device, &[1; 16], &hash);
    let forged = world.removes(CAROL, BOB, &[quote(&elsewhere)]);
    world.all_refuse(CAROL, &forged, || Refusal::LeaveRequest);
}

#[test]
fn a_request_is_signed_by_its_device() {
    let mut world = world();
    let request = world.asks(BOB);
    for at in 0..request.len() {
        let mut changed = request.clone();
        changed[at] ^= 1;
        assert!(LeaveRequest::parse(&changed).is_err(), "byte {at}");
        assert!(matches!(
            LeaveRequest::parse(&request[..at]),
            Err(Error::Malformed(_))
        ));
    }
    assert!(LeaveRequest::parse(&[&request[..], &[0]].concat()).is_err());
    // What carol signs in bob's name.
    let carol = &world.people[CAROL].device;
    let signed = &request[..request.len() - 64];
    let forged = [signed, &carol.sign("leave request", signed)].concat();
    assert!(matches!(
        LeaveRequest::parse(&forged),
        Err(Error::NotAuthentic(_))
    ));
}

#[test]
fn the_last_admin_promotes_somebody_before_it_leaves() {
    let mut world = world();
    let request = world.asks(ALICE);
    let bob = world.people[BOB].group();
    let refused = bob.commit_remove_quoting(&NOBODY, vec![quote(&request)], id(1));
    assert_eq!(refused, Err(Error::Refused(Refusal::NoAdmin)));
    let forged = world.removes(BOB, ALICE, &[quote(&request)]);
    world.all_refuse(BOB, &forged, || Refusal::NoAdmin);

    let carol = world.people[CAROL].identity.public();
    let promotion = world.people[ALICE]
        .group()
        .commit_roles(&[carol], &[], id(2))
        .unwrap();
    world.accept(ALICE, &promotion);
    let request = world.people[ALICE].group().leave_request().unwrap();
    let gone = world.people[BOB]
        .group()
        .commit_remove_quoting(&NOBODY, vec![quote(&request)], id(3))
        .unwrap();
    world.accept(BOB, &gone);
    assert!(!world.people[ALICE].group().active());
}

#[test]
fn one_device_of_an_admin_leaves_while_another_stays() {
    let alice = Person::new("alice");
    let laptop = alice.second_device();
    let people = vec![alice, Person::new("bob"), laptop];
    let mut world = World::of(Suite::Classical, people);
    let request = world.asks(2);
    let gone = world.people[BOB]
        .group()
        .commit_remove_quoting(&NOBODY, vec![quote(&request)], id(1))
        .unwrap();
    world.accept(BOB, &gone);
    assert!(world.people[ALICE].group().active());
}
