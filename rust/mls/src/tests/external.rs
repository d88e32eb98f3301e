//! Devices that join by themselves: the new device of a member, the one that lost its place, and those who may not.

use std::collections::BTreeMap;

use openmls::prelude::{
    CredentialWithKey, LeafNodeParameters, MlsGroup, PreSharedKeyProposal, ProcessedMessageContent,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::SigningKey;

use super::forgery::own;
use super::{both_suites, bytes, id, world, Person, World, ALICE, ANY, BOB, CAROL};
use crate::authenticated::{Authenticated, Quote};
use crate::change::Change;
use crate::config;
use crate::credential::credential;
use crate::error::Error;
use crate::external::ExternalCommit;
use crate::group::Group;
use crate::member::Membership;
use crate::message::parse_protocol;
use crate::policy::{check_commit, DeviceKey, Externals, Grounds, Posted, Refusal};
use crate::provider::{DeviceSigner, Provider, CRYPTO};
use crate::revocation::Revocation;
use crate::store::Store;
use crate::suite::Suite;
use crate::tracker::parse_group;

impl Person {
    fn knocks(
        &self,
        group_info: &[u8],
        tree: &[u8],
        removed: &[DeviceKey],
    ) -> Result<ExternalCommit, Error> {
        let (device, certificate) = (&self.device, &self.certificate);
        Group::external_commit(
            &self.store,
            device,
            certificate,
            group_info,
            tree,
            id(9),
            removed,
        )
    }

    fn enters(&mut self, pending: ExternalCommit) {
        self.group = Some(Group::adopt(&self.store, &self.device, pending.rows).unwrap());
    }
}

impl World {
    /// What the node hands to whoever wants to join.
    fn offer(&mut self) -> (Vec<u8>, Vec<u8>) {
        let group = self.people[ALICE].group();
        (group.group_info().unwrap(), group.tree().unwrap())
    }

    /// The node takes an external commit, and all who are in follow.
    fn let_in(&mut self, joiner: &Person, pending: &ExternalCommit) -> Change {
        let change = self
            .tracker
            .process(&pending.commit, &joiner.key(), &pending.group_info, ANY)
            .unwrap();
        self.tracker.merge(&change).unwrap();
        for person in &mut self.people {
            if person.key() != joiner.key() && person.group().active() {
                let seen = person.follow(&pending.commit);
                assert_eq!(seen.added(), change.added());
                assert_eq!(seen.removed(), change.removed());
                assert_eq!(seen.committer(), change.committer());
                assert!(seen.external());
            }
        }
        change
    }

    /// The node and the members refuse an external commit of `joiner`, and nothing of it sticks.
    fn shut_out(
        &mut self,
        joiner: &Person,
        commit: &[u8],
        info: &[u8],
        rule: impl Fn() -> Refusal,
    ) {
        let at_node = self
            .tracker
            .process(commit, &joiner.key(), info, ANY)
            .unwrap_err();
        assert_eq!(at_node, Error::Refused(rule()));
        for person in &mut self.people {
            assert_eq!(person.refuses(commit), Error::Refused(rule()));
            assert_eq!(person.save(), 0);
        }
    }
}

/// An external commit as only somebody who bypasses this crate can make it.
fn forged(
    joiner: &Person,
    (group_info, tree): &(Vec<u8>, Vec<u8>),
    credential: CredentialWithKey,
    psk: Option<PreSharedKeyId>,
    quotes: &[Quote],
) -> (Vec<u8>, Vec<u8>) {
    let store = Store::new();
    let provider = Provider::new(&store);
    if let Some(psk) = &psk {
        psk.store(&provider, b"secret").unwrap();
    }
    let (info, tree) = parse_group(group_info, tree).unwrap();
    let leaf = LeafNodeParameters::builder()
        .with_capabilities(config::capabilities())
        .build();
    let (_, messages) = MlsGroup::external_commit_builder()
        .with_config(config::join())
        .with_aad(Authenticated::encode(id(66), quotes).unwrap())
        .with_ratchet_tree(tree)
        .build_group(&provider, info, credential)
        .unwrap()
        .add_psk_proposals(psk.map(PreSharedKeyProposal::new))
        .leaf_node_parameters(leaf)
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build(
            provider.rand(),
            provider.crypto(),
            &DeviceSigner(&joiner.device),
            |_| true,
        )
        .unwrap()
        .finalize(&provider)
        .unwrap();
    let (commit, _, group_info) = messages.into_messages();
    (bytes(&commit), bytes(&group_info.unwrap()))
}

#[test]
fn a_new_device_of_a_member_joins_by_itself() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let mut laptop = world.people[BOB].second_device();
        let (info, tree) = world.offer();
        let pending = laptop.knocks(&info, &tree, &[]).unwrap();
        assert_eq!((pending.epoch, pending.members.len()), (2, 3));
        assert_eq!(pending.group_id, super::GROUP);

        let change = world.let_in(&laptop, &pending);
        assert!(change.external());
        assert_eq!(change.added(), [change.committer().clone()]);
        assert_eq!(change.committer().certificate.device(), laptop.key());
        assert_eq!(change.removed(), []);

        laptop.enters(pending);
        laptop.save();
        laptop.restart();
        world.people.push(laptop);
        world.assert_agreed();
        let message = world.people[2].group().encrypt(b"here", id(1)).unwrap();
        assert_eq!(world.people[ALICE].reads(&message), b"here");
        let update = world.people[2].group().commit_update(id(2)).unwrap();
        world.accept(2, &update);
    });
}

#[test]
fn a_device_that_lost_its_place_takes_a_new_leaf_for_its_old_one() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        let mut bob = world.people.remove(BOB);
        let update = world.people[1].group().commit_update(id(1)).unwrap();
        world.accept(1, &update); // which bob never sees
        let (info, tree) = world.offer();
        let pending = bob.knocks(&info, &tree, &[]).unwrap();
        let change = world.let_in(&bob, &pending);
        let devices = |members: &[crate::Member]| -> Vec<DeviceKey> {
            members.iter().map(|m| m.certificate.device()).collect()
        };
        assert_eq!(devices(change.added()), [bob.key()]);
        assert_eq!(devices(change.removed()), [bob.key()]);
        assert_eq!(world.tracker.members().len(), 3);

        let again = pending.rows.clone();
        bob.enters(pending);
        bob.save();
        bob.restart();
        assert_eq!(bob.group().epoch(), 3);
        // What was done is not done again: its keys would be used twice.
        assert!(matches!(
            Group::adopt(&bob.store, &bob.device, again),
            Err(Error::State(_))
        ));
        assert_eq!(bob.save(), 0);
        world.people.insert(BOB, bob);
        world.assert_agreed();
        let message = world.people[BOB].group().encrypt(b"back", id(1)).unwrap();
        assert_eq!(world.people[ALICE].reads(&message), b"back");
    });
}

/// The admin is one before and after, also when nobody else is.
#[test]
fn an_admin_who_rejoins_stays_one() {
    let mut world = world();
    let (info, tree) = world.offer();
    let alice = world.people.remove(ALICE);
    let pending = alice.knocks(&info, &tree, &[]).unwrap();
    let change = world.let_in(&alice, &pending);
    assert!(change.committer().admin);
}

#[test]
fn one_that_is_dropped_leaves_no_trace() {
    let mut world = world();
    let (info, tree) = world.offer();
    let bob = &mut world.people[BOB];
    drop(bob.knocks(&info, &tree, &[]).unwrap());
    assert_eq!(bob.save(), 0);
    let update = world.people[BOB].group().commit_update(id(1)).unwrap();
    world.accept(BOB, &update);
}

#[test]
fn nobody_joins_whose_account_is_not_in_the_group() {
    let mut world = world();
    let offer = world.offer();
    let dave = Person::new("dave");
    let refused = dave.knocks(&offer.0, &offer.1, &[]).map(|_| ());
    assert_eq!(refused, Err(Error::Refused(Refusal::ExternalCommit)));
    // Nor whoever only has a member's name, or under another name a member's key.
    let impostor = Person::new("bob");
    let seed = *world.people[BOB].identity.seed().clone();
    let renamed = Person::with_identity("robert", SigningKey::from_seed(&seed).unwrap());
    for person in [&dave, &impostor, &renamed] {
        let (commit, info) = forged(person, &offer, own(person), None, &[]);
        world.shut_out(person, &commit, &info, || Refusal::ExternalCommit);
    }
}

#[test]
fn whoever_keeps_no_history_takes_none() {
    let mut world = world();
    let (info, tree) = world.offer();
    let laptop = world.people[BOB].second_device();
    let pending = laptop.knocks(&info, &tree, &[]).unwrap();
    let shut = Externals::Refused;
    let at_node = world
        .tracker
        .process(&pending.commit, &laptop.key(), &pending.group_info, shut);
    let rule = || Error::Refused(Refusal::ExternalCommit);
    assert_eq!(at_node.unwrap_err(), rule());
    let alice = &mut world.people[ALICE];
    let at_member = alice.group().process(&pending.commit, shut);
    assert_eq!(at_member.unwrap_err(), rule());
    assert_eq!(alice.save(), 0);
}

#[test]
fn a_removed_device_does_not_come_back_by_itself() {
    let bob = Person::new("bob");
    let laptop = bob.second_device();
    let mut world = World::of(Suite::Classical, vec![Person::new("alice"), bob, laptop]);
    let key = world.people[2].key();
    let removal = world.people[BOB]
        .group()
        .commit_remove(&[key], id(1))
        .unwrap();
    world.accept(BOB, &removal);
    let offer = world.offer();
    let laptop = world.people.pop().unwrap();
    for person in &mut world.people {
        person.save();
    }
    // It knows better than to try.
    let knocked = laptop.knocks(&offer.0, &offer.1, &[]).map(|_| ());
    assert_eq!(knocked, Err(Error::Refused(Refusal::Barred)));
    // If it tries, its account is in the group, and only those who know can tell.
    let (commit, info) = forged(&laptop, &offer, own(&laptop), None, &[]);
    let barred = [[7; 32], laptop.key()];
    let barred = Externals::Except(&barred);
    let at_node = world.tracker.process(&commit, &key, &info, barred);
    assert_eq!(at_node.unwrap_err(), Error::Refused(Refusal::Barred));
    for person in &mut world.people {
        let refused = person.group().process(&commit, barred).unwrap_err();
        assert_eq!(refused, Error::Refused(Refusal::Barred));
        assert_eq!(person.save(), 0);
    }
    world.tracker.process(&commit, &key, &info, ANY).unwrap();
}

#[test]
fn a_device_does_not_follow_a_node_back_in_time() {
    let mut world = world();
    let old = world.offer();
    for n in 0..2 {
        let update = world.people[BOB].group().commit_update(id(n)).unwrap();
        world.accept(BOB, &update);
    }
    world.people[CAROL].save();
    let carol = &world.people[CAROL];
    let refused = carol.knocks(&old.0, &old.1, &[]).map(|_| ());
    assert_eq!(refused, Err(Error::Refused(Refusal::OlderEpoch)));
    assert_eq!(world.people[CAROL].save(), 0);
    // The epoch that it is in is not before its own.
    let (info, tree) = world.offer();
    world.people[CAROL].knocks(&info, &tree, &[]).unwrap();
}

#[test]
fn a_group_info_by_somebody_who_was_thrown_out_is_refused() {
    let mut world = world();
    let info = world.people[BOB].group().group_info().unwrap();
    let tree = world.people[BOB].group().tree().unwrap();
    let bob = world.people[BOB].key();
    let carol = &world.people[CAROL];
    let refused = carol.knocks(&info, &tree, &[[7; 32], bob]).map(|_| ());
    assert_eq!(refused, Err(Error::Refused(Refusal::RemovedSigner)));
    carol.knocks(&info, &tree, &[[7; 32]]).unwrap();
}

#[test]
fn a_joiner_brings_nothing_else() {
    let mut world = world();
    let offer = world.offer();
    let laptop = world.people[BOB].second_device();
    let psk = PreSharedKeyId::new(
        Suite::Classical.ciphersuite(),
        &CRYPTO,
        Psk::External(ExternalPsk::new(b"psk".to_vec())),
    )
    .unwrap();
    for person in &mut world.people {
        psk.store(&Provider::new(&person.store), b"secret").unwrap();
        person.save();
    }
    let (commit, info) = forged(&laptop, &offer, own(&laptop), Some(psk), &[]);
    world.shut_out(&laptop, &commit, &info, || Refusal::ProposalType);

    let bob = &world.people[BOB];
    let revocation = Revocation::issue(&bob.identity, &bob.key(), 1).unwrap();
    let quote = Quote::Revocation(Revocation::parse(&revocation).unwrap());
    let (commit, info) = forged(&laptop, &offer, own(&laptop), None, &[quote]);
    world.shut_out(&laptop, &commit, &info, || Refusal::QuotedInVain);
}

#[test]
fn a_joiners_leaf_is_held_to_what_every_leaf_is() {
    let mut world = world();
    let offer = world.offer();
    let bob = &world.people[BOB];
    // In its old leaf's place it keeps the certificate.
    let newer = Certificate::issue(&bob.identity, "bob", &bob.key(), 2).unwrap();
    let newer = credential(&Certificate::parse(&newer).unwrap());
    let (commit, info) = forged(bob, &offer, newer, None, &[]);
    let at_node = world.tracker.process(&commit, &bob.key(), &info, ANY);
    assert_eq!(at_node.unwrap_err(), Error::Refused(Refusal::LeafChanged));
    let alice = world.people[ALICE].refuses(&commit);
    assert_eq!(alice, Error::Refused(Refusal::LeafChanged));

    // It signs with the key that its certificate names.
    let (laptop, phone) = (
        world.people[BOB].second_device(),
        world.people[BOB].second_device(),
    );
    let mut stolen = own(&phone);
    stolen.signature_key = laptop.key().to_vec().into();
    let (commit, info) = forged(&laptop, &offer, stolen, None, &[]);
    world.shut_out(&laptop, &commit, &info, || Refusal::OtherDevice);
}

/// The library builds no Remove of another device, so the policy is shown a group in which the leaf belongs to somebody else.
#[test]
fn a_joiner_removes_nobody_but_itself() {
    let mut world = world();
    let (info, tree) = world.offer();
    let pending = world.people[BOB].knocks(&info, &tree, &[]).unwrap();
    let alice = world.people[ALICE].group();
    let provider = Provider::new(&alice.store);
    let message = parse_protocol(&pending.commit).unwrap();
    let processed = alice.mls.process_message(&provider, message).unwrap();
    let sender = processed.sender().clone();
    let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
        panic!("not a commit");
    };
    let mut leaves = alice.membership.leaves().clone();
    let bobs = leaves
        .iter()
        .find(|(_, certificate)| certificate.username() == "bob");
    let (leaf, _) = bobs.unwrap();
    let other = world.people[BOB].second_device();
    let leaf = *leaf;
    leaves.insert(leaf, Certificate::parse(&other.certificate).unwrap());
    let membership = &world.people[ALICE].group.as_ref().unwrap().membership;
    let before = Membership::new(membership.suite, membership.roles.clone(), leaves).unwrap();
    let posted = Posted {
        sender: &sender,
        commit: &staged,
        grounds: &Grounds::Quoted(BTreeMap::new()),
        externals: ANY,
    };
    let refused = check_commit(&CRYPTO, &before, posted);
    assert_eq!(refused.unwrap_err(), Refusal::RemoveByOther);
    check_commit(&CRYPTO, membership, posted).unwrap();
}

#[test]
fn the_device_that_posts_is_the_one_that_joins() {
    let mut world = world();
    let (info, tree) = world.offer();
    let laptop = world.people[BOB].second_device();
    let pending = laptop.knocks(&info, &tree, &[]).unwrap();
    let bob = world.people[BOB].key();
    let posted = world
        .tracker
        .process(&pending.commit, &bob, &pending.group_info, ANY);
    assert_eq!(posted.unwrap_err(), Error::Refused(Refusal::OtherSender));
    let posted = world
        .tracker
        .process(&pending.commit, &laptop.key(), &info, ANY);
    assert_eq!(posted.unwrap_err(), Error::Refused(Refusal::GroupInfo));
}

#[test]
fn only_the_rows_of_one_group_are_adopted() {
    let mut world = world();
    let (info, tree) = world.offer();
    let bob = &world.people[BOB];
    let mut rows = bob.knocks(&info, &tree, &[]).unwrap().rows;
    let adopt = |rows| Group::adopt(&bob.store, &bob.device, rows).map(|_| ());
    assert!(matches!(adopt(Vec::new()), Err(Error::Malformed(_))));
    assert!(adopt(rows[..1].to_vec()).is_err());
    let mut other = rows[0].clone();
    other.0 = vec![1; 16];
    rows.push(other);
    assert!(matches!(adopt(rows), Err(Error::Malformed(_))));
    assert_eq!(world.people[BOB].save(), 0);
}
