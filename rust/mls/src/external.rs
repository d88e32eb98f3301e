//! Joining by oneself: an external commit (RFC 9420, section 12.4.3.2) of a new device of an account in the group, or of a device
//! that has lost its place in it.
//!
//! It is made in a store of its own. Until the node has accepted it, the group that this device may still be in is left alone and
//! goes on; dropping an [`ExternalCommit`] leaves no trace. What the policy refuses is refused here, by the same function that the
//! node runs.

use std::fmt;
use std::sync::Arc;

use openmls::prelude::{GroupId, LeafNodeParameters, MlsGroup};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::signature::SigningKey;
use tls_codec::Serialize as _;

use crate::config;
use crate::credential::credential;
use crate::error::Error;
use crate::group::Group;
use crate::key_package::own_certificate;
use crate::knowing::Knowing;
use crate::member::Member;
use crate::message::MessageId;
use crate::policy::{DeviceKey, Externals, Refusal};
use crate::provider::{DeviceSigner, Provider};
use crate::refusals;
use crate::store::{Row, Store};
use crate::tracker::{parse_group, Tracker};

/// A commit by which this device joins, and the group's state as it is once the node has accepted it.
pub struct ExternalCommit {
    /// The commit, a signed PublicMessage.
    pub commit: Vec<u8>,
    /// The GroupInfo of the new epoch, signed by us, without the tree.
    pub group_info: Vec<u8>,
    /// The group's id.
    pub group_id: Vec<u8>,
    /// The epoch that it leads to.
    pub epoch: u64,
    /// The members of that epoch, by leaf. What differs from what this device last saw is for its user to accept.
    pub members: Vec<Member>,
    /// The state, for [`Group::adopt`]. It holds secrets.
    pub rows: Vec<Row>,
}

impl fmt::Debug for ExternalCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalCommit")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Group {
    /// A commit by which `device` joins the group of a GroupInfo and its tree. Reads `store`, and writes nothing to it.
    ///
    /// The node that hands them over could be going back in time, or be together with somebody who was thrown out: so the epoch is not
    /// before the one that `store` knows, and the GroupInfo's signer is none of `removed`. A device that knows of its own removal
    /// does not try.
    pub fn external_commit(
        store: &Arc<Store>,
        device: &SigningKey,
        certificate: &[u8],
        group_info: &[u8],
        tree: &[u8],
        message_id: MessageId,
        removed: &[DeviceKey],
    ) -> Result<ExternalCommit, Error> {
        let certificate = own_certificate(device, certificate)?;
        let (tracker, verified) = Tracker::begin(group_info, tree)?;
        let signer = tracker.signer(group_info)?;
        if removed.contains(&signer.certificate.device()) {
            return Err(Refusal::RemovedSigner.into());
        }
        let group_id = GroupId::from_slice(tracker.group_id());
        let provider = Provider::new(store);
        if let Some(known) = MlsGroup::load(provider.storage(), &group_id)? {
            if !known.is_active() {
                return Err(Refusal::Barred.into());
            }
            if tracker.epoch() < known.epoch().as_u64() {
                return Err(Refusal::OlderEpoch.into());
            }
        }

        let scratch = Arc::new(Store::new());
        let provider = Provider::new(&scratch);
        let knowing = Knowing::new(&provider);
        knowing.learn(verified);
        let (info, tree) = parse_group(group_info, tree)?;
        let leaf = LeafNodeParameters::builder()
            .with_capabilities(config::capabilities())
            .build();
        let (mls, messages) = MlsGroup::external_commit_builder()
            .with_config(config::join())
            .with_aad(message_id.to_vec())
            .with_ratchet_tree(tree)
            .skip_lifetime_validation()
            .build_group(&knowing, info, credential(&certificate))
            .map_err(refusals::external_builder)?
            .leaf_node_parameters(leaf)
            .load_psks(provider.storage())
            .map_err(refusals::commit)?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(
                knowing.rand(),
                knowing.crypto(),
                &DeviceSigner(device),
                |_| true,
            )
            .map_err(refusals::commit)?
            .finalize(&knowing)
            .map_err(Error::library)?;
        let (commit, _, group_info) = messages.into_messages();
        let group_info =
            group_info.ok_or_else(|| Error::state("the library made no group info"))?;
        let commit = commit.tls_serialize_detached().map_err(Error::library)?;
        let group_info = group_info
            .tls_serialize_detached()
            .map_err(Error::library)?;
        tracker.process(
            &commit,
            &device.public(),
            &group_info,
            Externals::Except(&[]),
        )?;

        let group = Self::of(&scratch, device, mls)?;
        let rows = scratch.take_delta()?.into_iter();
        Ok(ExternalCommit {
            commit,
            group_info,
            group_id: group.group_id().to_vec(),
            epoch: group.epoch(),
            members: group.members(),
            rows: rows
                .filter_map(|(scope, key, value)| Some((scope, key, value?)))
                .collect(),
        })
    }

    /// Takes over the state of an [`ExternalCommit`] that the node has accepted, in place of whatever the store held of the group.
    ///
    /// Once: a state that is adopted again would use its keys again.
    pub fn adopt(store: &Arc<Store>, device: &SigningKey, rows: Vec<Row>) -> Result<Self, Error> {
        const NOT_A_GROUP: Error = Error::Malformed("these are not the rows of one group");
        let group_id = rows.first().ok_or(NOT_A_GROUP)?.0.clone();
        if group_id.is_empty() || rows.iter().any(|(scope, ..)| *scope != group_id) {
            return Err(NOT_A_GROUP);
        }
        store.atomically(|| {
            let before = Self::load(store, device, &group_id)?.map(|group| group.epoch());
            store.replace_scope(&group_id, rows)?;
            let group = Self::load(store, device, &group_id)?.ok_or(NOT_A_GROUP)?;
            if before.is_some_and(|epoch| epoch >= group.epoch()) {
                return Err(Error::state("this device is in that epoch already"));
            }
            Ok(group)
        })
    }
}
