//! The passive-client vectors of the MLS working group through openmls' public API, on our provider and our store.

use openmls::prelude::{
    KeyPackageBundle, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, ProcessedMessageContent,
    RatchetTreeIn, StagedWelcome, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY,
};
use openmls::schedule::PreSharedKeyId;
use openmls_traits::storage::StorageProvider as _;
use openmls_traits::OpenMlsProvider as _;
use serde_json::{json, Value};
use tls_codec::Deserialize as _;

use super::{hex, vectors};
use crate::message::{parse, parse_protocol};
use crate::provider::Provider;
use crate::store::Store;

/// Joins, then processes every epoch; from rows alone each time.
fn follow(vector: &Value) -> usize {
    let mut store = Store::new();
    let provider = Provider::new(&store).unwrap();
    for psk in vector["external_psks"].as_array().unwrap() {
        let id = PreSharedKeyId::external(hex(&psk["psk_id"]), Vec::new());
        id.store(&provider, &hex(&psk["psk"])).unwrap();
    }
    let MlsMessageBodyIn::KeyPackage(package) =
        parse(&hex(&vector["key_package"])).unwrap().extract()
    else {
        panic!("not a key package");
    };
    // The library has no door for a key package that was made elsewhere, but reads one back from where it stored it.
    let bundle: KeyPackageBundle = serde_json::from_value(json!({
        "key_package": serde_json::to_value(&package).unwrap(),
        "private_init_key": {"vec": hex(&vector["init_priv"])},
        "private_encryption_key": {"key": {"vec": hex(&vector["encryption_priv"])}},
    }))
    .unwrap();
    let reference = bundle.key_package().hash_ref(provider.crypto()).unwrap();
    provider
        .storage()
        .write_key_package(&reference, &bundle)
        .unwrap();

    let config = MlsGroupJoinConfig::builder()
        .use_ratchet_tree_extension(true)
        .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
        .number_of_resumption_psks(16)
        .build();
    let MlsMessageBodyIn::Welcome(welcome) = parse(&hex(&vector["welcome"])).unwrap().extract()
    else {
        panic!("not a welcome");
    };
    let mut builder = StagedWelcome::build_from_welcome(&provider, &config, welcome)
        .unwrap()
        .skip_lifetime_validation();
    if vector["ratchet_tree"].is_string() {
        let tree = RatchetTreeIn::tls_deserialize_exact(hex(&vector["ratchet_tree"])).unwrap();
        builder = builder.with_ratchet_tree(tree);
    }
    let group = builder.build().unwrap().into_group(&provider).unwrap();
    assert_eq!(
        group.epoch_authenticator().as_slice(),
        hex(&vector["initial_epoch_authenticator"])
    );
    let id = group.group_id().clone();
    drop(group);

    let epochs = vector["epochs"].as_array().unwrap();
    for epoch in epochs {
        let rows = store.take_delta().unwrap();
        let rows = rows
            .into_iter()
            .filter_map(|(scope, key, value)| Some((scope, key, value?)));
        let next = store.copy().unwrap();
        next.load(rows).unwrap();
        store = next;

        let provider = Provider::new(&store).unwrap();
        let mut group = MlsGroup::load(provider.storage(), &id).unwrap().unwrap();
        let proposals = epoch["proposals"].as_array().unwrap().iter();
        for message in proposals.chain([&epoch["commit"]]) {
            let message = parse_protocol(&hex(message)).unwrap();
            match group
                .process_message(&provider, message)
                .unwrap()
                .into_content()
            {
                ProcessedMessageContent::ProposalMessage(proposal) => {
                    group
                        .store_pending_proposal(provider.storage(), *proposal)
                        .unwrap();
                }
                ProcessedMessageContent::StagedCommitMessage(commit) => {
                    group.merge_staged_commit(&provider, *commit).unwrap();
                }
                other => panic!("not a handshake message: {other:?}"),
            }
        }
        assert_eq!(
            group.epoch_authenticator().as_slice(),
            hex(&epoch["epoch_authenticator"])
        );
    }
    epochs.len()
}

#[test]
fn every_welcome_opens() {
    let vectors = vectors("passive_client_welcome.json");
    assert_eq!(vectors.len(), 8);
    for vector in &vectors {
        follow(vector);
    }
}

#[test]
fn every_commit_is_followed() {
    let vectors = vectors("passive_client_handling_commit.json");
    assert_eq!(vectors.len(), 13);
    assert!(vectors.iter().map(follow).sum::<usize>() >= 13);
}
