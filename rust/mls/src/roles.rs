//! Who is an admin: a private GroupContext extension, so every member agrees on it and the confirmation tag covers it.
//!
//! It names accounts by identity key, not devices: an admin is one on every device. RequiredCapabilities demands the extension,
//! so a leaf that would ignore roles can never join.
//!
//! ```text
//! struct {
//!     uint8 version = 1;
//!     opaque admins<V>;    /* identity keys of 32 bytes each, strictly ascending, at least one */
//! } Roles;
//! ```

use std::collections::BTreeSet;

use crate::wire;

/// The extension's type, of the range for private use (RFC 9420, section 17.3).
pub(crate) const EXTENSION: u16 = 0xF0C1;

const VERSION: u8 = 1;
const KEY: usize = 32;

/// The admins of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    admins: BTreeSet<[u8; KEY]>,
}

impl Roles {
    /// One admin: how a group begins.
    pub(crate) fn of(admin: [u8; KEY]) -> Self {
        Self {
            admins: BTreeSet::from([admin]),
        }
    }

    /// These, or nothing if there are none.
    pub(crate) fn from_admins(admins: BTreeSet<[u8; KEY]>) -> Option<Self> {
        (!admins.is_empty()).then_some(Self { admins })
    }

    pub(crate) fn admins(&self) -> impl Iterator<Item = &[u8; KEY]> {
        self.admins.iter()
    }

    pub(crate) fn is_admin(&self, identity_key: &[u8; KEY]) -> bool {
        self.admins.contains(identity_key)
    }

    /// The admins of these that are none of `others`.
    pub(crate) fn beyond(&self, others: &Self) -> Vec<[u8; KEY]> {
        self.admins.difference(&others.admins).copied().collect()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let keys: Vec<u8> = self.admins.iter().flatten().copied().collect();
        // A vector holds 2^30 bytes, some 30 million admins.
        [vec![VERSION], wire::vector(&keys).unwrap_or_default()].concat()
    }

    /// The one encoding there is, or nothing.
    pub(crate) fn decode(data: &[u8]) -> Option<Self> {
        let (version, list) = data.split_first()?;
        let keys = wire::only_vector(list)?;
        let (keys, rest) = keys.as_chunks::<KEY>();
        let ascending = keys.windows(2).all(|pair| pair.first() < pair.last());
        if *version != VERSION || keys.is_empty() || !rest.is_empty() || !ascending {
            return None;
        }
        Some(Self {
            admins: keys.iter().copied().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn roles(admins: &[u8]) -> Roles {
        Roles {
            admins: admins.iter().map(|admin| [*admin; KEY]).collect(),
        }
    }

    #[test]
    fn admins_survive_the_encoding() {
        for admins in [vec![1], vec![1, 2, 3], (0..=255).collect()] {
            assert_eq!(
                Roles::decode(&roles(&admins).encode()).unwrap(),
                roles(&admins)
            );
        }
    }

    #[test]
    fn the_first_version_is_pinned() {
        let expected = [vec![1, 0x40, 64], vec![1; 32], vec![2; 32]].concat();
        assert_eq!(roles(&[2, 1]).encode(), expected);
    }

    #[test]
    fn any_other_way_to_say_it_is_refused() {
        let unsorted = [vec![1, 0x40, 64], vec![2; 32], vec![1; 32]].concat();
        let twice = [vec![1, 0x40, 64], vec![1; 32], vec![1; 32]].concat();
        let odd = [vec![1, 33], vec![1; 33]].concat();
        let longer = [roles(&[1]).encode(), vec![0]].concat();
        let newer = [vec![2, 32], vec![1; 32]].concat();
        for data in [
            unsorted,
            twice,
            odd,
            longer,
            newer,
            vec![1, 0],
            vec![1],
            vec![],
        ] {
            assert_eq!(Roles::decode(&data), None);
        }
    }
}
