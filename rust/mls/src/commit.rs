//! Commits of our own: built, held against the same policy as everybody else's, and staged until the node has decided.
//!
//! The path is always there, so every commit also renews the committer's keys. What the policy refuses is refused here, before
//! anything is sent, and leaves neither a pending commit nor a changed row.

use openmls::prelude::{KeyPackage, LeafNodeIndex, MlsMessageOut, Sender, StagedCommit};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::Serialize as _;

use crate::error::Error;
use crate::group::Group;
use crate::key_package;
use crate::message::MessageId;
use crate::policy::{check_commit, Externals, Refusal, Verdict};
use crate::provider::{crypto, DeviceSigner, Provider};
use crate::refusals;

/// A commit of our own as messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCommit {
    /// The commit, a signed PublicMessage.
    pub commit: Vec<u8>,
    /// One Welcome for all that are added.
    pub welcome: Option<Vec<u8>>,
    /// The GroupInfo of the new epoch, signed by us, without the tree.
    pub group_info: Vec<u8>,
}

impl Group {
    /// Adds devices.
    pub fn commit_add<B: AsRef<[u8]>>(
        &mut self,
        key_packages: &[B],
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        if key_packages.is_empty() {
            return Err(Error::Malformed("there is no key package to add"));
        }
        let suite = self.suite();
        let packages: Result<Vec<KeyPackage>, Error> = key_packages
            .iter()
            .map(|message| key_package::validate(message.as_ref(), suite))
            .collect();
        self.commit(packages?, Vec::new(), message_id)
    }

    /// Removes devices by their keys.
    pub fn commit_remove<B: AsRef<[u8]>>(
        &mut self,
        devices: &[B],
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        if devices.is_empty() {
            return Err(Error::Malformed("there is no device to remove"));
        }
        let mut leaves = Vec::with_capacity(devices.len());
        for device in devices {
            let leaf = self
                .membership
                .leaf_of(device.as_ref())
                .ok_or(Refusal::NotAMember)?;
            if leaves.contains(&LeafNodeIndex::new(leaf)) {
                return Err(Error::Malformed("a device is named twice"));
            }
            leaves.push(LeafNodeIndex::new(leaf));
        }
        self.commit(Vec::new(), leaves, message_id)
    }

    /// Renews our keys and nothing else.
    pub fn commit_update(&mut self, message_id: MessageId) -> Result<PendingCommit, Error> {
        self.commit(Vec::new(), Vec::new(), message_id)
    }

    fn commit(
        &mut self,
        adds: Vec<KeyPackage>,
        removals: Vec<LeafNodeIndex>,
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        self.must_be_operational()?;
        self.flush()?;
        let store = self.store.clone();
        let outcome = store.atomically(|| {
            let commit = self.stage(adds, removals, message_id)?;
            match self.check_pending() {
                Ok(_) => Ok(commit),
                Err(refusal) => {
                    // In memory; the row that this writes is undone with the others.
                    self.clear_pending()?;
                    Err(refusal)
                }
            }
        });
        self.mls.set_aad(Vec::new());
        outcome
    }

    fn stage(
        &mut self,
        adds: Vec<KeyPackage>,
        removals: Vec<LeafNodeIndex>,
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        let provider = Provider::new(&self.store)?;
        let signer = DeviceSigner(&self.device);
        self.mls.set_aad(message_id.to_vec());
        let messages = self
            .mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(true)
            .propose_removals(removals)
            .propose_adds(adds)
            .load_psks(provider.storage())
            .map_err(refusals::commit)?
            .use_ratchet_tree_extension(false)
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), &signer, |_| true)
            .map_err(refusals::commit)?
            .stage_commit(&provider)
            .map_err(Error::library)?;
        let (commit, welcome, group_info) = messages.into_messages();
        let bytes =
            |message: MlsMessageOut| message.tls_serialize_detached().map_err(Error::library);
        let group_info =
            group_info.ok_or_else(|| Error::state("the library made no group info"))?;
        Ok(PendingCommit {
            commit: bytes(commit)?,
            welcome: welcome.map(bytes).transpose()?,
            group_info: bytes(group_info)?,
        })
    }

    /// Applies our pending commit: the node has accepted it, or it came back.
    pub fn merge_pending(&mut self) -> Result<(), Error> {
        let next = self.check_pending()?.next;
        let provider = Provider::new(&self.store)?;
        self.mls
            .merge_pending_commit(&provider)
            .map_err(Error::library)?;
        self.merged(next);
        Ok(())
    }

    /// Forgets our pending commit: the node has refused it. Never on a mere silence, since it may have been accepted.
    pub fn clear_pending(&mut self) -> Result<(), Error> {
        self.pending()?;
        let provider = Provider::new(&self.store)?;
        Ok(self.mls.clear_pending_commit(provider.storage())?)
    }

    fn pending(&self) -> Result<&StagedCommit, Error> {
        self.mls
            .pending_commit()
            .ok_or_else(|| Error::state("no commit of ours is pending"))
    }

    fn check_pending(&self) -> Result<Verdict, Error> {
        let sender = Sender::Member(self.mls.own_leaf_index());
        Ok(check_commit(
            crypto()?,
            &self.membership,
            &sender,
            self.pending()?,
            Externals::Refused,
        )?)
    }
}
