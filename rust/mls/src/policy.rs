//! The objective policy: what a group, a leaf, a key package and a commit may be. The node runs it, and every client again.
//!
//! Objective means: decided by the bytes and the group's public state alone, so all who decide come to the same answer. Whether
//! an identity is trusted is another question, asked elsewhere. What is allowed beyond RFC 9420:
//!
//! | what | by whom |
//! |---|---|
//! | Add | admins |
//! | Remove | admins; anyone, for other devices of their own account |
//! | GroupContextExtensions that changes the roles and nothing else | admins |
//! | a commit with a path and no proposals: an update | anyone |
//! | any other proposal, any proposal by reference, external commits | nobody |
//!
//! A leaf carries a certificate for its own signature key and keeps both for life. Every key that others will seal to is one
//! that can be sealed to: a leaf with a bad one would stop everybody else from committing.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::{
    Ciphersuite, ContentType, CredentialType, Extension, ExtensionType, GroupContext, KeyPackage,
    LeafNode, OpenMlsCrypto, Proposal, ProposalOrRefType, ProtocolMessage, ProtocolVersion,
    PublicGroup, Sender, StagedCommit, VerifiableCiphersuite,
};
use qnpc_crypto::certificate::Certificate;
use tls_codec::Serialize;

use crate::config;
use crate::credential::certificate_of;
use crate::member::{Member, Membership};
use crate::message;
use crate::provider::Crypto;
use crate::roles::{self, Roles};
use crate::suite::Suite;
use crate::wire;

mod refusal;

pub use refusal::Refusal;

/// Bytes of a group's id.
pub const GROUP_ID: usize = 16;

/// Seconds that a key package must still live when a commit adds it.
///
/// Members look at its lifetime by their own clocks when they read the commit, and one who finds it over is stranded. So whoever
/// commits and the node ask for more than an entry waits in the log (7 days) and clocks differ; those who only read do not.
pub const FRESH: u64 = 10 * 86_400;

/// A group that one joins or begins to track.
pub(crate) fn check_group(group: &PublicGroup) -> Result<Membership, Refusal> {
    let (suite, roles) = check_context(group.group_context())?;
    check_parents(suite, group)?;
    let leaves = group.treesync().full_leaves();
    check_tree(suite, roles, leaves.map(|(leaf, node)| (leaf.u32(), node)))
}

/// The keys inside its tree, which later committers seal to. A commit's path is the one thing here that only the node can look
/// at before merging, since the library hides it in a staged commit.
pub(crate) fn check_parents(suite: Suite, group: &PublicGroup) -> Result<(), Refusal> {
    group
        .treesync()
        .full_parents()
        .try_for_each(|(_, parent)| check_encryption_key(suite, parent))
}

/// The keys that a commit's path brought into a tree, which must be sealed to by whoever commits next.
///
/// Only the members below such a key would notice a bad one by themselves; all the others could merge it and never commit again.
pub(crate) fn check_new_parents(
    crypto: &Crypto,
    suite: Suite,
    before: &PublicGroup,
    after: &PublicGroup,
) -> Result<(), Refusal> {
    let parents = |group: &PublicGroup| -> Result<BTreeSet<Vec<u8>>, Refusal> {
        let parents = group.treesync().full_parents();
        parents.map(|(_, parent)| encryption_key(parent)).collect()
    };
    let known = parents(before)?;
    parents(after)?
        .difference(&known)
        .try_for_each(|key| can_be_sealed_to(crypto, suite.ciphersuite(), key))
}

/// Its GroupContext: suite, id, and exactly the two extensions that every group has.
fn check_context(context: &GroupContext) -> Result<(Suite, Roles), Refusal> {
    let suite = Suite::of(context.ciphersuite()).ok_or(Refusal::Suite)?;
    if context.protocol_version() != ProtocolVersion::Mls10 {
        return Err(Refusal::Suite);
    }
    if context.group_id().as_slice().len() != GROUP_ID {
        return Err(Refusal::GroupId);
    }
    let required = config::required_capabilities();
    let mut found = None;
    for extension in context.extensions().iter() {
        match extension {
            Extension::RequiredCapabilities(capabilities) if *capabilities == required => {}
            Extension::Unknown(roles::EXTENSION, roles) => found = Some(&roles.0),
            _ => return Err(Refusal::GroupExtensions),
        }
    }
    if context.extensions().required_capabilities().is_none() {
        return Err(Refusal::GroupExtensions);
    }
    let roles = found.ok_or(Refusal::GroupExtensions)?;
    Ok((suite, Roles::decode(roles).ok_or(Refusal::Roles)?))
}

/// Its leaves.
fn check_tree<'a>(
    suite: Suite,
    roles: Roles,
    leaves: impl Iterator<Item = (u32, &'a LeafNode)>,
) -> Result<Membership, Refusal> {
    let leaves: Result<BTreeMap<u32, Certificate>, Refusal> = leaves
        .map(|(leaf, node)| Ok((leaf, check_leaf(suite, node)?)))
        .collect();
    Membership::new(suite, roles, leaves?)
}

/// A leaf, in a tree or on its way into one.
pub(crate) fn check_leaf(suite: Suite, leaf: &LeafNode) -> Result<Certificate, Refusal> {
    let capabilities = leaf.capabilities();
    let able = capabilities.versions().contains(&ProtocolVersion::Mls10)
        && capabilities
            .ciphersuites()
            .contains(&VerifiableCiphersuite::from(suite.ciphersuite()))
        && capabilities.credentials().contains(&CredentialType::Basic)
        && capabilities
            .extensions()
            .contains(&ExtensionType::Unknown(roles::EXTENSION));
    if !able {
        return Err(Refusal::Capabilities);
    }
    check_encryption_key(suite, leaf)?;
    certificate_of(leaf.credential(), leaf.signature_key().as_slice())
}

/// The HPKE key with which a tree's node begins on the wire: the library does not show it in any other way.
fn encryption_key(node: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    let bytes = node.tls_serialize_detached();
    let bytes = bytes.map_err(|_| Refusal::EncryptionKey)?;
    let (key, _) = wire::split_vector(&bytes).ok_or(Refusal::EncryptionKey)?;
    Ok(key.to_vec())
}

/// Its length.
fn check_encryption_key(suite: Suite, node: &impl Serialize) -> Result<(), Refusal> {
    match encryption_key(node)?.len() == suite.encryption_key() {
        true => Ok(()),
        false => Err(Refusal::EncryptionKey),
    }
}

/// A key package for `suite`, whose signatures and current validity the library has checked.
pub(crate) fn check_key_package(
    crypto: &Crypto,
    suite: Suite,
    package: &KeyPackage,
) -> Result<Certificate, Refusal> {
    if package.ciphersuite() != suite.ciphersuite() {
        return Err(Refusal::OtherSuite);
    }
    if !package.life_time().has_acceptable_range() {
        return Err(Refusal::Lifetime);
    }
    if package.extensions().iter().next().is_some() {
        return Err(Refusal::KeyPackageExtensions);
    }
    let certificate = check_leaf(suite, package.leaf_node())?;
    can_be_sealed_to(
        crypto,
        suite.ciphersuite(),
        package.hpke_init_key().as_slice(),
    )?;
    can_be_sealed_to(
        crypto,
        suite.ciphersuite(),
        &encryption_key(package.leaf_node())?,
    )?;
    Ok(certificate)
}

/// Whether a key package lives long enough to be added now. Not for those who read a commit: see [`FRESH`].
pub(crate) fn check_fresh(package: &KeyPackage) -> Result<(), Refusal> {
    let fresh = package.life_time().not_after() >= config::now().saturating_add(FRESH);
    require(fresh, Refusal::ExpiresSoon)
}

/// The same for all that a commit adds.
pub(crate) fn check_added_fresh(commit: &StagedCommit) -> Result<(), Refusal> {
    let mut added = commit.add_proposals();
    added.try_for_each(|add| check_fresh(add.add_proposal().key_package()))
}

/// Seals to a key once: only so is it known that the next committer can.
fn can_be_sealed_to(crypto: &Crypto, ciphersuite: Ciphersuite, key: &[u8]) -> Result<(), Refusal> {
    match crypto.hpke_seal(ciphersuite.hpke_config(), key, b"", b"", b"") {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::EncryptionKey),
    }
}

/// A message to a group before the library looks at it: its framing alone.
///
/// Nobody outside makes the library work, and the message id of a private message is checked while its key still exists.
pub(crate) fn check_framing(message: &ProtocolMessage) -> Result<(), Refusal> {
    match message {
        ProtocolMessage::PrivateMessage(private) => {
            let application = private.content_type() == ContentType::Application;
            require(application, Refusal::Encrypted)?;
            message::id(private.aad()).map(|_| ())
        }
        ProtocolMessage::PublicMessage(public) => match public.content_type() {
            ContentType::Commit => check_committer(public.sender()),
            ContentType::Proposal => Err(Refusal::NotInline),
            ContentType::Application => Err(Refusal::NotEncrypted),
        },
    }
}

/// The only place that decides about external commits: a device that joins or rejoins by itself.
fn check_committer(sender: &Sender) -> Result<(), Refusal> {
    match sender {
        Sender::Member(_) => Ok(()),
        Sender::NewMemberCommit => Err(Refusal::ExternalCommit),
        Sender::External(_) | Sender::NewMemberProposal => Err(Refusal::NotAMember),
    }
}

/// What a commit that may be does to the members.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub committer: Member,
    pub added: Vec<Member>,
    pub removed: Vec<Member>,
    /// The members of the epoch that it leads to.
    pub next: Membership,
}

/// A commit of the epoch whose members are `before`, staged by the library: signatures, tree, epoch and RFC 9420 hold.
pub(crate) fn check_commit(
    crypto: &Crypto,
    before: &Membership,
    sender: &Sender,
    commit: &StagedCommit,
) -> Result<Verdict, Refusal> {
    check_committer(sender)?;
    let committer = match sender {
        Sender::Member(leaf) => before.member(leaf.u32()),
        _ => None,
    };
    let committer = committer.ok_or(Refusal::NotAMember)?;

    let mut removed = Vec::new();
    let mut added = Vec::new();
    for queued in commit.queued_proposals() {
        if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal || queued.sender() != sender
        {
            return Err(Refusal::NotInline);
        }
        match queued.proposal() {
            Proposal::Add(add) => {
                require(committer.admin, Refusal::AddByOther)?;
                let package = add.key_package();
                added.push(check_key_package(crypto, before.suite, package)?);
            }
            Proposal::Remove(remove) => {
                let member = before
                    .member(remove.removed().u32())
                    .ok_or(Refusal::NotAMember)?;
                require(member.leaf != committer.leaf, Refusal::RemovesItself)?;
                let own_account =
                    member.certificate.identity_key() == committer.certificate.identity_key();
                require(committer.admin || own_account, Refusal::RemoveByOther)?;
                removed.push(member);
            }
            Proposal::GroupContextExtensions(_) => require(committer.admin, Refusal::RolesByOther)?,
            _ => return Err(Refusal::ProposalType),
        }
    }

    if let Some(leaf) = commit.update_path_leaf_node() {
        let certificate = check_leaf(before.suite, leaf)?;
        require(certificate == committer.certificate, Refusal::LeafChanged)?;
        can_be_sealed_to(crypto, before.suite.ciphersuite(), &encryption_key(leaf)?)?;
    }

    let (suite, roles) = check_context(commit.group_context())?;
    require(suite == before.suite, Refusal::Suite)?;
    require(
        committer.admin || roles == before.roles,
        Refusal::RolesByOther,
    )?;
    let changes_roles = roles != before.roles;

    let (leaves, added) = after(before, &removed, added);
    let next = Membership::new(suite, roles, leaves)?;
    require(!changes_roles || next.has_admin(), Refusal::NoAdmin)?;
    Ok(Verdict {
        committer,
        added: added
            .into_iter()
            .filter_map(|leaf| next.member(leaf))
            .collect(),
        removed,
        next,
    })
}

/// The leaves after the proposals: removed ones are blank, and each Add takes the leftmost blank one (RFC 9420, sections
/// 12.1.1 to 12.1.3). Also the leaves that the added ones took.
fn after(
    before: &Membership,
    removed: &[Member],
    added: Vec<Certificate>,
) -> (BTreeMap<u32, Certificate>, Vec<u32>) {
    let mut leaves = before.leaves().clone();
    for member in removed {
        leaves.remove(&member.leaf);
    }
    let taken: BTreeSet<u32> = leaves.keys().copied().collect();
    let free: Vec<u32> = (0..)
        .filter(|leaf| !taken.contains(leaf))
        .take(added.len())
        .collect();
    leaves.extend(free.iter().copied().zip(added));
    (leaves, free)
}

fn require(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    match holds {
        true => Ok(()),
        false => Err(refusal),
    }
}
