//! The objective policy: what a group, a leaf, a key package and a commit may be. The node runs it, and every client again.
//!
//! Objective means: decided by the bytes and the group's public state alone, so all who decide come to the same answer. Whether
//! an identity is trusted is another question, asked elsewhere. What is allowed beyond RFC 9420:
//!
//! | what | by whom |
//! |---|---|
//! | Add | admins |
//! | Remove | admins; anyone, for other devices of their own account, for a device whose leave request the commit quotes, and for one |
//! | | whose revocation it quotes |
//! | GroupContextExtensions that changes the roles and nothing else | admins |
//! | a commit with a path and no proposals: an update | anyone |
//! | an external commit with nothing but ExternalInit | a device of an account that is in the group |
//! | the same with a Remove of its own earlier leaf | a device that is in the group |
//! | any other proposal, any proposal by reference | nobody |
//!
//! A leaf carries a certificate for its own signature key and keeps both for life. Every key that others will seal to is one
//! that can be sealed to: a leaf with a bad one would stop everybody else from committing.
//!
//! A group keeps an admin: no commit takes the last one away, by new roles or because its device asks to leave. A revoked device goes
//! all the same: who holds it could read along.
//!
//! One rule needs history, which the group's state is not: a device that was removed or revoked returns only by an Add. Whoever
//! asks for a judgement brings it as [`Externals`].

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::{
    Ciphersuite, ContentType, CredentialType, Extension, ExtensionType, GroupContext, KeyPackage,
    LeafNode, OpenMlsCrypto, ProtocolMessage, ProtocolVersion, PublicGroup, Sender, StagedCommit,
    VerifiableCiphersuite,
};
use qnpc_crypto::certificate::Certificate;
use rayon::prelude::*;
use tls_codec::Serialize;

use crate::config;
use crate::credential::certificate_of;
use crate::member::Membership;
use crate::message;
use crate::provider::Crypto;
use crate::roles::{self, Roles};
use crate::suite::Suite;
use crate::wire;

mod commit;
mod quotes;
mod refusal;

pub(crate) use commit::{check_commit, Posted, Verdict};
pub(crate) use quotes::{leaver, Ground, Grounds};
pub use refusal::Refusal;

/// Bytes of a group's id.
pub const GROUP_ID: usize = 16;

/// Seconds that a key package must still live when a commit adds it.
///
/// Members look at its lifetime by their own clocks when they read the commit, and one who finds it over is stranded. So whoever
/// commits and the node ask for more than an entry waits in the log (7 days) and clocks differ; those who only read do not.
pub const FRESH: u64 = 10 * 86_400;

/// Leaves that one thread checks before another may help: some hundred microseconds.
pub(crate) const LEAVES_AT_ONCE: usize = 8;

/// A device by its key.
pub type DeviceKey = [u8; 32];

/// Which devices may join by themselves, as far as the caller's history has a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Externals<'a> {
    /// None at all: for callers that keep no history.
    Refused,
    /// All but these: they were removed or revoked, and return only by an Add.
    Except(&'a [DeviceKey]),
}

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
    // Most of it is a signature for each leaf. All are looked at before one is refused, so that all refuse for the same reason.
    let leaves: Vec<(u32, &LeafNode)> = leaves.collect();
    let checked: Vec<Result<Certificate, Refusal>> = leaves
        .par_iter()
        .with_min_len(LEAVES_AT_ONCE)
        .map(|(_, node)| check_leaf(suite, node, None))
        .collect();
    let certificates = leaves.iter().zip(checked);
    let leaves: Result<BTreeMap<u32, Certificate>, Refusal> = certificates
        .map(|((leaf, _), certificate)| Ok((*leaf, certificate?)))
        .collect();
    Membership::new(suite, roles, leaves?)
}

/// A leaf, in a tree or on its way into one.
///
/// `known` is the certificate of the leaf that it replaces: one that is the same need not be verified again.
pub(crate) fn check_leaf(
    suite: Suite,
    leaf: &LeafNode,
    known: Option<&Certificate>,
) -> Result<Certificate, Refusal> {
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
    certificate_of(leaf.credential(), leaf.signature_key().as_slice(), known)
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
    let mut extensions = package.extensions().iter();
    let known = extensions.all(|extension| matches!(extension, Extension::LastResort(_)));
    require(known, Refusal::KeyPackageExtensions)?;
    let certificate = check_leaf(suite, package.leaf_node(), None)?;
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
pub(crate) fn can_be_sealed_to(
    crypto: &Crypto,
    ciphersuite: Ciphersuite,
    key: &[u8],
) -> Result<(), Refusal> {
    match crypto.hpke_seal(ciphersuite.hpke_config(), key, b"", b"", b"") {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::EncryptionKey),
    }
}

/// A message to a group before the library looks at it: its framing alone.
///
/// Nobody outside makes the library work, and the message id of a private message is checked while its key still exists.
pub(crate) fn check_framing(
    message: &ProtocolMessage,
    externals: Externals<'_>,
) -> Result<(), Refusal> {
    match message {
        ProtocolMessage::PrivateMessage(private) => {
            let application = private.content_type() == ContentType::Application;
            require(application, Refusal::Encrypted)?;
            message::id(private.aad()).map(|_| ())
        }
        ProtocolMessage::PublicMessage(public) => match public.content_type() {
            ContentType::Commit => check_committer(public.sender(), externals),
            ContentType::Proposal => Err(Refusal::NotInline),
            ContentType::Application => Err(Refusal::NotEncrypted),
        },
    }
}

/// What kind of sender commits at all.
fn check_committer(sender: &Sender, externals: Externals<'_>) -> Result<(), Refusal> {
    match sender {
        Sender::Member(_) => Ok(()),
        Sender::NewMemberCommit => match externals {
            Externals::Refused => Err(Refusal::ExternalCommit),
            Externals::Except(_) => Ok(()),
        },
        Sender::External(_) | Sender::NewMemberProposal => Err(Refusal::NotAMember),
    }
}

fn require(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    match holds {
        true => Ok(()),
        false => Err(refusal),
    }
}
