//! The public state of a group in which some leaf has outlived its lifetime.
//!
//! openmls builds a PublicGroup only from leaves that are valid now, and a member who was invited and never came keeps the leaf of
//! its key package. RFC 9420, section 7.3, leaves it open whether a tree is held to that; a node that did so could never judge a
//! commit of the group again, not even the one that removes the leaf. The one way past it that the library has is an external
//! commit: one is made by nobody, for the sake of the public state that is written before it, and thrown away. All other
//! checks are the same.

use std::sync::Arc;

use openmls::prelude::{
    BasicCredential, CredentialWithKey, LeafNodeParameters, MlsGroup, PublicGroup,
};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::signature::SigningKey;

use super::parse_group;
use crate::config;
use crate::error::Error;
use crate::knowing::Knowing;
use crate::provider::{DeviceSigner, Provider};
use crate::refusals;
use crate::store::Store;
use crate::verified::Verified;

pub(super) fn public_group(
    store: &Store,
    group_info: &[u8],
    tree: &[u8],
    verified: Arc<Verified>,
) -> Result<PublicGroup, Error> {
    let (info, tree) = parse_group(group_info, tree)?;
    let group_id = info.group_id().clone();
    let provider = Provider::public(store);
    let knowing = Knowing::new(&provider);
    knowing.learn(verified);
    let nobody = SigningKey::generate().map_err(Error::library)?;
    let credential = CredentialWithKey {
        credential: BasicCredential::new(Vec::new()).into(),
        signature_key: nobody.public().to_vec().into(),
    };
    let leaf = LeafNodeParameters::builder()
        .with_capabilities(config::capabilities())
        .build();
    let finished = MlsGroup::external_commit_builder()
        .with_config(config::join())
        .with_ratchet_tree(tree)
        .skip_lifetime_validation()
        .build_group(&knowing, info, credential)
        .map_err(refusals::external_builder)?
        .leaf_node_parameters(leaf)
        .load_psks(provider.storage())
        .map_err(refusals::commit)?
        .build(
            knowing.rand(),
            knowing.crypto(),
            &DeviceSigner(&nobody),
            |_| true,
        )
        .map_err(refusals::commit)?
        .finalize(&knowing);
    // It ends at the first secret that it would store, after the public state of the epoch before it.
    drop(finished);
    PublicGroup::load(provider.storage(), &group_id)?
        .ok_or_else(|| Error::state("the library stored no public group"))
}
