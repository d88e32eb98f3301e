//! The two ciphersuites that groups here may use.

use openmls::prelude::Ciphersuite;

/// A ciphersuite of the MLS registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`, the one that every implementation has.
    Classical,
    /// `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519` (draft-ietf-mls-pq-ciphersuites): X-Wing in place of X25519.
    Hybrid,
}

impl Suite {
    /// All of them, in the order of their code points.
    pub const ALL: [Self; 2] = [Self::Classical, Self::Hybrid];

    /// The code point.
    pub const fn code(self) -> u16 {
        match self {
            Self::Classical => 0x0001,
            Self::Hybrid => 0x004F,
        }
    }

    /// The suite of a code point, if it is one of ours.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.code() == code)
    }

    /// Bytes of an HPKE public key: X25519, or X-Wing.
    pub(crate) const fn encryption_key(self) -> usize {
        match self {
            Self::Classical => 32,
            Self::Hybrid => 1216,
        }
    }

    pub(crate) const fn ciphersuite(self) -> Ciphersuite {
        match self {
            Self::Classical => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            Self::Hybrid => Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
        }
    }

    pub(crate) fn of(ciphersuite: Ciphersuite) -> Option<Self> {
        Self::from_code(ciphersuite.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_points_are_the_librarys() {
        for suite in Suite::ALL {
            assert_eq!(u16::from(suite.ciphersuite()), suite.code());
            assert_eq!(Suite::of(suite.ciphersuite()), Some(suite));
        }
    }

    #[test]
    fn other_suites_are_none_of_ours() {
        for code in [0x0000, 0x0002, 0x0003, 0x004D, 0x004E] {
            assert_eq!(Suite::from_code(code), None);
        }
    }
}
