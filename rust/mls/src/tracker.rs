//! The public half of a group, as the node follows it (openmls' PublicGroup).
//!
//! It checks handshakes and decrypts nothing. What it cannot see is whether a path opens for everybody and whether the
//! confirmation tag is right: only members hold those keys.

use std::fmt;
use std::sync::Arc;

use openmls::prelude::group_info::VerifiableGroupInfo;
use openmls::prelude::{
    MlsMessageBodyIn, ProcessedMessageContent, ProposalStore, ProtocolMessage, PublicGroup,
    RatchetTreeIn,
};
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::signature;
use tls_codec::{Deserialize as _, Serialize as _};

use crate::authenticated::Authenticated;
use crate::change::{Change, Next};
use crate::error::Error;
use crate::knowing::KnowingCrypto;
use crate::leave::LeaveRequest;
use crate::member::{Member, Membership};
use crate::message;
use crate::policy::{
    can_be_sealed_to, check_added_fresh, check_commit, check_framing, check_group,
    check_new_parents, check_parents, leaver, Externals, Grounds, Posted, Refusal,
};
use crate::provider::{Provider, CRYPTO};
use crate::refusals;
use crate::store::Store;
use crate::suite::Suite;
use crate::verified::Verified;
use crate::wire;

mod aged;

/// The type of the external_pub extension (RFC 9420, section 17.3).
const EXTERNAL_PUB: u16 = 4;

/// A tracked group in one epoch, with the rows that openmls keeps it in.
pub(crate) struct Tracked {
    store: Store,
    group: PublicGroup,
    membership: Membership,
}

/// Follows one group.
pub struct Tracker(Tracked);

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker")
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

impl Tracker {
    /// Begins with a signed GroupInfo and its tree.
    ///
    /// Lifetimes in the tree are not held against it: a group is tracked on although a member has been silent for three months.
    pub fn from_group_info(group_info: &[u8], tree: &[u8]) -> Result<Self, Error> {
        Self::begin(group_info, tree).map(|(tracker, _)| tracker)
    }

    /// The same, and the leaves' signatures, for who builds on the same tree next.
    pub(crate) fn begin(group_info: &[u8], tree: &[u8]) -> Result<(Self, Arc<Verified>), Error> {
        let info = parse_group_info(group_info)?;
        check_extensions(&info)?;
        let verified = Arc::new(Verified::of_tree(tree, info.group_id));
        let store = Store::new();
        let group = match public_group(&store, group_info, tree, verified.clone()) {
            Err(Error::Refused(Refusal::Expired)) => {
                aged::public_group(&store, group_info, tree, verified.clone())
            }
            other => other,
        }?;
        let membership = check_group(&group)?;
        let tracked = Tracked {
            store,
            group,
            membership,
        };
        Ok((Self(tracked), verified))
    }

    /// The group's id.
    pub fn group_id(&self) -> &[u8] {
        self.0.group.group_id().as_slice()
    }

    /// Its suite.
    pub fn suite(&self) -> Suite {
        self.0.membership.suite
    }

    /// Its epoch.
    pub fn epoch(&self) -> u64 {
        self.0.group.group_context().epoch().as_u64()
    }

    /// The member whose leaf signed a GroupInfo of this epoch.
    pub(crate) fn signer(&self, group_info: &[u8]) -> Result<Member, Error> {
        let signer = parse_group_info(group_info)?.signer;
        let member = self.0.membership.member(signer);
        Ok(member.ok_or(Refusal::NotAMember)?)
    }

    /// The member that a leave request is of, if it holds in this epoch.
    pub fn leaver(&self, request: &[u8]) -> Result<Member, Error> {
        let request = LeaveRequest::parse(request)?;
        leaver(&request, &self.0.group, &self.0.membership)
    }

    /// The members, by leaf.
    pub fn members(&self) -> Vec<Member> {
        self.0.membership.members()
    }

    /// The ratchet tree (RFC 9420, section 12.4.3.3).
    pub fn tree(&self) -> Result<Vec<u8>, Error> {
        self.0.tree()
    }

    /// Checks a commit that the device `sender` posted, with the GroupInfo of the epoch it leads to. Applies nothing.
    pub fn process(
        &self,
        commit: &[u8],
        sender: &[u8],
        group_info: &[u8],
        externals: Externals<'_>,
    ) -> Result<Change, Error> {
        let message = message::parse_protocol(commit)?;
        if let ProtocolMessage::PrivateMessage(_) = message {
            return Err(Refusal::Encrypted.into());
        }
        check_framing(&message, externals)?;
        let processed = self
            .0
            .group
            .process_message(&KnowingCrypto::new(&CRYPTO), message)
            .map_err(refusals::process_public)?;
        let said = Authenticated::parse(processed.aad())?;
        let committer = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(Refusal::NotInline.into());
        };
        let grounds = Grounds::of(&said.quotes, &self.0.group, &self.0.membership)?;
        let posted = Posted {
            sender: &committer,
            commit: &staged,
            grounds: &grounds,
            externals,
        };
        let verdict = check_commit(&CRYPTO, &self.0.membership, posted)?;
        check_added_fresh(&staged)?;
        if verdict.committer.certificate.device() != sender {
            return Err(Refusal::OtherSender.into());
        }

        let mut next = self.0.copy(verdict.next.clone())?;
        next.apply(*staged)?;
        let suite = next.membership.suite;
        check_parents(suite, &next.group)?;
        check_new_parents(&CRYPTO, suite, &self.0.group, &next.group)?;
        next.check_group_info(&parse_group_info(group_info)?, &verdict.committer)?;
        let epoch = next.group.group_context().epoch().as_u64();
        let before = self.0.context()?;
        Ok(Change::new(
            verdict,
            self.0.membership.roles.clone(),
            before,
            epoch,
            said.message_id,
            Next::Tracked(Box::new(next)),
        ))
    }

    /// The ratchet tree of the epoch that `change` leads to.
    pub fn tree_after(&self, change: &Change) -> Result<Vec<u8>, Error> {
        match &*change.peek(&self.0.context()?)? {
            Some(Next::Tracked(next)) => next.tree(),
            Some(Next::Staged(..)) => Err(Error::state("the change is a member's")),
            None => Err(Error::state("the change was applied already")),
        }
    }

    /// Applies a change of the current epoch.
    pub fn merge(&mut self, change: &Change) -> Result<(), Error> {
        match change.take(&self.0.context()?)? {
            Next::Tracked(next) => {
                self.0 = *next;
                Ok(())
            }
            Next::Staged(..) => Err(Error::state("the change is a member's")),
        }
    }
}

impl Tracked {
    /// The same group once more, soon to be that of `membership`.
    fn copy(&self, membership: Membership) -> Result<Self, Error> {
        let store = self.store.copy()?;
        let group = {
            let provider = Provider::public(&store);
            PublicGroup::load(provider.storage(), self.group.group_id())?
        };
        Ok(Self {
            group: group.ok_or_else(|| Error::state("the tracked group has lost its rows"))?,
            store,
            membership,
        })
    }

    fn apply(&mut self, commit: openmls::prelude::StagedCommit) -> Result<(), Error> {
        let provider = Provider::public(&self.store);
        self.group
            .merge_commit(provider.storage(), commit)
            .map_err(Error::library)
    }

    fn tree(&self) -> Result<Vec<u8>, Error> {
        self.group
            .export_ratchet_tree()
            .tls_serialize_detached()
            .map_err(Error::library)
    }

    fn context(&self) -> Result<Vec<u8>, Error> {
        self.group
            .group_context()
            .tls_serialize_detached()
            .map_err(Error::library)
    }

    /// Holds a GroupInfo against this epoch: those who join or rejoin later start from it.
    fn check_group_info(
        &self,
        info: &wire::GroupInfo<'_>,
        committer: &Member,
    ) -> Result<(), Error> {
        let tag = self
            .group
            .confirmation_tag()
            .tls_serialize_detached()
            .map_err(Error::library)?;
        if info.context != self.context()? || wire::only_vector(&tag) != Some(info.confirmation_tag)
        {
            return Err(Refusal::GroupInfo.into());
        }
        check_extensions(info)?;
        if info.signer != committer.leaf {
            return Err(Refusal::GroupInfoSigner.into());
        }
        let signed = info.signed_content().ok_or(NOT_A_GROUP_INFO)?;
        signature::verify_raw(&committer.certificate.device(), &signed, info.signature)
            .map_err(|_| Error::NotAuthentic("the group info's signature does not verify"))
    }
}

fn public_group(
    store: &Store,
    group_info: &[u8],
    tree: &[u8],
    verified: Arc<Verified>,
) -> Result<PublicGroup, Error> {
    let (info, tree) = parse_group(group_info, tree)?;
    let provider = Provider::public(store);
    let crypto = KnowingCrypto::with(provider.crypto(), verified);
    let storage = provider.storage();
    PublicGroup::from_external(&crypto, storage, tree, info, ProposalStore::new())
        .map(|(group, _)| group)
        .map_err(refusals::external)
}

pub(crate) fn parse_group(
    group_info: &[u8],
    tree: &[u8],
) -> Result<(VerifiableGroupInfo, RatchetTreeIn), Error> {
    let MlsMessageBodyIn::GroupInfo(info) = message::parse(group_info)?.extract() else {
        return Err(NOT_A_GROUP_INFO);
    };
    let tree = RatchetTreeIn::tls_deserialize_exact(tree)
        .map_err(|_| Error::Malformed("this is not a ratchet tree"))?;
    Ok((info, tree))
}

const NOT_A_GROUP_INFO: Error = Error::Malformed("this is not a group info");

fn parse_group_info(message: &[u8]) -> Result<wire::GroupInfo<'_>, Error> {
    wire::GroupInfo::parse(message).ok_or(NOT_A_GROUP_INFO)
}

/// The external public key and nothing else, and one that can be used: who joins by it later must not take it for a failure of its own.
fn check_extensions(info: &wire::GroupInfo<'_>) -> Result<(), Error> {
    let ([EXTERNAL_PUB], [content]) = (&*info.extensions, &*info.contents) else {
        return Err(Refusal::GroupInfoExtensions.into());
    };
    let suite = Suite::from_code(info.suite).ok_or(Refusal::Suite)?;
    let key = wire::only_vector(content).ok_or(NOT_A_GROUP_INFO)?;
    can_be_sealed_to(&CRYPTO, suite.ciphersuite(), key)
        .map_err(|_| Refusal::GroupInfoExtensions.into())
}
