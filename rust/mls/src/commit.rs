//! Commits of our own: built, held against the same policy as everybody else's, and staged until the node has decided.
//!
//! The path is always there, so every commit also renews the committer's keys. What the policy refuses is refused here, before
//! anything is sent, and leaves neither a pending commit nor a changed row.

use std::collections::BTreeSet;

use openmls::prelude::{KeyPackage, LeafNodeIndex, MlsMessageOut, Sender, StagedCommit};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::Serialize as _;

use crate::authenticated::{Authenticated, Quote};
use crate::config;
use crate::error::Error;
use crate::group::Group;
use crate::key_package;
use crate::knowing::Knowing;
use crate::message::MessageId;
use crate::policy::{check_commit, DeviceKey, Externals, Grounds, Posted, Refusal, Verdict};
use crate::provider::{DeviceSigner, Provider, CRYPTO};
use crate::refusals;
use crate::roles::Roles;

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

/// What a commit of ours is to do.
#[derive(Default)]
#[cfg_attr(feature = "simulation", derive(Clone))]
pub(crate) struct Content {
    adds: Vec<KeyPackage>,
    removals: Vec<LeafNodeIndex>,
    roles: Option<Roles>,
    quotes: Vec<Quote>,
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
        let content = Content {
            adds: packages?,
            ..Content::default()
        };
        self.commit(content, message_id)
    }

    /// Removes devices by their keys.
    pub fn commit_remove<B: AsRef<[u8]>>(
        &mut self,
        devices: &[B],
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        self.commit_remove_quoting(devices, Vec::new(), message_id)
    }

    /// Removes devices by their keys, and those that the quotes let anybody remove.
    pub fn commit_remove_quoting<B: AsRef<[u8]>>(
        &mut self,
        devices: &[B],
        quotes: Vec<Quote>,
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        let quoted: Vec<DeviceKey> = quotes.iter().map(Quote::device).collect();
        let mut removals = Vec::with_capacity(devices.len() + quoted.len());
        let devices = devices.iter().map(AsRef::as_ref);
        for device in devices.chain(quoted.iter().map(AsRef::as_ref)) {
            let leaf = self.membership.leaf_of(device).ok_or(Refusal::NotAMember)?;
            if removals.contains(&LeafNodeIndex::new(leaf)) {
                return Err(Error::Malformed("a device is named twice"));
            }
            removals.push(LeafNodeIndex::new(leaf));
        }
        if removals.is_empty() {
            return Err(Error::Malformed("there is no device to remove"));
        }
        let content = Content {
            removals,
            quotes,
            ..Content::default()
        };
        self.commit(content, message_id)
    }

    /// Makes accounts admins, and others admins no longer, by identity key.
    pub fn commit_roles(
        &mut self,
        promote: &[DeviceKey],
        demote: &[DeviceKey],
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        let before = &self.membership.roles;
        if demote.iter().any(|account| !before.is_admin(account)) {
            return Err(Error::Malformed("only an admin can be demoted"));
        }
        let mut admins: BTreeSet<DeviceKey> = before.admins().chain(promote).copied().collect();
        admins.retain(|account| !demote.contains(account));
        let roles = Roles::from_admins(admins).ok_or(Refusal::NoAdmin)?;
        if roles == *before {
            return Err(Error::Malformed("the roles are these already"));
        }
        let content = Content {
            roles: Some(roles),
            ..Content::default()
        };
        self.commit(content, message_id)
    }

    /// Renews our keys and nothing else.
    pub fn commit_update(&mut self, message_id: MessageId) -> Result<PendingCommit, Error> {
        self.commit(Content::default(), message_id)
    }

    fn commit(&mut self, content: Content, message_id: MessageId) -> Result<PendingCommit, Error> {
        self.must_be_operational()?;
        self.flush()?;
        let grounds = self.grounds(&content.quotes)?;
        let store = self.store.clone();
        let outcome = store.atomically(|| {
            #[cfg(not(feature = "simulation"))]
            let commit = self.stage(content, message_id)?;
            #[cfg(feature = "simulation")]
            let commit = self.stage_in_order(content, message_id)?;
            match self.check_pending(&grounds) {
                Ok(verdict) => {
                    self.after_pending = Some(verdict.next);
                    Ok(commit)
                }
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

    pub(crate) fn stage(
        &mut self,
        content: Content,
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        let provider = Provider::new(&self.store);
        let knowing = Knowing::new(&provider);
        let signer = DeviceSigner(&self.device);
        let data = Authenticated::encode(message_id, &content.quotes);
        self.mls
            .set_aad(data.ok_or(Error::Malformed("there is too much to quote"))?);
        let mut builder = self
            .mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(true)
            .propose_removals(content.removals)
            .propose_adds(content.adds);
        if let Some(roles) = &content.roles {
            builder = builder
                .propose_group_context_extensions(config::context_extensions(roles)?)
                .map_err(refusals::commit)?;
        }
        let messages = builder
            .load_psks(knowing.storage())
            .map_err(refusals::commit)?
            .use_ratchet_tree_extension(false)
            .create_group_info(true)
            .build(knowing.rand(), knowing.crypto(), &signer, |_| true)
            .map_err(refusals::commit)?
            .stage_commit(&knowing)
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
        // The very commit that was checked when it was made, unless this device has started again since.
        let next = match self.after_pending.take() {
            Some(next) => next,
            None => self.check_pending(&Grounds::Settled)?.next,
        };
        let provider = Provider::writing(&self.store, self.merging());
        self.mls
            .merge_pending_commit(&provider)
            .map_err(Error::library)?;
        self.merged(next);
        Ok(())
    }

    /// Forgets our pending commit: the node has refused it. Never on a mere silence, since it may have been accepted.
    pub fn clear_pending(&mut self) -> Result<(), Error> {
        self.pending()?;
        self.after_pending = None;
        let provider = Provider::new(&self.store);
        Ok(self.mls.clear_pending_commit(provider.storage())?)
    }

    fn pending(&self) -> Result<&StagedCommit, Error> {
        self.mls
            .pending_commit()
            .ok_or_else(|| Error::state("no commit of ours is pending"))
    }

    fn check_pending(&self, grounds: &Grounds) -> Result<Verdict, Error> {
        let posted = Posted {
            sender: &Sender::Member(self.mls.own_leaf_index()),
            commit: self.pending()?,
            grounds,
            externals: Externals::Refused,
        };
        Ok(check_commit(&CRYPTO, &self.membership, posted)?)
    }
}
