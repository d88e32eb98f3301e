//! Digests that one operation asks for again and again.
//!
//! openmls keeps no hash of a node: it hashes a joiner's whole tree once for each level, and a committer's or reader's several times
//! over (RFC 9420, sections 7.8 and 7.9). Here each node is hashed once. A digest is found by some bytes of what was hashed and given
//! only if all of it is the same, so what somebody else put into a tree can cost time and change nothing.

use std::collections::hash_map::{Entry, HashMap, RandomState};
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

/// Below this many bytes, hashing costs no more than finding.
const WORTH_IT: usize = 512;

/// Bytes at either end by which it is found: a node's index or key, and the hashes below it or its signature.
const ENDS: usize = 64;

/// Bytes that may be kept, some times the largest tree there is.
const MOST: usize = 16 << 20;

/// What was hashed, and the digest of it.
type Known = (Vec<u8>, Vec<u8>);

/// The digests of one operation.
#[derive(Default)]
pub(crate) struct Digests {
    hasher: RandomState,
    known: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_ends: HashMap<u64, Known>,
    bytes: usize,
}

impl Digests {
    /// The digest of `data`, by `hash` unless it is known.
    pub(crate) fn of<E>(
        &self,
        data: &[u8],
        hash: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        let (Some(first), Some(last), WORTH_IT..) = (
            data.first_chunk::<ENDS>(),
            data.last_chunk::<ENDS>(),
            data.len(),
        ) else {
            return hash(data);
        };
        let ends = self.hasher.hash_one((first, last));
        // A table of whole entries, whoever panicked meanwhile.
        let mut table = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, digest)) = table.by_ends.get(&ends) {
            if known == data {
                return Ok(digest.clone());
            }
        }
        let digest = hash(data)?;
        if table.bytes.saturating_add(data.len()) <= MOST {
            if let Entry::Vacant(free) = table.by_ends.entry(ends) {
                free.insert((data.to_vec(), digest.clone()));
                table.bytes += data.len();
            }
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_long_is_hashed_once_and_what_differs_anywhere_by_itself() {
        let digests = Digests::default();
        let calls = Cell::new(0);
        let digest = |data: &[u8]| {
            let hash = |data: &[u8]| {
                calls.set(calls.get() + 1);
                Ok::<_, ()>(qnpc_crypto::hash::sha256(data).to_vec())
            };
            digests.of(data, hash).unwrap()
        };
        let mut data: Vec<u8> = (0..WORTH_IT).map(|at| at.to_le_bytes()[0]).collect();
        let first = digest(&data);
        assert_eq!(digest(&data), first);
        assert_eq!(calls.get(), 1);
        for at in [0, ENDS, WORTH_IT / 2, WORTH_IT - 1] {
            data[at] ^= 1;
            let other = digest(&data);
            assert_eq!(other, qnpc_crypto::hash::sha256(&data));
            assert_ne!(other, first);
            data[at] ^= 1;
        }
        assert_eq!(digest(&data), first);
        assert_eq!(calls.get(), 5);
    }

    #[test]
    fn what_is_short_is_left_alone_and_failures_are_handed_on() {
        let digests = Digests::default();
        assert_eq!(digests.of(&[7; 511], |_| Ok::<_, u8>(vec![1])), Ok(vec![1]));
        assert_eq!(digests.of(&[7; 511], |_| Ok::<_, u8>(vec![2])), Ok(vec![2]));
        assert_eq!(digests.of(&[7; 600], |_| Err(3)), Err(3));
        assert_eq!(digests.of(&[7; 600], |_| Ok::<_, u8>(vec![4])), Ok(vec![4]));
    }
}
