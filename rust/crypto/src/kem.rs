//! X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519, safe while either of the two is.
//!
//! A public key is checked where it comes in (FIPS 203, section 7.2), so that what a device signs or seals to is a key. Rejection is
//! implicit: a wrong encapsulation gives another secret, and whoever uses the secret finds out.

use core::fmt;

use x_wing::kem::{Decapsulator, KeyExport, KeyInit};
use x_wing::{Decapsulate, DecapsulationKey, Encapsulate, EncapsulationKey};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{RandomError, Secret};
use crate::signature::{self, SignatureError, SigningKey};

/// Bytes of a public key.
pub const PUBLIC: usize = x_wing::ENCAPSULATION_KEY_SIZE;
/// Bytes of an encapsulation.
pub const ENCAPSULATION: usize = x_wing::CIPHERTEXT_SIZE;
/// Bytes of a seed and of a shared secret.
pub const SECRET: usize = 32;

const CONTEXT: &str = "hybrid key";

/// Why a key or an encapsulation is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KemError {
    /// A length is wrong, or the bytes are no key.
    #[error("the hybrid key or encapsulation is malformed")]
    Malformed,
    /// The device did not sign this key.
    #[error("the hybrid key's signature does not verify")]
    NotAuthentic,
}

/// An X-Wing key pair.
pub struct HybridKey {
    key: Box<DecapsulationKey>,
    seed: Secret<SECRET>,
}

impl HybridKey {
    /// A fresh key pair.
    pub fn generate() -> Result<Self, RandomError> {
        Secret::random().map(Self::from_secret)
    }

    /// The key pair of a seed of 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KemError> {
        Secret::from_slice(seed)
            .map(Self::from_secret)
            .ok_or(KemError::Malformed)
    }

    fn from_secret(seed: Secret<SECRET>) -> Self {
        let bytes: &[u8; SECRET] = &seed;
        let key = Box::new(DecapsulationKey::new(bytes.into()));
        Self { key, seed }
    }

    /// The public key.
    pub fn public(&self) -> [u8; PUBLIC] {
        self.key.encapsulation_key().to_bytes().0
    }

    /// The seed, for storing it under another key.
    pub fn seed(&self) -> &Zeroizing<[u8; SECRET]> {
        &self.seed
    }

    /// The shared secret of an encapsulation to this key; some other secret if it is not one.
    pub fn decapsulate(&self, encapsulation: &[u8]) -> Result<Secret<SECRET>, KemError> {
        let encapsulation = encapsulation.try_into().map_err(|_| KemError::Malformed)?;
        keep(self.key.decapsulate(encapsulation))
    }
}

impl fmt::Debug for HybridKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HybridKey(..)")
    }
}

/// A fresh shared secret, and what lets the holder of `public` find it.
pub fn encapsulate(public: &[u8]) -> Result<(Secret<SECRET>, [u8; ENCAPSULATION]), KemError> {
    let (encapsulation, shared) = parse(public)?.encapsulate();
    Ok((keep(shared)?, encapsulation.0))
}

/// The signature by which a device says that a hybrid key is its own.
pub fn sign_key(
    device: &SigningKey,
    public: &[u8],
) -> Result<[u8; signature::SIGNATURE], KemError> {
    parse(public)?;
    Ok(device.sign(CONTEXT, public))
}

/// Holds a hybrid key against the device that is said to own it.
pub fn verify_key(device: &[u8], public: &[u8], signature: &[u8]) -> Result<(), KemError> {
    parse(public)?;
    signature::verify(device, CONTEXT, public, signature).map_err(|error| match error {
        SignatureError::Malformed => KemError::Malformed,
        SignatureError::NotAuthentic | SignatureError::Unavailable => KemError::NotAuthentic,
    })
}

fn parse(public: &[u8]) -> Result<EncapsulationKey, KemError> {
    EncapsulationKey::try_from(public).map_err(|_| KemError::Malformed)
}

fn keep(mut shared: x_wing::SharedKey) -> Result<Secret<SECRET>, KemError> {
    let secret = Secret::from_slice(&shared).ok_or(KemError::Malformed);
    shared.zeroize();
    secret
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::testing::{hex, vectors};

    #[test]
    fn the_vectors_of_the_draft() {
        let file = vectors("xwing/xwing.json");
        let tests = file.as_array().unwrap();
        assert_eq!(tests.len(), 3);
        for test in tests {
            let bytes = |name: &str| hex(test[name].as_str().unwrap());
            let key = HybridKey::from_seed(&bytes("sk")).unwrap();
            assert_eq!(key.public().to_vec(), bytes("pk"));
            assert_eq!(key.decapsulate(&bytes("ct")).unwrap().to_vec(), bytes("ss"));
            let randomness: [u8; 64] = bytes("eseed").try_into().unwrap();
            let (encapsulation, shared) = parse(&key.public())
                .unwrap()
                .encapsulate_deterministic(&randomness.into());
            assert_eq!(encapsulation.to_vec(), bytes("ct"));
            assert_eq!(shared.to_vec(), bytes("ss"));
        }
    }

    #[test]
    fn both_sides_share_a_secret_and_a_changed_encapsulation_gives_another() {
        let key = HybridKey::generate().unwrap();
        let (shared, mut encapsulation) = encapsulate(&key.public()).unwrap();
        assert_eq!(**key.decapsulate(&encapsulation).unwrap(), **shared);
        for at in [0, 500, 1087, 1088, 1119] {
            encapsulation[at] ^= 1;
            assert_ne!(**key.decapsulate(&encapsulation).unwrap(), **shared);
            encapsulation[at] ^= 1;
        }
    }

    #[test]
    fn lengths_are_exact_and_a_key_that_is_none_is_refused() {
        let key = HybridKey::generate().unwrap();
        assert_eq!(
            HybridKey::from_seed(&[0; 31]).unwrap_err(),
            KemError::Malformed
        );
        assert_eq!(
            key.decapsulate(&[0; ENCAPSULATION - 1]).unwrap_err(),
            KemError::Malformed
        );
        assert_eq!(
            encapsulate(&[0; PUBLIC - 1]).unwrap_err(),
            KemError::Malformed
        );
        let mut unreduced = key.public();
        unreduced[..3].fill(0xff); // a coefficient of 4095, above the modulus 3329
        assert_eq!(encapsulate(&unreduced).unwrap_err(), KemError::Malformed);
    }

    #[test]
    fn a_device_signs_its_own_key_only() {
        let device = SigningKey::generate().unwrap();
        let public = HybridKey::generate().unwrap().public();
        let signature = sign_key(&device, &public).unwrap();
        verify_key(&device.public(), &public, &signature).unwrap();
        let other = HybridKey::generate().unwrap().public();
        assert_eq!(
            verify_key(&device.public(), &other, &signature),
            Err(KemError::NotAuthentic)
        );
        let mallory = SigningKey::generate().unwrap();
        assert_eq!(
            verify_key(&mallory.public(), &public, &signature),
            Err(KemError::NotAuthentic)
        );
        assert_eq!(sign_key(&device, &public[1..]), Err(KemError::Malformed));
    }

    #[test]
    fn debug_prints_nothing_of_it() {
        assert_eq!(
            format!("{:?}", HybridKey::generate().unwrap()),
            "HybridKey(..)"
        );
    }
}
