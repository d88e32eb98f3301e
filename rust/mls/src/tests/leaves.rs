//! What the leaves may hold that a commit adds or renews.

use openmls::prelude::{
    BasicCredential, Credential, CredentialWithKey, LeafNodeParameters, NewSignerBundle,
};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::certificate::{Certificate, CertificateError};
use qnpc_crypto::signature::SigningKey;

use super::forgery::{honest_package, own, raw};
use super::{bytes, id, world, Person, ALICE, BOB};
use crate::credential::credential;
use crate::error::Error;
use crate::policy::Refusal;
use crate::provider::{DeviceSigner, Provider};
use crate::suite::Suite;
use crate::PendingCommit;

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
    let provider = Provider::new(&store);
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
    let forged = PendingCommit {
        commit: bytes(&commit),
        welcome: welcome.as_ref().map(bytes),
        group_info: bytes(&group_info.unwrap()),
    };
    world.all_refuse(BOB, &forged, || Refusal::LeafChanged);
}
