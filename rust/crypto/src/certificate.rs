//! The device certificate: an account's identity key says that a device is its own.
//!
//! One encoding, fixed and canonical; anything else is refused, so equal certificates are equal bytes:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 | length of the username, 1 to 128 |
//! | that many | username, UTF-8 |
//! | 32 | identity key, Ed25519 |
//! | 32 | device key, Ed25519 |
//! | 8 | created, Unix milliseconds, big endian |
//! | 64 | signature of the identity key, context `device certificate`, over everything before it |
//!
//! A [`Certificate`] exists only verified. Whether its identity is one to trust, and whether its username has the form that a
//! node allows, is for those who know contacts and profiles of names.

use crate::signature::{self, SignatureError, SigningKey, PUBLIC, SIGNATURE};

const VERSION: u8 = 1;
const CONTEXT: &str = "device certificate";
const USERNAME: core::ops::RangeInclusive<usize> = 1..=128;

/// Why bytes are no certificate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes do not have the one form there is, or a key in them must not be used.
    #[error("the certificate is malformed")]
    Malformed,
    /// The identity key did not sign this.
    #[error("the certificate's signature does not verify")]
    NotAuthentic,
}

/// A verified device certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    username: String,
    identity_key: [u8; PUBLIC],
    device: [u8; PUBLIC],
    created: u64,
    bytes: Vec<u8>,
}

impl Certificate {
    /// The bytes by which `identity` vouches for `device` since `created`.
    pub fn issue(
        identity: &SigningKey,
        username: &str,
        device: &[u8; 32],
        created: u64,
    ) -> Result<Vec<u8>, CertificateError> {
        let length = u8::try_from(username.len()).map_err(|_| CertificateError::Malformed)?;
        if !USERNAME.contains(&username.len()) {
            return Err(CertificateError::Malformed);
        }
        signature::check_public(device).map_err(|_| CertificateError::Malformed)?;
        let mut bytes = [
            &[VERSION, length],
            username.as_bytes(),
            &identity.public(),
            device,
            &created.to_be_bytes(),
        ]
        .concat();
        let signature = identity.sign(CONTEXT, &bytes);
        bytes.extend_from_slice(&signature);
        Ok(bytes)
    }

    /// Parses and verifies. Bytes left over, and any other way of saying the same, are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let (signed, signature) = split_signature(bytes).ok_or(CertificateError::Malformed)?;
        let certificate = Self::fields(bytes, signed).ok_or(CertificateError::Malformed)?;
        signature::check_public(&certificate.device).map_err(|_| CertificateError::Malformed)?;
        signature::verify(&certificate.identity_key, CONTEXT, signed, signature).map_err(
            |error| match error {
                SignatureError::Malformed => CertificateError::Malformed,
                SignatureError::NotAuthentic | SignatureError::Unavailable => {
                    CertificateError::NotAuthentic
                }
            },
        )?;
        Ok(certificate)
    }

    fn fields(bytes: &[u8], signed: &[u8]) -> Option<Self> {
        let (&[version, length], rest) = signed.split_first_chunk::<2>()?;
        let length = usize::from(length);
        if version != VERSION || !USERNAME.contains(&length) {
            return None;
        }
        let (username, rest) = rest.split_at_checked(length)?;
        let (identity_key, rest) = rest.split_first_chunk::<PUBLIC>()?;
        let (device, rest) = rest.split_first_chunk::<PUBLIC>()?;
        Some(Self {
            username: core::str::from_utf8(username).ok()?.to_owned(),
            identity_key: *identity_key,
            device: *device,
            created: u64::from_be_bytes(rest.try_into().ok()?),
            bytes: bytes.to_vec(),
        })
    }

    /// The account's name at its node.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The account's identity key.
    pub fn identity_key(&self) -> [u8; PUBLIC] {
        self.identity_key
    }

    /// The device's key, which is its MLS signature key.
    pub fn device(&self) -> [u8; PUBLIC] {
        self.device
    }

    /// Unix milliseconds.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// The encoding, as it was parsed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn split_signature(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn issued() -> Vec<u8> {
        let identity = SigningKey::from_seed(&[1; 32]).unwrap();
        let device = SigningKey::from_seed(&[2; 32]).unwrap();
        Certificate::issue(&identity, "alice", &device.public(), 1_700_000_000_123).unwrap()
    }

    #[test]
    fn it_says_what_was_issued() {
        let bytes = issued();
        let certificate = Certificate::parse(&bytes).unwrap();
        assert_eq!(certificate.username(), "alice");
        assert_eq!(
            certificate.identity_key(),
            SigningKey::from_seed(&[1; 32]).unwrap().public()
        );
        assert_eq!(
            certificate.device(),
            SigningKey::from_seed(&[2; 32]).unwrap().public()
        );
        assert_eq!(certificate.created(), 1_700_000_000_123);
        assert_eq!(certificate.as_bytes(), bytes);
    }

    #[test]
    fn no_byte_of_it_can_change_be_cut_or_be_added() {
        let bytes = issued();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Certificate::parse(&changed).is_err(), "byte {at}");
            assert_eq!(
                Certificate::parse(&bytes[..at]),
                Err(CertificateError::Malformed)
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(
            Certificate::parse(&longer),
            Err(CertificateError::Malformed)
        );
    }

    #[test]
    fn another_account_cannot_take_over_the_signature() {
        let bytes = issued();
        let mut stolen = bytes.clone();
        let mallory = SigningKey::from_seed(&[3; 32]).unwrap();
        stolen[7..39].copy_from_slice(&mallory.public());
        assert_eq!(
            Certificate::parse(&stolen),
            Err(CertificateError::NotAuthentic)
        );
    }

    #[test]
    fn a_device_key_of_small_order_and_names_out_of_range_are_refused() {
        let identity = SigningKey::generate().unwrap();
        assert_eq!(
            Certificate::issue(&identity, "alice", &[0; 32], 0),
            Err(CertificateError::Malformed)
        );
        let mut weak = issued();
        weak.truncate(weak.len() - SIGNATURE);
        weak[39..71].fill(0);
        let signature = SigningKey::from_seed(&[1; 32])
            .unwrap()
            .sign(CONTEXT, &weak);
        weak.extend_from_slice(&signature);
        assert_eq!(Certificate::parse(&weak), Err(CertificateError::Malformed));
        let device = identity.public();
        for name in [String::new(), "x".repeat(129), "x".repeat(300)] {
            assert_eq!(
                Certificate::issue(&identity, &name, &device, 0),
                Err(CertificateError::Malformed)
            );
        }
        let longest = Certificate::issue(&identity, &"x".repeat(128), &device, u64::MAX).unwrap();
        assert_eq!(Certificate::parse(&longest).unwrap().created(), u64::MAX);
    }
}
