//! The revocation of a device: an account's identity key says that a device is its own no longer.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 1 |
//! | 32 | identity key, Ed25519 |
//! | 32 | device key, Ed25519 |
//! | 8 | revoked, Unix milliseconds, big endian |
//! | 64 | signature of the identity key, context `device revocation`, over everything before it |
//!
//! It is final: no certificate, whatever its date, makes the device good again. A new device key is cheap.

use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::{self, SignatureError, SigningKey};

use crate::error::Error;

const VERSION: u8 = 1;
const CONTEXT: &str = "device revocation";
const KEY: usize = 32;

const MALFORMED: Error = Error::Malformed("this is not a revocation");

/// A revocation whose signature holds. Whether its identity is the one of an account is for those who know accounts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revocation {
    identity_key: [u8; KEY],
    device: [u8; KEY],
    revoked: u64,
    bytes: Vec<u8>,
}

impl Revocation {
    /// The bytes by which `identity` gives up `device` at `revoked`.
    pub fn issue(
        identity: &SigningKey,
        device: &[u8; KEY],
        revoked: u64,
    ) -> Result<Vec<u8>, Error> {
        signature::check_public(device).map_err(|_| MALFORMED)?;
        let mut bytes = [
            &[VERSION][..],
            &identity.public(),
            device,
            &revoked.to_be_bytes(),
        ]
        .concat();
        let signature = identity.sign(CONTEXT, &bytes);
        bytes.extend_from_slice(&signature);
        Ok(bytes)
    }

    /// Parses and verifies. Bytes left over, and any other way of saying the same, are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let (signed, signature) = bytes
            .split_last_chunk::<{ signature::SIGNATURE }>()
            .ok_or(MALFORMED)?;
        let revocation = Self::fields(signed, bytes).ok_or(MALFORMED)?;
        signature::check_public(&revocation.device).map_err(|_| MALFORMED)?;
        let verified = signature::verify(&revocation.identity_key, CONTEXT, signed, signature);
        match verified {
            Ok(()) => Ok(revocation),
            Err(SignatureError::Malformed) => Err(MALFORMED),
            Err(_) => Err(Error::NotAuthentic(
                "the revocation's signature does not verify",
            )),
        }
    }

    fn fields(signed: &[u8], bytes: &[u8]) -> Option<Self> {
        let (&[version], rest) = signed.split_first_chunk::<1>()?;
        let (identity_key, rest) = rest.split_first_chunk()?;
        let (device, rest) = rest.split_first_chunk()?;
        (version == VERSION).then_some(Self {
            identity_key: *identity_key,
            device: *device,
            revoked: u64::from_be_bytes(rest.try_into().ok()?),
            bytes: bytes.to_vec(),
        })
    }

    /// The identity key that revokes.
    pub fn identity_key(&self) -> [u8; KEY] {
        self.identity_key
    }

    /// The device that is revoked.
    pub fn device(&self) -> [u8; KEY] {
        self.device
    }

    /// When, Unix milliseconds.
    pub fn revoked(&self) -> u64 {
        self.revoked
    }

    /// The encoding, as it was parsed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is for the device of this certificate, by the account that had certified it.
    pub fn covers(&self, certificate: &Certificate) -> bool {
        self.device == certificate.device() && self.identity_key == certificate.identity_key()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn keys() -> (SigningKey, SigningKey) {
        let key = |seed| SigningKey::from_seed(&[seed; 32]).unwrap();
        (key(1), key(2))
    }

    #[test]
    fn it_says_what_was_issued_and_covers_that_device_alone() {
        let (identity, device) = keys();
        let bytes = Revocation::issue(&identity, &device.public(), 1_700_000_000_123).unwrap();
        assert_eq!(bytes.len(), 137);
        let revocation = Revocation::parse(&bytes).unwrap();
        assert_eq!(revocation.identity_key(), identity.public());
        assert_eq!(revocation.device(), device.public());
        assert_eq!(revocation.revoked(), 1_700_000_000_123);
        assert_eq!(revocation.as_bytes(), bytes);

        let certificate = |by: &SigningKey, device: &SigningKey| {
            let bytes = Certificate::issue(by, "alice", &device.public(), 1).unwrap();
            Certificate::parse(&bytes).unwrap()
        };
        assert!(revocation.covers(&certificate(&identity, &device)));
        assert!(!revocation.covers(&certificate(&device, &device)));
        assert!(!revocation.covers(&certificate(&identity, &identity)));
    }

    #[test]
    fn no_byte_of_it_can_change_be_cut_or_be_added() {
        let (identity, device) = keys();
        let bytes = Revocation::issue(&identity, &device.public(), 1).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Revocation::parse(&changed).is_err(), "byte {at}");
            assert_eq!(Revocation::parse(&bytes[..at]), Err(MALFORMED));
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Revocation::parse(&longer).is_err());
    }

    /// A certificate is no revocation, and the other way round: each is signed under a context of its own.
    #[test]
    fn only_the_identity_key_revokes_and_only_under_its_context() {
        let (identity, device) = keys();
        let bytes = Revocation::issue(&identity, &device.public(), 1).unwrap();
        let signed = &bytes[..bytes.len() - 64];
        for signature in [
            device.sign(CONTEXT, signed),
            identity.sign("device certificate", signed),
        ] {
            let forged = [signed, &signature].concat();
            assert!(matches!(
                Revocation::parse(&forged),
                Err(Error::NotAuthentic(_))
            ));
        }
        assert_eq!(Revocation::issue(&identity, &[0; 32], 1), Err(MALFORMED));
    }
}
