//! Safety numbers: two people who compare 60 digits know that each has the other's true identity key.
//!
//! Each account has a fingerprint, made as Signal makes its numeric ones, under a domain of our own:
//!
//! ```text
//! h_1 = SHA-512("qnpc/v1 safety number" || 0x00 || uint16 version = 1 || identity key || username)
//! h_n = SHA-512(h_(n-1) || identity key)          for n = 2 .. 5200
//! ```
//!
//! Six times five bytes of `h_5200`, from the front, each as a big-endian number modulo 100,000, are 30 digits; a pair's safety number is
//! both accounts' digits, the smaller ones first, so both read the same. The iterations make a search for a key with the same digits
//! 5200 times as expensive; 30 digits are about 99 bits.
//!
//! Who can scan does not compare digits. The code that one side shows is
//!
//! | bytes | field |
//! |---|---|
//! | 4 | `QNSN` |
//! | 1 | version, 1 |
//! | 32 | the first bytes of `h_5200` of the account that shows it |
//! | 32 | the same of the account that it believes to talk to |
//!
//! and the other side holds it against its own, the two accounts swapped.

use core::fmt;

use aws_lc_rs::digest::{Context, Digest, SHA512};

use crate::signature::{check_public, PUBLIC};

const DOMAIN: &[u8] = b"qnpc/v1 safety number\0";
const VERSION: u8 = 1;
const ITERATIONS: usize = 5200;
const USERNAME: core::ops::RangeInclusive<usize> = 1..=128;

const MAGIC: &[u8; 4] = b"QNSN";
const FINGERPRINT: usize = 32;

/// Why there is no safety number, or a scanned one is not ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// A key or username that no account has, or a code that is not one of these.
    #[error("this is not a safety number's code, or not an account's key and name")]
    Malformed,
    /// A code that a newer or older version shows.
    #[error("the code is of another version")]
    OtherVersion,
    /// The code is for other accounts, or for these with other keys.
    #[error("the code is of another account, or of one with another key")]
    OtherAccount,
}

/// One account's part of it.
struct Fingerprint {
    hash: [u8; FINGERPRINT],
    digits: String,
}

impl Fingerprint {
    fn of(username: &str, identity_key: &[u8]) -> Result<Self, FingerprintError> {
        let identity_key: &[u8; PUBLIC] = identity_key
            .try_into()
            .map_err(|_| FingerprintError::Malformed)?;
        check_public(identity_key).map_err(|_| FingerprintError::Malformed)?;
        if !USERNAME.contains(&username.len()) {
            return Err(FingerprintError::Malformed);
        }
        let version = u16::from(VERSION).to_be_bytes();
        let mut hash = sha512(&[DOMAIN, &version, identity_key, username.as_bytes()]);
        for _ in 1..ITERATIONS {
            hash = sha512(&[hash.as_ref(), identity_key]);
        }
        let hash = hash
            .as_ref()
            .first_chunk::<FINGERPRINT>()
            .ok_or(FingerprintError::Malformed)?;
        let (chunks, _) = hash.as_chunks::<5>();
        let digits = chunks.iter().map(|[a, b, c, d, e]| {
            let number = u64::from_be_bytes([0, 0, 0, *a, *b, *c, *d, *e]);
            format!("{:05}", number % 100_000)
        });
        Ok(Self {
            hash: *hash,
            digits: digits.collect(),
        })
    }
}

fn sha512(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA512);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// The safety number of two accounts, as one of them sees it.
pub struct SafetyNumber {
    own: Fingerprint,
    other: Fingerprint,
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SafetyNumber(..)")
    }
}

impl SafetyNumber {
    /// Of our account and another, each a username and an identity key. Takes some milliseconds.
    pub fn new(own: (&str, &[u8]), other: (&str, &[u8])) -> Result<Self, FingerprintError> {
        Ok(Self {
            own: Fingerprint::of(own.0, own.1)?,
            other: Fingerprint::of(other.0, other.1)?,
        })
    }

    /// The 60 digits, the same for both.
    pub fn digits(&self) -> String {
        let mut digits = [&*self.own.digits, &*self.other.digits];
        digits.sort_unstable();
        digits.concat()
    }

    /// The code for the other side to scan.
    pub fn code(&self) -> Vec<u8> {
        [&MAGIC[..], &[VERSION], &self.own.hash, &self.other.hash].concat()
    }

    /// Holds a code that was scanned off the other side against ours.
    pub fn check(&self, scanned: &[u8]) -> Result<(), FingerprintError> {
        let rest = scanned.strip_prefix(MAGIC);
        let (version, hashes) = rest
            .and_then(<[u8]>::split_first)
            .ok_or(FingerprintError::Malformed)?;
        if *version != VERSION {
            return Err(FingerprintError::OtherVersion);
        }
        let (theirs, ours) = hashes
            .split_first_chunk::<FINGERPRINT>()
            .ok_or(FingerprintError::Malformed)?;
        let ours: &[u8; FINGERPRINT] = ours.try_into().map_err(|_| FingerprintError::Malformed)?;
        match *theirs == self.other.hash && *ours == self.own.hash {
            true => Ok(()),
            false => Err(FingerprintError::OtherAccount),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::signature::SigningKey;
    use crate::testing::hex;

    fn key(seed: u8) -> [u8; PUBLIC] {
        SigningKey::from_seed(&[seed; 32]).unwrap().public()
    }

    fn number(own: (&str, u8), other: (&str, u8)) -> SafetyNumber {
        let (of_own, of_other) = (key(own.1), key(other.1));
        SafetyNumber::new((own.0, &of_own), (other.0, &of_other)).unwrap()
    }

    /// Computed with another implementation of SHA-512.
    #[test]
    fn the_first_version_is_pinned() {
        let alice = "692941386373168847816514497451";
        let bob = "039099264255053316276374836709";
        let zoe = "453644609605672864959746645663";
        let pair = number(("alice", 1), ("bob", 2));
        assert_eq!(pair.digits(), [bob, alice].concat());
        let pair = number(("zoë", 2), ("alice", 1));
        assert_eq!(pair.digits(), [zoe, alice].concat());
        let code = "514e534e01b2c0937a6e22b5e5a3e716b4d279f018c7d5aded400a73c0f8faeaeb0f6b0eb2\
                    f7c173a5e5683070b962f273bd0ccdbded07d1eb25af9e18a4e808efa8c5b30f";
        assert_eq!(number(("alice", 1), ("bob", 2)).code(), hex(code));
    }

    #[test]
    fn both_sides_read_the_same_and_scan_each_other() {
        let at_alice = number(("alice", 1), ("bob", 2));
        let at_bob = number(("bob", 2), ("alice", 1));
        assert_eq!(at_alice.digits(), at_bob.digits());
        assert_ne!(at_alice.code(), at_bob.code());
        at_alice.check(&at_bob.code()).unwrap();
        at_bob.check(&at_alice.code()).unwrap();
        // Ours, shown to ourselves, proves nothing.
        let own = at_alice.check(&at_alice.code());
        assert_eq!(own, Err(FingerprintError::OtherAccount));
    }

    #[test]
    fn another_key_or_another_name_is_another_number() {
        let at_alice = number(("alice", 1), ("bob", 2));
        for other in [
            number(("bob", 3), ("alice", 1)),
            number(("bob", 2), ("alice", 3)),
            number(("rob", 2), ("alice", 1)),
            number(("bob", 2), ("alicf", 1)),
        ] {
            assert_ne!(at_alice.digits(), other.digits());
            let check = at_alice.check(&other.code());
            assert_eq!(check, Err(FingerprintError::OtherAccount));
        }
    }

    #[test]
    fn a_code_of_another_version_and_what_is_no_code_are_told_apart() {
        let at_alice = number(("alice", 1), ("bob", 2));
        let good = number(("bob", 2), ("alice", 1)).code();
        let mut newer = good.clone();
        newer[4] = 2;
        newer.push(0);
        assert_eq!(at_alice.check(&newer), Err(FingerprintError::OtherVersion));
        let longer = [&good[..], &[0]].concat();
        let mut foreign = good.clone();
        foreign[0] ^= 1;
        for bad in [&good[..good.len() - 1], &longer, &foreign, b"QNSN", b""] {
            assert_eq!(at_alice.check(bad), Err(FingerprintError::Malformed));
        }
    }

    #[test]
    fn what_is_no_account_has_no_number() {
        let good = key(1);
        for (name, key) in [
            ("", &good[..]),
            (&"x".repeat(129), &good),
            ("bob", &good[..31]),
            ("bob", &[0; 32]),
        ] {
            let number = SafetyNumber::new(("alice", &good), (name, key));
            assert_eq!(number.err(), Some(FingerprintError::Malformed));
        }
    }
}
