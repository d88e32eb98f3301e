//! The policy on commits: every rule broken once, by somebody who bypasses this crate, before the node and the members.

use openmls::prelude::{
    BasicCredential, Credential, CredentialWithKey, Extension, ExtensionType, Extensions,
    GroupContext, KeyPackage, LeafNodeIndex, LeafNodeParameters, MlsGroup, MlsMessageBodyIn,
    NewSignerBundle, PreSharedKeyProposal, Proposal, ProposalOrRefType, RatchetTreeIn,
    RequiredCapabilitiesExtension, UnknownExtension, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
};
use openmls::schedule::PreSharedKeyId;
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::certificate::{Certificate, CertificateError};
use qnpc_crypto::signature::SigningKey;
use tls_codec::{Deserialize as _, Serialize as _};

use super::key_packages::{own, raw};
use super::{both_suites, bytes, forge, id, Person, World};
use crate::config;
use crate::credential::credential;
use crate::error::Error;
use crate::message::parse;
use crate::policy::Refusal;
use crate::provider::{crypto, DeviceSigner, Provider};
use crate::roles::{self, Roles};
use crate::suite::Suite;

const ALICE: usize = 0;
const BOB: usize = 1;

fn world() -> World {
    World::new(Suite::Classical, &["alice", "bob", "carol"])
}

fn leaf(world: &World, person: usize) -> LeafNodeIndex {
    LeafNodeIndex::new(world.people[person].group.as_ref().unwrap().own_leaf())
}

fn honest_package(person: &Person) -> KeyPackage {
    raw(person, Suite::Classical, own(person), |builder| builder)
}

fn context(extensions: Vec<Extension>) -> Extensions<GroupContext> {
    Extensions::from_vec(extensions).unwrap()
}

// -- who may

#[test]
fn only_an_admin_adds() {
    let mut world = world();
    let dave = Person::new("dave");
    let forged = world.forge(BOB, |commit| commit.propose_adds([honest_package(&dave)]));
    world.all_refuse(BOB, &forged, || Refusal::AddByOther);

    let package = dave.key_package(Suite::Classical);
    let bob = &mut world.people[BOB];
    let own = bob.group().commit_add(&[package], id(1)).unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::AddByOther));
    assert!(!bob.group().is_pending());
    assert_eq!(bob.save(), 0);
    bob.group().commit_update(id(2)).unwrap();
}

#[test]
fn only_an_admin_removes_other_accounts() {
    let mut world = world();
    for target in [ALICE, 2] {
        let target = leaf(&world, target);
        let forged = world.forge(BOB, |commit| commit.propose_removals([target]));
        world.all_refuse(BOB, &forged, || Refusal::RemoveByOther);
    }
    let carol = world.people[2].key();
    let bob = &mut world.people[BOB];
    let own = bob.group().commit_remove(&[carol], id(1)).unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::RemoveByOther));
    assert!(!bob.group().is_pending());
    assert_eq!(bob.save(), 0);
}

#[test]
fn anybody_removes_other_devices_of_their_own_account() {
    let bob = Person::new("bob");
    let laptop = bob.second_device();
    let mut world = World::of(Suite::Classical, vec![Person::new("alice"), bob, laptop]);
    let laptop = world.people[2].key();
    let pending = world.people[BOB]
        .group()
        .commit_remove(&[laptop], id(2))
        .unwrap();
    world.accept(BOB, &pending);
    assert!(!world.people[2].group().active());
    assert_eq!(world.tracker.members().len(), 2);
}

#[test]
fn only_an_admin_changes_roles_and_nothing_else_with_them() {
    let mut world = world();
    let bobs = world.people[BOB].identity.public();
    let both = |world: &World| {
        let alice = world.people[ALICE].identity.public();
        let mut keys = [alice, bobs];
        keys.sort_unstable();
        Roles::decode(&[vec![1, 0x40, 64], keys.concat()].concat()).unwrap()
    };
    let new = both(&world);

    // An admin may, and the new admin may then add.
    let forged = world.forge(ALICE, |commit| {
        commit
            .propose_group_context_extensions(config::context_extensions(&new).unwrap())
            .unwrap()
    });
    let key = world.people[ALICE].key();
    world
        .tracker
        .process(&forged.commit, &key, &forged.group_info)
        .unwrap();

    // Bob may not, not even to what is there already.
    let same = Roles::of(world.people[ALICE].identity.public());
    for roles in [&new, &same] {
        let forged = world.forge(BOB, |commit| {
            commit
                .propose_group_context_extensions(config::context_extensions(roles).unwrap())
                .unwrap()
        });
        world.all_refuse(BOB, &forged, || Refusal::RolesByOther);
    }

    // And an admin changes roles alone, in their one form.
    let required = || Extension::RequiredCapabilities(config::required_capabilities());
    let wider = RequiredCapabilitiesExtension::new(
        &[
            ExtensionType::Unknown(roles::EXTENSION),
            ExtensionType::ApplicationId,
        ],
        &[],
        &[],
    );
    let roles = || Extension::Unknown(roles::EXTENSION, UnknownExtension(new.encode()));
    for extensions in [
        vec![required()],
        vec![roles(), Extension::RequiredCapabilities(wider)],
    ] {
        let forged = world.forge(ALICE, |commit| {
            commit
                .propose_group_context_extensions(context(extensions))
                .unwrap()
        });
        world.all_refuse(ALICE, &forged, || Refusal::GroupExtensions);
    }
    let garbage = Extension::Unknown(roles::EXTENSION, UnknownExtension(b"garbage".to_vec()));
    let extensions = vec![required(), garbage];
    let forged = world.forge(ALICE, |commit| {
        commit
            .propose_group_context_extensions(context(extensions))
            .unwrap()
    });
    world.all_refuse(ALICE, &forged, || Refusal::Roles);
}

#[test]
fn a_group_keeps_an_admin() {
    let mut world = world();
    let nobody = Roles::of([9; 32]);
    let forged = world.forge(ALICE, |commit| {
        commit
            .propose_group_context_extensions(config::context_extensions(&nobody).unwrap())
            .unwrap()
    });
    world.all_refuse(ALICE, &forged, || Refusal::NoAdmin);
}

#[test]
fn nobody_removes_itself() {
    let mut world = world();
    let alice = &mut world.people[ALICE];
    let key = alice.key();
    let own = alice.group().commit_remove(&[key], id(1)).unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::RemovesItself));
    assert_eq!(alice.save(), 0);
}

// -- what leaves may hold

#[test]
fn an_added_leaf_carries_the_certificate_of_its_own_key() {
    let mut world = world();
    let (dave, eve) = (Person::new("dave"), Person::new("eve"));
    let stolen = CredentialWithKey {
        credential: credential(&Certificate::parse(&dave.certificate).unwrap()).credential,
        signature_key: eve.key().to_vec().into(),
    };
    let package = raw(&eve, Suite::Classical, stolen, |builder| builder);
    let forged = world.forge(ALICE, |commit| commit.propose_adds([package]));
    world.all_refuse(ALICE, &forged, || Refusal::OtherDevice);

    let plain: Credential = BasicCredential::new(b"eve".to_vec()).into();
    let unsigned = CredentialWithKey {
        credential: plain,
        signature_key: eve.key().to_vec().into(),
    };
    let package = raw(&eve, Suite::Classical, unsigned, |builder| builder);
    let forged = world.forge(ALICE, |commit| commit.propose_adds([package]));
    world.all_refuse(ALICE, &forged, || {
        Refusal::Certificate(CertificateError::Malformed)
    });
}

#[test]
fn an_added_key_package_lives_84_days_at_most() {
    let mut world = world();
    let dave = Person::new("dave");
    let package = raw(&dave, Suite::Classical, own(&dave), |builder| {
        builder.key_package_lifetime(openmls::prelude::Lifetime::new(85 * 86_400))
    });
    let forged = world.forge(ALICE, |commit| commit.propose_adds([package]));
    world.all_refuse(ALICE, &forged, || Refusal::Lifetime);
}

#[test]
fn a_name_has_one_identity_and_an_identity_one_name() {
    let mut world = world();
    let impostor = Person::new("bob");
    let seed = *world.people[BOB].identity.seed().clone();
    let renamed = Person::with_identity("robert", SigningKey::from_seed(&seed).unwrap());
    for person in [&impostor, &renamed] {
        let forged = world.forge(ALICE, |commit| {
            commit.propose_adds([honest_package(person)])
        });
        world.all_refuse(ALICE, &forged, || Refusal::TwoIdentities);
    }
    let package = impostor.key_package(Suite::Classical);
    let own = world.people[ALICE]
        .group()
        .commit_add(&[package], id(1))
        .unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::TwoIdentities));
}

#[test]
fn a_device_is_in_the_group_once() {
    let mut world = world();
    let again = world.people[BOB].key_package(Suite::Classical);
    let dave = Person::new("dave");
    let twice = [
        dave.key_package(Suite::Classical),
        dave.key_package(Suite::Classical),
    ];
    let alice = world.people[ALICE].group();
    assert_eq!(
        alice.commit_add(&[again], id(1)).unwrap_err(),
        Error::Refused(Refusal::DeviceTwice)
    );
    assert_eq!(
        alice.commit_add(&twice, id(1)).unwrap_err(),
        Error::Refused(Refusal::DeviceTwice)
    );
    assert!(!alice.is_pending());
}

#[test]
fn a_key_package_of_another_suite_is_not_added() {
    let mut world = world();
    let package = Person::new("dave").key_package(Suite::Hybrid);
    let own = world.people[ALICE]
        .group()
        .commit_add(&[package], id(1))
        .unwrap_err();
    assert_eq!(own, Error::Refused(Refusal::OtherSuite));
}

#[test]
fn a_committer_keeps_its_certificate() {
    let mut world = world();
    let bob = &world.people[BOB];
    // As good as the old one in every other way: same account, same device, only newer.
    let newer = Certificate::issue(&bob.identity, "bob", &bob.key(), 2).unwrap();
    let parameters = LeafNodeParameters::builder()
        .with_credential_with_key(credential(&Certificate::parse(&newer).unwrap()))
        .build();
    let forged = world.forge(BOB, |commit| commit.leaf_node_parameters(parameters));
    world.all_refuse(BOB, &forged, || Refusal::LeafChanged);
}

#[test]
fn a_committer_keeps_its_signature_key() {
    let mut world = world();
    let bob = &mut world.people[BOB];
    let fresh = SigningKey::generate().unwrap();
    let certificate = Certificate::issue(&bob.identity, "bob", &fresh.public(), 1).unwrap();
    let store = bob.store.clone();
    let provider = Provider::new(&store).unwrap();
    let old = SigningKey::from_seed(bob.device.seed()).unwrap();
    let mls = &mut bob.group().mls;
    mls.set_aad(id(66).to_vec());
    let messages = mls
        .commit_builder()
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build_with_new_signer(
            provider.rand(),
            provider.crypto(),
            &DeviceSigner(&old),
            NewSignerBundle {
                signer: &DeviceSigner(&fresh),
                credential_with_key: credential(&Certificate::parse(&certificate).unwrap()),
            },
            |_| true,
        )
        .unwrap()
        .stage_commit(&provider)
        .unwrap();
    mls.clear_pending_commit(provider.storage()).unwrap();
    let (commit, welcome, group_info) = messages.into_messages();
    let forged = crate::PendingCommit {
        commit: bytes(&commit),
        welcome: welcome.as_ref().map(bytes),
        group_info: bytes(&group_info.unwrap()),
    };
    world.all_refuse(BOB, &forged, || Refusal::LeafChanged);
}

// -- what a commit may hold

#[test]
fn external_commits_are_refused() {
    let mut world = world();
    let group_info = world.people[ALICE].group().group_info().unwrap();
    let tree = world.people[ALICE].group().tree().unwrap();
    let dave = Person::new("dave");
    let MlsMessageBodyIn::GroupInfo(info) = parse(&group_info).unwrap().extract() else {
        panic!("not a group info");
    };
    let provider = Provider::new(&dave.store).unwrap();
    let (_, messages) = MlsGroup::external_commit_builder()
        .with_config(config::join())
        .with_aad(id(66).to_vec())
        .with_ratchet_tree(RatchetTreeIn::tls_deserialize_exact(&tree).unwrap())
        .build_group(&provider, info, own(&dave))
        .unwrap()
        .leaf_node_parameters(
            LeafNodeParameters::builder()
                .with_capabilities(config::capabilities())
                .build(),
        )
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build(
            provider.rand(),
            provider.crypto(),
            &DeviceSigner(&dave.device),
            |_| true,
        )
        .unwrap()
        .finalize(&provider)
        .unwrap();
    let (commit, _, group_info) = messages.into_messages();
    let commit = bytes(&commit);
    let group_info = bytes(&group_info.unwrap());

    let at_node = world
        .tracker
        .process(&commit, &dave.key(), &group_info)
        .unwrap_err();
    assert_eq!(at_node, Error::Refused(Refusal::ExternalCommit));
    assert_eq!(
        world.people[BOB].refuses(&commit),
        Error::Refused(Refusal::ExternalCommit)
    );
    assert_eq!(world.people[BOB].save(), 0);
}

#[test]
fn proposals_come_in_commits_and_nowhere_else() {
    let mut world = world();
    let carol = leaf(&world, 2);
    let alice = &mut world.people[ALICE];
    let store = alice.store.clone();
    let provider = Provider::new(&store).unwrap();
    let device = SigningKey::from_seed(alice.device.seed()).unwrap();
    let mls = &mut alice.group().mls;
    mls.set_aad(id(66).to_vec());
    let (proposal, _) = mls
        .propose_remove_member(&provider, &DeviceSigner(&device), carol)
        .unwrap();
    let proposal = bytes(&proposal);
    let alone = world
        .tracker
        .process(&proposal, &world.people[ALICE].key(), b"")
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
}

#[test]
fn other_types_of_proposals_are_refused() {
    let mut world = world();
    let alice = &mut world.people[ALICE];
    let psk = PreSharedKeyId::new(
        Suite::Classical.ciphersuite(),
        crypto().unwrap(),
        openmls::schedule::Psk::External(openmls::schedule::ExternalPsk::new(b"psk".to_vec())),
    )
    .unwrap();
    psk.store(&Provider::new(&alice.store).unwrap(), b"secret")
        .unwrap();
    let bob = &mut world.people[BOB];
    psk.store(&Provider::new(&bob.store).unwrap(), b"secret")
        .unwrap();
    bob.save();
    let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk)));
    assert_eq!(ProposalOrRefType::Proposal, ProposalOrRefType::Proposal);
    let forged = world.forge(ALICE, |commit| commit.add_proposal(proposal));

    let key = world.people[ALICE].key();
    let at_node = world
        .tracker
        .process(&forged.commit, &key, &forged.group_info)
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
        world.people[2].refuses(&forged.commit),
        Error::Refused(Refusal::Protocol(_))
    ));
}

#[test]
fn handshakes_are_public() {
    let mut world = world();
    let bob = &mut world.people[BOB];
    let store = bob.store.clone();
    let provider = Provider::new(&store).unwrap();
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
    let provider = Provider::new(&store).unwrap();
    let mls = &mut bob.group().mls;
    mls.set_aad(b"short".to_vec());
    let message = bytes(
        &mls.create_message(&provider, &DeviceSigner(&device), b"hi")
            .unwrap(),
    );
    let alice = &mut world.people[ALICE];
    assert_eq!(alice.refuses(&message), Error::Refused(Refusal::MessageId));
    assert_eq!(alice.save(), 0);

    let forged = {
        let bob = &mut world.people[BOB];
        let mls = &mut bob.group.as_mut().unwrap().mls;
        mls.set_aad(vec![1; 17]);
        let messages = mls
            .commit_builder()
            .load_psks(provider.storage())
            .unwrap()
            .create_group_info(true)
            .build(
                provider.rand(),
                provider.crypto(),
                &DeviceSigner(&device),
                |_| true,
            )
            .unwrap()
            .stage_commit(&provider)
            .unwrap();
        mls.clear_pending_commit(provider.storage()).unwrap();
        let (commit, _, group_info) = messages.into_messages();
        crate::PendingCommit {
            commit: bytes(&commit),
            welcome: None,
            group_info: bytes(&group_info.unwrap()),
        }
    };
    world.all_refuse(BOB, &forged, || Refusal::MessageId);
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
            .process(&forged.commit, &key, &forged.group_info)
            .unwrap();
        world.tracker.merge(&change).unwrap();
        let seen = world.people[BOB].follow(&forged.commit);
        assert_eq!(seen.added()[0].certificate.username(), "dave");
        world.people[BOB].assert_sound();
        let tree = world.people[BOB].group().tree().unwrap();
        assert_eq!(tree, world.tracker.tree().unwrap());
    });
}

// -- groups that one would join or track

#[test]
fn a_group_without_our_rules_is_neither_tracked_nor_joined() {
    let alice = Person::new("alice");
    let roles = Roles::of(alice.identity.public());
    let with = |id: &[u8], extensions: Extensions<GroupContext>| {
        let config = openmls::prelude::MlsGroupCreateConfig::builder()
            .ciphersuite(Suite::Classical.ciphersuite())
            .capabilities(config::capabilities())
            .with_group_context_extensions(extensions)
            .build();
        let provider = Provider::new(&alice.store).unwrap();
        let signer = DeviceSigner(&alice.device);
        let id = openmls::prelude::GroupId::from_slice(id);
        let group =
            MlsGroup::new_with_group_id(&provider, &signer, &config, id, own(&alice)).unwrap();
        let info = bytes(
            &group
                .export_group_info(provider.crypto(), &signer, false)
                .unwrap(),
        );
        let tree = group
            .export_ratchet_tree()
            .tls_serialize_detached()
            .unwrap();
        crate::Tracker::from_group_info(&info, &tree).map(|_| ())
    };
    let ours = || config::context_extensions(&roles).unwrap();
    with(&[1; 16], ours()).unwrap();
    assert_eq!(with(&[], ours()), Err(Error::Refused(Refusal::GroupId)));
    assert_eq!(
        with(&[1; 17], ours()),
        Err(Error::Refused(Refusal::GroupId))
    );
    assert_eq!(
        with(&[2; 16], Extensions::empty()),
        Err(Error::Refused(Refusal::GroupExtensions))
    );

    let mut more = ours();
    more.add(Extension::ExternalSenders(Vec::new())).unwrap();
    assert_eq!(
        with(&[3; 16], more),
        Err(Error::Refused(Refusal::GroupExtensions))
    );
}
