//! What a commit quotes, held against the group: whom it lets anybody remove.

use std::collections::BTreeMap;

use openmls::prelude::{LeafNodeIndex, PublicGroup};

use super::Refusal;
use crate::authenticated::Quote;
use crate::error::Error;
use crate::leave::LeaveRequest;
use crate::member::{Member, Membership};

/// Why anybody may remove a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Its device asked for it.
    Left,
    /// Its account has revoked the device.
    Revoked,
}

/// The leaves that anybody may remove.
#[derive(Debug)]
pub(crate) enum Grounds {
    /// These, each of which the commit must remove.
    Quoted(BTreeMap<u32, Ground>),
    /// A commit of our own that was judged when it was made; its quotes are not kept.
    Settled,
}

impl Grounds {
    /// The grounds that quotes are in the epoch of `group`, whose members are `before`.
    pub(crate) fn of(
        quotes: &[Quote],
        group: &PublicGroup,
        before: &Membership,
    ) -> Result<Self, Error> {
        let mut grounds = BTreeMap::new();
        for quote in quotes {
            let (member, ground) = match quote {
                Quote::Leave(request) => (leaver(request, group, before)?, Ground::Left),
                Quote::Revocation(revocation) => {
                    let member = before.leaf_of(&revocation.device());
                    let member = member.and_then(|leaf| before.member(leaf));
                    let member = member.filter(|member| revocation.covers(&member.certificate));
                    (member.ok_or(Refusal::Revocation)?, Ground::Revoked)
                }
            };
            if grounds.insert(member.leaf, ground).is_some() {
                return Err(Refusal::QuotedInVain.into());
            }
        }
        Ok(Self::Quoted(grounds))
    }

    pub(super) fn of_leaf(&self, leaf: u32) -> Option<Ground> {
        match self {
            Self::Quoted(grounds) => grounds.get(&leaf).copied(),
            Self::Settled => Some(Ground::Revoked), // the strongest
        }
    }

    /// Whether all of them are about leaves that are `removed`.
    pub(super) fn are_for(&self, removed: &[Member]) -> bool {
        match self {
            Self::Quoted(grounds) => grounds
                .keys()
                .all(|leaf| removed.iter().any(|member| member.leaf == *leaf)),
            Self::Settled => true,
        }
    }
}

/// The member that a leave request is of: its device is in the leaf that it had when it asked.
pub(crate) fn leaver(
    request: &LeaveRequest,
    group: &PublicGroup,
    before: &Membership,
) -> Result<Member, Error> {
    let leaf = before.leaf_of(&request.device());
    let leaf = leaf.ok_or(Refusal::LeaveRequest)?;
    let node = group.leaf(LeafNodeIndex::new(leaf));
    let holds = request.holds(
        group.group_id().as_slice(),
        node.ok_or(Refusal::LeaveRequest)?,
    )?;
    match before.member(leaf) {
        Some(member) if holds => Ok(member),
        _ => Err(Refusal::LeaveRequest.into()),
    }
}
