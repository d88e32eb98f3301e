//! What only somebody who bypasses this crate can make, and the parts to make it of.

use openmls::prelude::{
    CommitBuilder, CredentialWithKey, Initial, KeyPackage, KeyPackageBuilder, LeafNodeIndex,
};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::SigningKey;

use super::{bytes, id, Person, World};
use crate::config;
use crate::credential::credential;
use crate::provider::{DeviceSigner, Provider};
use crate::store::Store;
use crate::suite::Suite;
use crate::PendingCommit;

/// A commit.
pub(super) fn forge(
    person: &mut Person,
    build: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
) -> PendingCommit {
    forge_saying(person, &id(66), build)
}

/// A commit with this authenticated data.
pub(super) fn forge_saying(
    person: &mut Person,
    authenticated_data: &[u8],
    build: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
) -> PendingCommit {
    let store = person.store.clone();
    let device = SigningKey::from_seed(person.device.seed()).unwrap();
    let mls = &mut person.group.as_mut().unwrap().mls;
    let provider = Provider::new(&store);
    mls.set_aad(authenticated_data.to_vec());
    let messages = build(mls.commit_builder().force_self_update(true))
        .load_psks(provider.storage())
        .unwrap()
        .use_ratchet_tree_extension(false)
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
    let (commit, welcome, group_info) = messages.into_messages();
    PendingCommit {
        commit: bytes(&commit),
        welcome: welcome.as_ref().map(bytes),
        group_info: bytes(&group_info.unwrap()),
    }
}

/// A key package that bypasses this crate.
pub(super) fn raw(
    person: &Person,
    suite: Suite,
    credential: CredentialWithKey,
    build: impl FnOnce(KeyPackageBuilder) -> KeyPackageBuilder,
) -> KeyPackage {
    let store = Store::new();
    let provider = Provider::new(&store);
    let builder = KeyPackage::builder().leaf_node_capabilities(config::capabilities());
    build(builder)
        .build(
            suite.ciphersuite(),
            &provider,
            &DeviceSigner(&person.device),
            credential,
        )
        .unwrap()
        .into_key_package()
}

pub(super) fn honest_package(person: &Person) -> KeyPackage {
    raw(person, Suite::Classical, own(person), |builder| builder)
}

pub(super) fn own(person: &Person) -> CredentialWithKey {
    credential(&Certificate::parse(&person.certificate).unwrap())
}

pub(super) fn leaf(world: &World, person: usize) -> LeafNodeIndex {
    LeafNodeIndex::new(world.people[person].group.as_ref().unwrap().own_leaf())
}
