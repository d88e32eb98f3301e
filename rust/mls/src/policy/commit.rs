//! What a commit may hold, by whom it is made, and who is in the group after it.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::{
    LeafNode, Proposal, ProposalOrRefType, QueuedProposal, Sender, StagedCommit,
};
use qnpc_crypto::certificate::Certificate;

use super::{
    can_be_sealed_to, check_committer, check_context, check_key_package, check_leaf,
    encryption_key, require, Externals, Ground, Grounds, Refusal,
};
use crate::member::{Member, Membership};
use crate::provider::Crypto;
use crate::roles::Roles;

/// A commit as it came.
#[derive(Clone, Copy)]
pub(crate) struct Posted<'a> {
    pub sender: &'a Sender,
    pub commit: &'a StagedCommit,
    pub grounds: &'a Grounds,
    pub externals: Externals<'a>,
}

/// What a commit that may be does to the members.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Who committed: as of the epoch before, or of the new one for a device that joins by itself.
    pub committer: Member,
    /// Whether the committer joined by itself.
    pub external: bool,
    pub added: Vec<Member>,
    pub removed: Vec<Member>,
    /// Those of the removed who asked for it.
    pub left: Vec<Member>,
    /// Those of the removed whose revocation the commit quotes.
    pub revoked: Vec<Member>,
    /// The members of the epoch that it leads to.
    pub next: Membership,
}

/// A commit of the epoch whose members are `before`, staged by the library: signatures, tree, epoch and RFC 9420 hold.
pub(crate) fn check_commit(
    crypto: &Crypto,
    before: &Membership,
    posted: Posted<'_>,
) -> Result<Verdict, Refusal> {
    let Posted {
        sender,
        commit,
        externals,
        ..
    } = posted;
    check_committer(sender, externals)?;
    let (suite, roles) = check_context(commit.group_context())?;
    require(suite == before.suite, Refusal::Suite)?;
    let path = match commit.update_path_leaf_node() {
        Some(leaf) => Some(check_path_leaf(crypto, before, sender, leaf)?),
        None => None,
    };
    match (sender, externals) {
        (Sender::Member(leaf), _) => {
            let committer = before.member(leaf.u32()).ok_or(Refusal::NotAMember)?;
            by_member(crypto, before, committer, path, posted, roles)
        }
        (Sender::NewMemberCommit, Externals::Except(barred)) => {
            let joiner = path.ok_or(Refusal::ExternalCommit)?;
            require(!barred.contains(&joiner.device()), Refusal::Barred)?;
            by_joiner(before, joiner, posted)
        }
        _ => Err(Refusal::NotAMember),
    }
}

fn by_member(
    crypto: &Crypto,
    before: &Membership,
    committer: Member,
    path: Option<Certificate>,
    posted: Posted<'_>,
    roles: Roles,
) -> Result<Verdict, Refusal> {
    let grounds = posted.grounds;
    let mut removed = Vec::new();
    let mut added = Vec::new();
    for queued in posted.commit.queued_proposals() {
        match inline(queued, posted.sender)? {
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
                let anybody = grounds.of_leaf(member.leaf).is_some();
                let may = committer.admin || own_account || anybody;
                require(may, Refusal::RemoveByOther)?;
                removed.push(member);
            }
            Proposal::GroupContextExtensions(_) => require(committer.admin, Refusal::RolesByOther)?,
            _ => return Err(Refusal::ProposalType),
        }
    }

    if let Some(certificate) = path {
        require(certificate == committer.certificate, Refusal::LeafChanged)?;
    }
    require(
        committer.admin || roles == before.roles,
        Refusal::RolesByOther,
    )?;
    require(grounds.are_for(&removed), Refusal::QuotedInVain)?;

    let (leaves, added) = after(before, &removed, added);
    let next = Membership::new(before.suite, roles, leaves)?;
    check_admins(before, &removed, grounds, &next)?;
    let by = |ground| {
        let mut chosen = removed.clone();
        chosen.retain(|member| grounds.of_leaf(member.leaf) == Some(ground));
        chosen
    };
    Ok(Verdict {
        committer,
        external: false,
        added: members(&next, &added),
        left: by(Ground::Left),
        revoked: by(Ground::Revoked),
        removed,
        next,
    })
}

/// New admins are accounts in the group, and the last one stays.
fn check_admins(
    before: &Membership,
    removed: &[Member],
    grounds: &Grounds,
    next: &Membership,
) -> Result<(), Refusal> {
    let strangers = next
        .roles
        .admins()
        .filter(|admin| !before.roles.is_admin(admin))
        .any(|admin| !next.has_account(admin));
    let lost = before.has_admin() && !next.has_admin();
    let roles_kept = next.roles == before.roles;
    let revoked = |member: &Member| grounds.of_leaf(member.leaf) == Some(Ground::Revoked);
    let mut admins = removed.iter().filter(|member| member.admin);
    require(!lost || roles_kept && admins.all(revoked), Refusal::NoAdmin)?;
    require(!strangers, Refusal::RolesOfStranger)
}

/// A device that is in no leaf, or that gives its earlier one up. It changes nothing else: whom it may bring and whom remove
/// would be decided by roles, and it has none before it is in.
fn by_joiner(
    before: &Membership,
    joiner: Certificate,
    posted: Posted<'_>,
) -> Result<Verdict, Refusal> {
    let kin = |certificate: &Certificate| {
        certificate.identity_key() == joiner.identity_key()
            && certificate.username() == joiner.username()
    };
    require(before.leaves().values().any(kin), Refusal::ExternalCommit)?;
    let mut removed = Vec::new();
    for queued in posted.commit.queued_proposals() {
        match inline(queued, posted.sender)? {
            Proposal::ExternalInit(_) => {}
            Proposal::Remove(remove) => {
                let member = before
                    .member(remove.removed().u32())
                    .ok_or(Refusal::NotAMember)?;
                let itself = member.certificate.device() == joiner.device();
                require(itself, Refusal::RemoveByOther)?;
                require(member.certificate == joiner, Refusal::LeafChanged)?;
                removed.push(member);
            }
            _ => return Err(Refusal::ProposalType),
        }
    }
    require(posted.grounds.are_for(&[]), Refusal::QuotedInVain)?;
    let (leaves, added) = after(before, &removed, vec![joiner]);
    let next = Membership::new(before.suite, before.roles.clone(), leaves)?;
    let added = members(&next, &added);
    let committer = added.first().cloned().ok_or(Refusal::NotAMember)?;
    Ok(Verdict {
        committer,
        external: true,
        added,
        left: Vec::new(),
        revoked: Vec::new(),
        removed,
        next,
    })
}

/// A proposal that stands in the commit itself and is the committer's own.
fn inline<'a>(queued: &'a QueuedProposal, sender: &Sender) -> Result<&'a Proposal, Refusal> {
    let inline = queued.proposal_or_ref_type() == ProposalOrRefType::Proposal;
    require(inline && queued.sender() == sender, Refusal::NotInline)?;
    Ok(queued.proposal())
}

/// The leaf that a committer's path puts into the tree.
fn check_path_leaf(
    crypto: &Crypto,
    before: &Membership,
    sender: &Sender,
    leaf: &LeafNode,
) -> Result<Certificate, Refusal> {
    let known = match sender {
        Sender::Member(index) => before.certificate(index.u32()),
        _ => None,
    };
    let certificate = check_leaf(before.suite, leaf, known)?;
    can_be_sealed_to(crypto, before.suite.ciphersuite(), &encryption_key(leaf)?)?;
    Ok(certificate)
}

fn members(next: &Membership, leaves: &[u32]) -> Vec<Member> {
    let members = leaves.iter().filter_map(|leaf| next.member(*leaf));
    members.collect()
}

/// The leaves after the proposals: removed ones are blank, and each Add takes the leftmost blank one (RFC 9420, sections
/// 12.1.1 to 12.1.3), as does a joiner (section 12.4.3.2). Also the leaves that the added ones took.
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
