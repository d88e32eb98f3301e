//! Revocations: any member's commit removes a device that its account has given up.

use super::forgery::leaf;
use super::{id, world, World, ALICE, ANY, BOB, CAROL};
use crate::authenticated::Quote;
use crate::error::Error;
use crate::policy::Refusal;
use crate::revocation::Revocation;

const NOBODY: [&[u8]; 0] = [];

impl World {
    /// The device of `device`, revoked by the account of `by`.
    fn revoked(&self, by: usize, device: usize) -> Quote {
        let bytes = Revocation::issue(
            &self.people[by].identity,
            &self.people[device].key(),
            1_700_000_000_000,
        );
        Quote::Revocation(Revocation::parse(&bytes.unwrap()).unwrap())
    }
}

#[test]
fn anybody_removes_a_revoked_device() {
    let mut world = world();
    let quote = world.revoked(CAROL, CAROL);
    let pending = world.people[BOB]
        .group()
        .commit_remove_quoting(&NOBODY, vec![quote], id(7))
        .unwrap();
    let key = world.people[BOB].key();
    let change = world
        .tracker
        .process(&pending.commit, &key, &pending.group_info, ANY)
        .unwrap();
    assert_eq!(change.revoked(), change.removed());
    assert_eq!((change.revoked().len(), change.left().len()), (1, 0));
    world.accept(BOB, &pending);
    assert!(!world.people[CAROL].group().active());
}

#[test]
fn nobody_revokes_another_accounts_device() {
    let mut world = world();
    let quote = world.revoked(BOB, CAROL);
    let bob = world.people[BOB].group();
    let refused = bob.commit_remove_quoting(&NOBODY, vec![quote.clone()], id(1));
    assert_eq!(refused, Err(Error::Refused(Refusal::Revocation)));
    assert_eq!(world.people[BOB].save(), 0);
    let carol = leaf(&world, CAROL);
    let forged = world.forge_quoting(BOB, &[quote], |commit| commit.propose_removals([carol]));
    world.all_refuse(BOB, &forged, || Refusal::Revocation);
}

#[test]
fn a_revocation_is_quoted_once_and_for_its_leaf() {
    let mut world = world();
    let quote = world.revoked(CAROL, CAROL);
    let alice = leaf(&world, ALICE);
    let forged = world.forge_quoting(BOB, std::slice::from_ref(&quote), |commit| commit);
    world.all_refuse(BOB, &forged, || Refusal::QuotedInVain);
    let forged = world.forge_quoting(BOB, std::slice::from_ref(&quote), |commit| {
        commit.propose_removals([alice])
    });
    world.all_refuse(BOB, &forged, || Refusal::RemoveByOther);

    let carol = leaf(&world, CAROL);
    let again = Revocation::issue(&world.people[CAROL].identity, &world.people[CAROL].key(), 2);
    let again = Quote::Revocation(Revocation::parse(&again.unwrap()).unwrap());
    let bob = world.people[BOB].group();
    let refused = bob.commit_remove_quoting(&NOBODY, vec![quote.clone(), again.clone()], id(1));
    assert!(refused.is_err());
    let forged = world.forge_quoting(BOB, &[quote, again], |commit| {
        commit.propose_removals([carol])
    });
    world.all_refuse(BOB, &forged, || Refusal::QuotedInVain);
}

/// Better no admin than one whose stolen device reads along. The account is one still, on the device that it comes back with.
#[test]
fn a_revoked_device_goes_even_if_it_is_the_last_admins() {
    let mut world = world();
    let quote = world.revoked(ALICE, ALICE);
    let pending = world.people[BOB]
        .group()
        .commit_remove_quoting(&NOBODY, vec![quote], id(1))
        .unwrap();
    world.accept(BOB, &pending);
    assert!(world.tracker.members().iter().all(|member| !member.admin));
    // And the group goes on.
    let update = world.people[CAROL].group().commit_update(id(2)).unwrap();
    world.accept(CAROL, &update);
}
