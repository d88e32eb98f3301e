//! The signatures of a tree's leaves, verified on all cores before openmls asks for them one after the other.
//!
//! An answer from here is given only where key, signed bytes and signature are ones that were verified. Whatever else openmls asks
//! for, it verifies by itself, and so it does with what did not verify here. A mistake in the reading below costs time and decides
//! nothing.

use std::collections::HashMap;

use qnpc_crypto::signature::verify_raw;
use rayon::prelude::*;

use crate::policy::LEAVES_AT_ONCE;
use crate::wire::{self, Reader};

/// What SignWithLabel puts before a leaf (RFC 9420, sections 5.1.2 and 7.2).
const LABEL: &[u8] = b"MLS 1.0 LeafNodeTBS";

const LEAF: u8 = 1;
const PARENT: u8 = 2;

/// A leaf of a key package says how long it lives, and nothing of the group (RFC 9420, section 7.2).
const OF_KEY_PACKAGE: u8 = 1;
const OF_UPDATE: u8 = 2;
const OF_COMMIT: u8 = 3;

/// Signatures that hold, by themselves: no two leaves have the same.
#[derive(Default)]
pub(crate) struct Verified(HashMap<Vec<u8>, Statement>);

struct Statement {
    public: Vec<u8>,
    message: Vec<u8>,
}

impl Verified {
    /// Those of the leaves of a tree as it came, in the group of an id. None at all where one does not hold: it ends there, and openmls, which
    /// refuses such a tree, finds that one by itself.
    pub(crate) fn of_tree(tree: &[u8], group_id: &[u8]) -> Self {
        let found = signed_leaves(tree, group_id).unwrap_or_default();
        let held = |(signature, statement): (Vec<u8>, Statement)| {
            verify_raw(&statement.public, &statement.message, &signature).ok()?;
            Some((signature, statement))
        };
        let verified = found.into_par_iter().with_min_len(LEAVES_AT_ONCE);
        Self(
            verified
                .map(held)
                .collect::<Option<_>>()
                .unwrap_or_default(),
        )
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether this very signature was found to hold.
    pub(crate) fn covers(&self, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
        self.0
            .get(signature)
            .is_some_and(|known| known.public == public && known.message == message)
    }
}

/// Each leaf's signature and what it is to stand for.
fn signed_leaves(tree: &[u8], group_id: &[u8]) -> Option<Vec<(Vec<u8>, Statement)>> {
    let group_id = wire::vector(group_id)?;
    let mut nodes = Reader(wire::only_vector(tree)?);
    let mut leaves = Vec::new();
    let mut index: u32 = 0;
    while !nodes.0.is_empty() {
        if nodes.u8()? == 1 {
            match nodes.u8()? {
                LEAF => leaves.push(signed_leaf(&mut nodes, &group_id, index / 2)?),
                PARENT => {
                    nodes.vector()?; // encryption_key
                    nodes.vector()?; // parent_hash
                    nodes.vector()?; // unmerged_leaves
                }
                _ => return None,
            }
        }
        index = index.checked_add(1)?;
    }
    Some(leaves)
}

fn signed_leaf(
    reader: &mut Reader<'_>,
    group_id: &[u8],
    leaf: u32,
) -> Option<(Vec<u8>, Statement)> {
    let start = reader.0;
    reader.vector()?; // encryption_key
    let public = reader.vector()?;
    reader.u16()?; // the credential's type
    reader.vector()?; // its identity
    for _ in 0..5 {
        reader.vector()?; // capabilities
    }
    let source = reader.u8()?;
    match source {
        OF_KEY_PACKAGE => {
            reader.u64()?; // not_before
            reader.u64()?; // not_after
        }
        OF_UPDATE => {}
        OF_COMMIT => drop(reader.vector()?), // parent_hash
        _ => return None,
    }
    reader.vector()?; // extensions
    let payload = start.get(..start.len().checked_sub(reader.0.len())?)?;
    let leaf = leaf.to_be_bytes();
    let place: [&[u8]; 2] = match source {
        OF_KEY_PACKAGE => [&[], &[]],
        _ => [group_id, &leaf],
    };
    let content = [&[payload], &place[..]].concat().concat();
    let message = [wire::vector(LABEL)?, wire::vector(&content)?].concat();
    let statement = Statement {
        public: public.to_vec(),
        message,
    };
    Some((reader.vector()?.to_vec(), statement))
}
