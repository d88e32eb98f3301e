//! The rules of the policy, one by one, and where each is broken by somebody who bypasses this crate. Those that had no other place are
//! broken here, by messages that were changed and signed again.
//!
//! | rule | broken in |
//! |---|---|
//! | proposals are Add, Remove, ExternalInit and GroupContextExtensions | `commits::other_types_of_proposals_are_refused`, `external::a_joiner_brings_nothing_else`, `external_init_is_for_those_outside` |
//! | all of them inline, none on its own | `commits::proposals_come_in_commits_and_nowhere_else` |
//! | handshakes are public | `commits::handshakes_are_public` |
//! | authenticated data is a message id, and quotes that hold | `commits::authenticated_data_is_a_message_id`, `authenticated::any_other_way_to_say_it_is_refused` |
//! | admins add | `permissions::only_an_admin_adds` |
//! | admins remove, and all their own devices, and whom a quote lets them | `permissions::only_an_admin_removes_other_accounts`, `leaving`, `revoking` |
//! | admins change the roles, and nothing else with them | `permissions::only_an_admin_changes_roles_and_nothing_else_with_them` |
//! | an admin is an account in the group, and one stays | `permissions::an_admin_is_an_account_in_the_group`, `permissions::a_group_keeps_an_admin`, `leaving::the_last_admin_promotes_somebody_before_it_leaves` |
//! | nobody removes itself | `permissions::nobody_removes_itself` |
//! | an external commit is of an account in the group | `external::nobody_joins_whose_account_is_not_in_the_group` |
//! | it removes its own earlier leaf at most | `external::a_joiner_removes_nobody_but_itself` |
//! | who was removed or revoked returns by an Add | `external::a_removed_device_does_not_come_back_by_itself` |
//! | an added leaf has the certificate of its key | `leaves::an_added_leaf_carries_the_certificate_of_its_own_key` |
//! | so has a leaf in a path | `external::a_joiners_leaf_is_held_to_what_every_leaf_is` |
//! | and every leaf of a tree that one joins or tracks | `a_tree_is_held_to_what_every_leaf_is` |
//! | a path keeps credential and key | `leaves::a_committer_keeps_its_certificate`, `leaves::a_committer_keeps_its_signature_key` |
//! | a leaf supports what it must | `key_packages::a_leaf_that_would_ignore_roles_is_refused` |
//! | signature keys are unique | `leaves::a_device_is_in_the_group_once`, `a_device_is_in_one_leaf` |
//! | a name has one identity | `leaves::a_name_has_one_identity_and_an_identity_one_name` |
//! | a key can be sealed to | `key_packages::a_key_that_cannot_be_sealed_to_is_refused`, `paths`, `a_committers_new_key_can_be_sealed_to` |
//! | a key package has the suite, a lifetime within bounds, no other extensions | `leaves`, `freshness`, `key_packages` |
//! | the sender is the device that posts | `trackers::only_the_committer_posts_its_commit`, `external::the_device_that_posts_is_the_one_that_joins` |
//! | the GroupInfo is of the new epoch and by the committer | `trackers::a_group_info_is_the_committers_and_of_the_new_epoch`, `trackers::a_group_info_is_signed` |
//! | it has the confirmation tag of the commit | `a_group_info_has_the_confirmation_tag_of_its_commit` |
//! | it brings no tree | `trackers::a_group_info_brings_no_tree` |
//! | a group has the two extensions and an id of 16 bytes | `trackers::a_group_without_our_rules_is_neither_tracked_nor_joined` |
//!
//! That added devices are registered and not revoked is for the node, which knows them.

use std::collections::BTreeMap;

use openmls::prelude::{
    BasicCredential, CredentialWithKey, ExternalInitProposal, GroupId, MlsGroup, Proposal,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::certificate::{Certificate, CertificateError};
use qnpc_crypto::signature::SigningKey;
use tls_codec::Serialize as _;

use super::forgery::own;
use super::{both_suites, bytes, id, world, Person, World, ALICE, ANY, BOB};
use crate::config;
use crate::error::Error;
use crate::key_package::validate;
use crate::member::Membership;
use crate::policy::Refusal;
use crate::provider::{DeviceSigner, Provider};
use crate::roles::Roles;
use crate::suite::Suite;
use crate::tracker::Tracker;
use crate::wire::{self, vector, Reader};

#[test]
fn external_init_is_for_those_outside() {
    let mut world = world();
    let proposal = Proposal::ExternalInit(Box::new(ExternalInitProposal::from(vec![1; 32])));
    let forged = world.forge(ALICE, |commit| commit.add_proposal(proposal));
    let key = world.people[ALICE].key();
    let at_node = world
        .tracker
        .process(&forged.commit, &key, &forged.group_info, ANY);
    assert!(matches!(
        at_node,
        Err(Error::Refused(Refusal::ProposalType | Refusal::Protocol(_)))
    ));
    let at_member = world.people[BOB].refuses(&forged.commit);
    assert!(matches!(
        at_member,
        Error::Refused(Refusal::ProposalType | Refusal::Protocol(_))
    ));
}

/// A group whose creator's leaf is not what a leaf must be: the node does not track it, nobody joins it.
#[test]
fn a_tree_is_held_to_what_every_leaf_is() {
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let mut stolen = own(&bob);
    stolen.signature_key = alice.key().to_vec().into();
    let unsigned = CredentialWithKey {
        credential: BasicCredential::new(b"alice".to_vec()).into(),
        signature_key: alice.key().to_vec().into(),
    };
    let malformed = || Refusal::Certificate(CertificateError::Malformed);
    let cases: [(_, &dyn Fn() -> Refusal); 2] =
        [(stolen, &|| Refusal::OtherDevice), (unsigned, &malformed)];
    for (credential, rule) in cases {
        let provider = Provider::new(&alice.store);
        let signer = DeviceSigner(&alice.device);
        let roles = Roles::of(alice.identity.public());
        let config = config::create(Suite::Classical, &roles).unwrap();
        let group = GroupId::random(provider.rand());
        let mut mls =
            MlsGroup::new_with_group_id(&provider, &signer, &config, group, credential).unwrap();
        assert_eq!(
            mls.configuration().wire_format_policy(),
            PURE_PLAINTEXT_WIRE_FORMAT_POLICY
        );
        let info = mls
            .export_group_info(provider.crypto(), &signer, false)
            .unwrap();
        let tree = mls.export_ratchet_tree().tls_serialize_detached().unwrap();
        let tracked = Tracker::from_group_info(&bytes(&info), &tree).map(|_| ());
        assert_eq!(tracked, Err(Error::Refused(rule())));

        let mut dave = Person::new("dave");
        let package = validate(&dave.key_package(Suite::Classical), Suite::Classical).unwrap();
        let (_, welcome, _) = mls.add_members(&provider, &signer, &[package]).unwrap();
        mls.merge_pending_commit(&provider).unwrap();
        let tree = mls.export_ratchet_tree().tls_serialize_detached().unwrap();
        let joined = dave.join(&bytes(&welcome), &tree);
        assert_eq!(joined, Err(Error::Refused(rule())));
    }
}

/// The library looks first; should it ever not, the policy does.
#[test]
fn a_device_is_in_one_leaf() {
    let certificate = Certificate::parse(&Person::new("bob").certificate).unwrap();
    let roles = || Roles::of(certificate.identity_key());
    let of = |leaves: BTreeMap<u32, Certificate>| {
        Membership::new(Suite::Classical, roles(), leaves).map(|_| ())
    };
    let once = BTreeMap::from([(0, certificate.clone())]);
    let twice = BTreeMap::from([(0, certificate.clone()), (3, certificate.clone())]);
    assert_eq!(of(once), Ok(()));
    assert_eq!(of(twice), Err(Refusal::DeviceTwice));
}

#[test]
fn a_group_info_has_the_confirmation_tag_of_its_commit() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let update = world.people[BOB].group().commit_update(id(1)).unwrap();
        let bob = &world.people[BOB].device;
        let resigned = |change: bool| {
            let mut info = update.group_info.clone();
            let tag = wire::GroupInfo::parse(&info).unwrap().confirmation_tag;
            let at = info
                .windows(tag.len())
                .rposition(|window| window == tag)
                .unwrap();
            info[at] ^= u8::from(change);
            let signed = wire::GroupInfo::parse(&info).unwrap().signed_content();
            let signature = bob.sign_raw(&signed.unwrap());
            let start = info.len() - signature.len();
            info[start..].copy_from_slice(&signature);
            info
        };
        let key = bob.public();
        let posted = |info: &[u8]| {
            let posted = world.tracker.process(&update.commit, &key, info, ANY);
            posted.map(|_| ())
        };
        assert_eq!(posted(&resigned(false)), Ok(()));
        assert_eq!(
            posted(&resigned(true)),
            Err(Error::Refused(Refusal::GroupInfo))
        );
    });
}

/// A commit whose path brings another leaf key, signed again by its device; only members could tell that its tags are wrong.
#[test]
fn a_committers_new_key_can_be_sealed_to() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let update = world.people[BOB].group().commit_update(id(1)).unwrap();
        let context = {
            let group = world.people[BOB].group().mls.public_group();
            group.group_context().tls_serialize_detached().unwrap()
        };
        let leaf = world.people[BOB].group().own_leaf();
        let device = &world.people[BOB].device;
        let with = |key: Option<Vec<u8>>| {
            let changed = rekeyed(&update.commit, &context, leaf, device, key);
            let (key, info) = (device.public(), &update.group_info);
            let posted = world.tracker.process(&changed, &key, info, ANY);
            posted.map(|_| ())
        };
        assert_eq!(with(None), Ok(()));
        let length = suite.encryption_key();
        let bad = match suite {
            Suite::Classical => vec![0; length],
            Suite::Hybrid => vec![0xff; length],
        };
        for key in [bad, vec![9; length - 1], vec![]] {
            assert_eq!(with(Some(key)), Err(Error::Refused(Refusal::EncryptionKey)));
        }
    });
}

/// A commit (RFC 9420, sections 6 and 12.4) with another leaf key in its path.
fn rekeyed(
    commit: &[u8],
    context: &[u8],
    leaf: u32,
    device: &SigningKey,
    key: Option<Vec<u8>>,
) -> Vec<u8> {
    let upto = |reader: &Reader<'_>| &commit[..commit.len() - reader.0.len()];
    let mut reader = Reader(&commit[4..]);
    let group_id = reader.vector().unwrap();
    reader = Reader(&reader.0[8 + 5..]); // epoch, sender
    reader.vector().unwrap(); // authenticated_data
    reader.u8().unwrap(); // content_type
    reader.vector().unwrap(); // proposals
    assert_eq!(reader.u8(), Some(1)); // there is a path
    let head = upto(&reader).to_vec();

    let old = reader.vector().unwrap();
    let fields = reader.0;
    reader.vector().unwrap(); // signature_key
    reader = Reader(&reader.0[2..]);
    for _ in 0..6 {
        reader.vector().unwrap(); // credential, capabilities
    }
    assert_eq!(reader.u8(), Some(3)); // the leaf is of a commit
    reader.vector().unwrap(); // parent_hash
    reader.vector().unwrap(); // extensions
    let fields = &fields[..fields.len() - reader.0.len()];
    reader.vector().unwrap(); // signature
    let nodes = vector(reader.vector().unwrap()).unwrap();
    reader.vector().unwrap(); // signature
    let tags = reader.0;

    let sign = |label: &[u8], content: &[u8]| {
        let signed = [vector(label).unwrap(), vector(content).unwrap()].concat();
        vector(&device.sign_raw(&signed)).unwrap()
    };
    let key = vector(&key.unwrap_or(old.to_vec())).unwrap();
    let place = [&vector(group_id).unwrap()[..], &leaf.to_be_bytes()].concat();
    let leaf = [&key, fields].concat();
    let signature = sign(b"MLS 1.0 LeafNodeTBS", &[&leaf[..], &place].concat());
    let content = [head, leaf, signature, nodes].concat();
    let signature = sign(b"MLS 1.0 FramedContentTBS", &[&content, context].concat());
    [&content, &signature[..], tags].concat()
}
