//! Joining a group from a Welcome (RFC 9420, section 12.4.3.1).
//!
//! The Welcome comes from a member, the tree from the node; the Welcome's signed GroupInfo pins the tree's hash. A join that fails
//! costs nothing: its key package is still there for another try.

use std::sync::Arc;

use openmls::prelude::{
    GroupId, MlsGroup, MlsMessageBodyIn, RatchetTreeIn, StagedWelcome, Welcome,
};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::signature::SigningKey;
use tls_codec::Deserialize as _;

use crate::config;
use crate::error::Error;
use crate::group::Group;
use crate::knowing::Knowing;
use crate::message;
use crate::policy::{check_group, Refusal};
use crate::provider::Provider;
use crate::refusals;
use crate::store::Store;
use crate::verified::Verified;

impl Group {
    /// Joins from a Welcome for one of the store's key packages, which is used up.
    ///
    /// Lifetimes in the tree are not looked at: a member that has been silent for three months must not keep others from joining.
    pub fn join(
        store: &Arc<Store>,
        device: &SigningKey,
        welcome: &[u8],
        tree: &[u8],
    ) -> Result<Self, Error> {
        let MlsMessageBodyIn::Welcome(welcome) = message::parse(welcome)?.extract() else {
            return Err(Error::Malformed("this is not a welcome"));
        };
        let parsed = RatchetTreeIn::tls_deserialize_exact(tree)
            .map_err(|_| Error::Malformed("this is not a ratchet tree"))?;
        store.atomically(|| Self::join_parsed(store, device, welcome, tree, parsed))
    }

    fn join_parsed(
        store: &Arc<Store>,
        device: &SigningKey,
        welcome: Welcome,
        tree: &[u8],
        parsed: RatchetTreeIn,
    ) -> Result<Self, Error> {
        let provider = Provider::new(store);
        let knowing = Knowing::new(&provider);
        let builder = StagedWelcome::build_from_welcome(&knowing, &config::join(), welcome)
            .map_err(refusals::welcome)?;
        let offered = builder.processed_welcome();
        if !offered.psks().is_empty()
            || offered
                .unverified_group_info()
                .extensions()
                .iter()
                .next()
                .is_some()
        {
            return Err(Refusal::Welcome.into());
        }
        let package = offered
            .own_key_package()
            .ok_or_else(|| Error::state("the welcome used no key package"))?;
        if package.leaf_node().signature_key().as_slice() != device.public() {
            return Err(Error::Unreadable("the welcome is for another device"));
        }
        let leaf = package.leaf_node().clone();
        let group_id = offered.unverified_group_info().group_id();
        make_room(store, &provider, group_id)?;
        knowing.learn(Verified::of_tree(tree, group_id.as_slice()).into());

        let staged = builder
            .with_ratchet_tree(parsed)
            .skip_lifetime_validation()
            .build()
            .map_err(refusals::welcome)?;
        if staged.own_leaf_node() != Some(&leaf) {
            return Err(Refusal::OwnLeaf.into());
        }
        let mls = staged.into_group(&knowing).map_err(refusals::welcome)?;
        let membership = check_group(mls.public_group())?;
        Self::with(store, device, mls, membership)
    }
}

/// Deletes what an earlier membership left behind. A membership that stands is not given up for a Welcome.
fn make_room(store: &Store, provider: &Provider<'_>, group_id: &GroupId) -> Result<(), Error> {
    match MlsGroup::load(provider.storage(), group_id)? {
        Some(group) if group.is_active() => Err(Refusal::AlreadyMember.into()),
        _ => Ok(store.delete_scope(group_id.as_slice())?),
    }
}
