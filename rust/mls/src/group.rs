//! A group as one device sees it.
//!
//! Whatever changes it writes rows to the store, and nothing is durable before the caller commits the delta. An operation that
//! is refused leaves group and delta as they were. Reading a batch of messages defers the rewriting of message secrets to the
//! next [`Group::flush`]; losing that delta only means reading the batch again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openmls::group::PastEpochDeletion;
use openmls::prelude::{
    Credential, GroupId, MlsGroup, ProcessedMessage, ProcessedMessageContent, Sender, StagedCommit,
};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::signature::SigningKey;
use tls_codec::Serialize as _;
use zeroize::Zeroizing;

use crate::authenticated::{Authenticated, Quote};
use crate::change::{Change, Next};
use crate::config;
use crate::credential::{certificate_or_known, credential};
use crate::error::Error;
use crate::key_package::own_certificate;
use crate::knowing::Knowing;
use crate::member::{Member, Membership};
use crate::message::{self, MessageId};
use crate::policy::{
    check_commit, check_framing, check_group, Externals, Grounds, Posted, Refusal, GROUP_ID,
};
use crate::provider::{DeviceSigner, Provider, CRYPTO};
use crate::refusals;
use crate::roles::Roles;
use crate::store::{Store, Writes};
use crate::suite::Suite;

/// One group's state at one device.
pub struct Group {
    pub(crate) store: Arc<Store>,
    pub(crate) device: SigningKey,
    pub(crate) mls: MlsGroup,
    pub(crate) membership: Membership,
    /// Who is in the group once our pending commit is merged, if it was checked since this was loaded.
    pub(crate) after_pending: Option<Membership>,
    /// Message secrets in memory are ahead of their rows: which of them are to be written.
    deferred: Option<Writes>,
}

/// What a message turned out to be.
#[derive(Debug)]
pub enum Processed {
    /// Something that a member said.
    Application(Application),
    /// Somebody else's commit, still to be merged.
    Change(Box<Change>),
    /// Our own pending commit, back from the node.
    OwnCommit(OwnCommit),
}

/// A decrypted application message.
pub struct Application {
    /// The sender's leaf and certificate in the epoch it was sent in. The role is the account's of now.
    pub sender: Member,
    /// The epoch it was sent in.
    pub epoch: u64,
    /// Its id.
    pub message_id: MessageId,
    /// What was said.
    pub plaintext: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// Our pending commit came back: [`Group::merge_pending`] applies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnCommit {
    /// The commit's id.
    pub message_id: MessageId,
    /// The epoch that it leads to.
    pub epoch: u64,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

impl Group {
    /// A group of one, whose account is its admin.
    pub fn create(
        store: &Arc<Store>,
        device: &SigningKey,
        certificate: &[u8],
        group_id: &[u8],
        suite: Suite,
    ) -> Result<Self, Error> {
        let certificate = own_certificate(device, certificate)?;
        if group_id.len() != GROUP_ID {
            return Err(Error::Malformed("a group's id is 16 bytes"));
        }
        let config = config::create(suite, &Roles::of(certificate.identity_key()))?;
        let mls = store.atomically(|| {
            let provider = Provider::new(store);
            let id = GroupId::from_slice(group_id);
            MlsGroup::new_with_group_id(
                &provider,
                &DeviceSigner(device),
                &config,
                id,
                credential(&certificate),
            )
            .map_err(Error::library)
        })?;
        Self::of(store, device, mls)
    }

    /// The group that the store's rows hold, or `None`.
    pub fn load(
        store: &Arc<Store>,
        device: &SigningKey,
        group_id: &[u8],
    ) -> Result<Option<Self>, Error> {
        let provider = Provider::new(store);
        match MlsGroup::load(provider.storage(), &GroupId::from_slice(group_id))? {
            Some(mls) => Self::of(store, device, mls).map(Some),
            None => Ok(None),
        }
    }

    /// A group from our own hands, so whatever is wrong with it is wrong with us.
    pub(crate) fn of(
        store: &Arc<Store>,
        device: &SigningKey,
        mls: MlsGroup,
    ) -> Result<Self, Error> {
        let membership = check_group(mls.public_group()).map_err(Error::library)?;
        let own = membership.certificate(mls.own_leaf_index().u32());
        if mls.is_active() && own.is_none_or(|certificate| certificate.device() != device.public())
        {
            return Err(Error::state("the stored group is another device's"));
        }
        Self::with(store, device, mls, membership)
    }

    pub(crate) fn with(
        store: &Arc<Store>,
        device: &SigningKey,
        mls: MlsGroup,
        membership: Membership,
    ) -> Result<Self, Error> {
        Ok(Self {
            store: store.clone(),
            device: SigningKey::from_seed(device.seed()).map_err(Error::library)?,
            mls,
            membership,
            after_pending: None,
            deferred: None,
        })
    }

    /// The group's id.
    pub fn group_id(&self) -> &[u8] {
        self.mls.group_id().as_slice()
    }

    /// Its suite.
    pub fn suite(&self) -> Suite {
        self.membership.suite
    }

    /// Its epoch.
    pub fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    /// Whether this device is still a member.
    pub fn active(&self) -> bool {
        self.mls.is_active()
    }

    /// Whether a commit of our own waits for [`Group::merge_pending`] or [`Group::clear_pending`].
    pub fn is_pending(&self) -> bool {
        self.mls.pending_commit().is_some()
    }

    /// The members, by leaf.
    pub fn members(&self) -> Vec<Member> {
        self.membership.members()
    }

    /// Our leaf.
    pub fn own_leaf(&self) -> u32 {
        self.mls.own_leaf_index().u32()
    }

    /// A PrivateMessage to the group. The delta must be durable before it leaves: otherwise a restart reuses its key.
    pub fn encrypt(&mut self, plaintext: &[u8], message_id: MessageId) -> Result<Vec<u8>, Error> {
        self.must_be_operational()?;
        let provider = Provider::writing(&self.store, self.deferred.unwrap_or(Writes::Current));
        self.mls.set_aad(message_id.to_vec());
        let message = self
            .mls
            .create_message(&provider, &DeviceSigner(&self.device), plaintext);
        self.mls.set_aad(Vec::new());
        let message = message.map_err(Error::library)?;
        self.deferred = None;
        message.tls_serialize_detached().map_err(Error::library)
    }

    /// One message of the group's log. A [`Change`] is still to be merged.
    pub fn process(
        &mut self,
        message: &[u8],
        externals: Externals<'_>,
    ) -> Result<Processed, Error> {
        let message = message::parse_protocol(message)?;
        check_framing(&message, externals)?;
        let late = message.epoch() < self.mls.epoch();
        let store = self.store.clone();
        let provider = Provider::writing(&store, Writes::Later);
        let processed = store.atomically(|| {
            self.mls
                .process_message(&Knowing::new(&provider), message)
                .map_err(refusals::process)
        });
        // Also of what is refused a key may be gone in memory.
        if provider.storage().deferred() && self.deferred != Some(Writes::All) {
            self.deferred = Some(if late { Writes::All } else { Writes::Current });
        }
        let processed = processed?;
        self.classify(processed, externals)
    }

    fn classify(
        &self,
        processed: ProcessedMessage,
        externals: Externals<'_>,
    ) -> Result<Processed, Error> {
        let said = Authenticated::parse(processed.aad())?;
        let message_id = said.message_id;
        let epoch = processed.epoch().as_u64();
        let sender = processed.sender().clone();
        let credential = processed.credential().clone();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => {
                let Sender::Member(leaf) = sender else {
                    return Err(Refusal::NotAMember.into());
                };
                Ok(Processed::Application(Application {
                    sender: self.sender(leaf.u32(), &credential)?,
                    epoch,
                    message_id,
                    plaintext: Zeroizing::new(content.into_bytes()),
                }))
            }
            ProcessedMessageContent::StagedCommitMessage(commit) => self
                .change(&sender, commit, &said, externals)
                .map(|change| Processed::Change(Box::new(change))),
            ProcessedMessageContent::OwnPendingCommit => Ok(Processed::OwnCommit(OwnCommit {
                message_id,
                epoch: epoch + 1,
            })),
            ProcessedMessageContent::OwnPrivateMessage => Err(Error::Unreadable(
                "the message is our own: no device can read what it sent",
            )),
            ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_) => {
                Err(Refusal::NotInline.into())
            }
        }
    }

    /// Who sent a message. Of a past epoch it may be somebody who is in the leaf no more, so that the credential decides.
    fn sender(&self, leaf: u32, credential: &Credential) -> Result<Member, Error> {
        let known = self.membership.certificate(leaf);
        let certificate = certificate_or_known(credential, known)?;
        Ok(self.membership.with_role(leaf, certificate))
    }

    fn change(
        &self,
        sender: &Sender,
        commit: Box<StagedCommit>,
        said: &Authenticated,
        externals: Externals<'_>,
    ) -> Result<Change, Error> {
        let posted = Posted {
            sender,
            commit: &commit,
            grounds: &self.grounds(&said.quotes)?,
            externals,
        };
        let verdict = check_commit(&CRYPTO, &self.membership, posted)?;
        let epoch = commit.epoch().as_u64();
        let next = Next::Staged(commit, verdict.next.clone());
        Ok(Change::new(
            verdict,
            self.membership.roles.clone(),
            self.context()?,
            epoch,
            said.message_id,
            next,
        ))
    }

    pub(crate) fn grounds(&self, quotes: &[Quote]) -> Result<Grounds, Error> {
        Grounds::of(quotes, self.mls.public_group(), &self.membership)
    }

    /// Applies a change of the current epoch. A pending commit of our own is dropped: it lost the race.
    pub fn merge(&mut self, change: &Change) -> Result<(), Error> {
        match change.take(&self.context()?)? {
            Next::Staged(commit, next) => {
                let provider = Provider::writing(&self.store, self.merging());
                self.mls
                    .merge_staged_commit(&provider, *commit)
                    .map_err(Error::library)?;
                self.merged(next);
                Ok(())
            }
            Next::Tracked(_) => Err(Error::state("the change is a tracker's")),
        }
    }

    /// What a merge writes of message secrets: the epoch that ends becomes a past one.
    pub(crate) fn merging(&self) -> Writes {
        match self.deferred {
            Some(Writes::All) => Writes::All,
            _ => Writes::New,
        }
    }

    /// After a merge, which also wrote the message secrets.
    pub(crate) fn merged(&mut self, next: Membership) {
        self.membership = next;
        self.after_pending = None;
        self.deferred = None;
    }

    /// Writes the message secrets that reading deferred.
    pub fn flush(&mut self) -> Result<(), Error> {
        if let Some(secrets) = self.deferred {
            let provider = Provider::writing(&self.store, secrets);
            // Setting the policy to what it is: the one public call that writes the message secrets and nothing else new.
            let policy = self.mls.past_epoch_deletion_policy().clone();
            self.mls
                .set_past_epoch_deletion_policy(&provider, policy)
                .map_err(Error::library)?;
            self.deferred = None;
        }
        Ok(())
    }

    /// Forgets the secrets of past epochs that began longer ago than `age`, by the system's clock: what is still on its way from then
    /// can be read no more, whoever gets hold of this device.
    pub fn forget_epochs(&mut self, age: Duration) -> Result<(), Error> {
        let provider = Provider::new(&self.store);
        self.mls
            .delete_past_epoch_secrets(&provider, PastEpochDeletion::older_than_duration(age))
            .map_err(Error::library)?;
        self.deferred = None;
        Ok(())
    }

    /// The GroupInfo of the current epoch, signed by us, without the tree.
    pub fn group_info(&self) -> Result<Vec<u8>, Error> {
        let info = self
            .mls
            .export_group_info(&CRYPTO, &DeviceSigner(&self.device), false);
        info.map_err(Error::library)?
            .tls_serialize_detached()
            .map_err(Error::library)
    }

    /// The ratchet tree (RFC 9420, section 12.4.3.3).
    pub fn tree(&self) -> Result<Vec<u8>, Error> {
        self.mls
            .export_ratchet_tree()
            .tls_serialize_detached()
            .map_err(Error::library)
    }

    /// The exporter (RFC 9420, section 8.5).
    pub fn export(
        &self,
        label: &str,
        context: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let secret = self.mls.export_secret(&CRYPTO, label, context, length);
        secret.map(Zeroizing::new).map_err(Error::library)
    }

    /// Equal at members that agree on everything up to here (RFC 9420, section 8.7).
    pub fn epoch_authenticator(&self) -> Vec<u8> {
        self.mls.epoch_authenticator().as_slice().to_vec()
    }

    /// Deletes every row of the group.
    pub fn delete(self) -> Result<(), Error> {
        Ok(self.store.delete_scope(self.group_id())?)
    }

    pub(crate) fn must_be_operational(&self) -> Result<(), Error> {
        if !self.active() {
            return Err(Error::state("this device is no longer a member"));
        }
        if self.is_pending() {
            return Err(Error::state("a commit of ours is pending"));
        }
        Ok(())
    }

    fn context(&self) -> Result<Vec<u8>, Error> {
        let context = self.mls.public_group().group_context();
        context.tls_serialize_detached().map_err(Error::library)
    }
}
