//! What a commit may hold and how it must come: every rule broken once, by somebody who bypasses this crate, before the node and
//! the members.

use openmls::prelude::{
    PreSharedKeyProposal, ProcessedMessageContent, Proposal, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
};
use openmls::schedule::PreSharedKeyId;
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::signature::SigningKey;

use super::forgery::{forge, forge_saying, leaf, own, raw};
use super::{both_suites, bytes, id, world, Person, World, ALICE, ANY, BOB, CAROL};
use crate::error::Error;
use crate::message::parse_protocol;
use crate::policy::Refusal;
use crate::provider::{DeviceSigner, Provider, CRYPTO};
use crate::suite::Suite;

#[test]
fn proposals_come_in_commits_and_nowhere_else() {
    let mut world = world();
    let carol = leaf(&world, CAROL);
    let alice = &mut world.people[ALICE];
    let store = alice.store.clone();
    let provider = Provider::new(&store);
    let device = SigningKey::from_seed(alice.device.seed()).unwrap();
    let mls = &mut alice.group().mls;
    mls.set_aad(id(66).to_vec());
    let (proposal, _) = mls
        .propose_remove_member(&provider, &DeviceSigner(&device), carol)
        .unwrap();
    let proposal = bytes(&proposal);
    let alone = world
        .tracker
        .process(&proposal, &world.people[ALICE].key(), b"", ANY)
        .unwrap_err();
    assert_eq!(alone, Error::Refused(Refusal::NotInline));
    assert_eq!(
        world.people[BOB].refuses(&proposal),
        Error::Refused(Refusal::NotInline)
    );
    assert_eq!(world.people[BOB].save(), 0);

    // The proposal is in alice's own queue now, and her next commit refers to it.
    let forged = world.forge(ALICE, |commit| commit);
    world.all_refuse(ALICE, &forged, || Refusal::NotInline);

    // Not even by somebody who has taken the proposal in, and to whom the library would give it.
    let bob = &mut world.people[BOB];
    let store = bob.store.clone();
    let provider = Provider::new(&store);
    let mls = &mut bob.group().mls;
    let processed = mls.process_message(&provider, parse_protocol(&proposal).unwrap());
    let ProcessedMessageContent::ProposalMessage(queued) = processed.unwrap().into_content() else {
        panic!("not a proposal");
    };
    mls.store_pending_proposal(provider.storage(), *queued)
        .unwrap();
    assert_eq!(
        bob.refuses(&forged.commit),
        Error::Refused(Refusal::NotInline)
    );
}

#[test]
fn other_types_of_proposals_are_refused() {
    let mut world = world();
    let alice = &mut world.people[ALICE];
    let psk = PreSharedKeyId::new(
        Suite::Classical.ciphersuite(),
        &CRYPTO,
        openmls::schedule::Psk::External(openmls::schedule::ExternalPsk::new(b"psk".to_vec())),
    )
    .unwrap();
    psk.store(&Provider::new(&alice.store), b"secret").unwrap();
    let bob = &mut world.people[BOB];
    psk.store(&Provider::new(&bob.store), b"secret").unwrap();
    bob.save();
    let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk)));
    let forged = world.forge(ALICE, |commit| commit.add_proposal(proposal));

    let key = world.people[ALICE].key();
    let at_node = world
        .tracker
        .process(&forged.commit, &key, &forged.group_info, ANY)
        .unwrap_err();
    assert_eq!(at_node, Error::Refused(Refusal::ProposalType));
    // Bob has the key, so the commit would work for him.
    assert_eq!(
        world.people[BOB].refuses(&forged.commit),
        Error::Refused(Refusal::ProposalType)
    );
    assert_eq!(world.people[BOB].save(), 0);
    // Carol lacks it; to her the library says so first.
    assert!(matches!(
        world.people[CAROL].refuses(&forged.commit),
        Error::Refused(Refusal::Protocol(_))
    ));
}

#[test]
fn handshakes_are_public() {
    let mut world = world();
    let bob = &mut world.people[BOB];
    let store = bob.store.clone();
    let provider = Provider::new(&store);
    let config = openmls::prelude::MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .build();
    bob.group()
        .mls
        .set_configuration(provider.storage(), &config)
        .unwrap();
    let forged = world.forge(BOB, |commit| commit);
    world.all_refuse(BOB, &forged, || Refusal::Encrypted);
}

#[test]
fn authenticated_data_is_a_message_id() {
    let mut world = world();
    let bob = &mut world.people[BOB];
    let device = SigningKey::from_seed(bob.device.seed()).unwrap();
    let store = bob.store.clone();
    let provider = Provider::new(&store);
    let mls = &mut bob.group().mls;
    mls.set_aad(b"short".to_vec());
    let message = bytes(
        &mls.create_message(&provider, &DeviceSigner(&device), b"hi")
            .unwrap(),
    );
    let alice = &mut world.people[ALICE];
    assert_eq!(alice.refuses(&message), Error::Refused(Refusal::MessageId));
    assert_eq!(alice.save(), 0);

    let forged = forge_saying(&mut world.people[BOB], &[1; 15], |commit| commit);
    world.all_refuse(BOB, &forged, || Refusal::MessageId);
    let longer = forge_saying(&mut world.people[BOB], &[1; 17], |commit| commit);
    world.all_refuse(BOB, &longer, || Refusal::Quotes);
}

/// A commit without a path is allowed where RFC 9420 allows it (section 12.4): ours always have one, others need not.
#[test]
fn an_add_without_a_path_is_followed() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let dave = Person::new("dave");
        let package = raw(&dave, suite, own(&dave), |builder| builder);
        let forged = forge(&mut world.people[ALICE], |commit| {
            commit.force_self_update(false).propose_adds([package])
        });
        let key = world.people[ALICE].key();
        let change = world
            .tracker
            .process(&forged.commit, &key, &forged.group_info, ANY)
            .unwrap();
        world.tracker.merge(&change).unwrap();
        let seen = world.people[BOB].follow(&forged.commit);
        assert_eq!(seen.added()[0].certificate.username(), "dave");
        world.people[BOB].assert_sound();
        let tree = world.people[BOB].group().tree().unwrap();
        assert_eq!(tree, world.tracker.tree().unwrap());
    });
}
