//! X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519, safe while either of the two is.
//!
//! The construction is short, so it is put together here from the fastest of each ([`crate::mlkem`], [`crate::x25519`]) and held
//! against the draft's vectors. A public key is checked where it comes in (FIPS 203, section 7.2), so that what a device signs or seals
//! to is a key. Rejection of ML-KEM is implicit: a wrong encapsulation gives another secret, and whoever uses the secret finds out. An
//! X25519 point of small order, which nobody makes by accident and whose share would be zeros, is refused on either side.

use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::mlkem::{self, DecapsulationKey, MlKemError};
use crate::secret::{RandomError, Secret};
use crate::signature::{self, SignatureError, SigningKey};
use crate::x25519::{self, PrivateKey, X25519Error};

/// Bytes of a public key.
pub const PUBLIC: usize = mlkem::PUBLIC + x25519::KEY;
/// Bytes of an encapsulation.
pub const ENCAPSULATION: usize = mlkem::ENCAPSULATION + x25519::KEY;
/// Bytes of a seed and of a shared secret.
pub const SECRET: usize = 32;
/// Bytes of randomness that an encapsulation takes.
pub const RANDOMNESS: usize = 64;

const CONTEXT: &str = "hybrid key";
/// `XWingLabel` of the draft.
const LABEL: &[u8; 6] = br"\.//^\";

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

impl From<MlKemError> for KemError {
    fn from(_: MlKemError) -> Self {
        Self::Malformed
    }
}

impl From<X25519Error> for KemError {
    fn from(_: X25519Error) -> Self {
        Self::Malformed
    }
}

/// An X-Wing key pair.
pub struct HybridKey {
    lattice: DecapsulationKey,
    curve: PrivateKey,
    seed: Secret<SECRET>,
}

impl HybridKey {
    /// A fresh key pair.
    pub fn generate() -> Result<Self, RandomError> {
        Self::from_secret(Secret::random()?).map_err(|_| RandomError)
    }

    /// The key pair of a seed of 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KemError> {
        Self::from_secret(Secret::from_slice(seed).ok_or(KemError::Malformed)?)
    }

    fn from_secret(seed: Secret<SECRET>) -> Result<Self, KemError> {
        let mut expanded = Zeroizing::new([0; mlkem::SEED + x25519::KEY]);
        libcrux_sha3::shake256_ema(expanded.as_mut_slice(), seed.as_slice());
        let (lattice, curve) = expanded.split_at(mlkem::SEED);
        Ok(Self {
            lattice: DecapsulationKey::from_seed(lattice)?,
            curve: PrivateKey::from_bytes(curve)?,
            seed,
        })
    }

    /// The public key.
    pub fn public(&self) -> [u8; PUBLIC] {
        join(self.lattice.public(), self.curve.public())
    }

    /// The seed, for storing it under another key.
    pub fn seed(&self) -> &Zeroizing<[u8; SECRET]> {
        &self.seed
    }

    /// The shared secret of an encapsulation to this key; some other secret if it is not one.
    pub fn decapsulate(&self, encapsulation: &[u8]) -> Result<Secret<SECRET>, KemError> {
        let (lattice, curve) =
            split::<{ mlkem::ENCAPSULATION }>(encapsulation).ok_or(KemError::Malformed)?;
        let from_lattice = self.lattice.decapsulate(lattice)?;
        let from_curve = self.curve.agree(curve)?;
        combine(&from_lattice, &from_curve, curve, self.curve.public())
    }
}

impl fmt::Debug for HybridKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HybridKey(..)")
    }
}

/// A fresh shared secret, and what lets the holder of `public` find it.
pub fn encapsulate(public: &[u8]) -> Result<(Secret<SECRET>, [u8; ENCAPSULATION]), KemError> {
    let (lattice, curve) = split::<{ mlkem::PUBLIC }>(public).ok_or(KemError::Malformed)?;
    let ephemeral = PrivateKey::generate().map_err(|_| KemError::Malformed)?;
    finish(mlkem::encapsulate(lattice)?, &ephemeral, curve)
}

/// [`encapsulate`] with the 64 random bytes given, for vectors: whoever knows them knows the secret.
pub fn encapsulate_derandomized(
    public: &[u8],
    randomness: &[u8],
) -> Result<(Secret<SECRET>, [u8; ENCAPSULATION]), KemError> {
    let (lattice, curve) = split::<{ mlkem::PUBLIC }>(public).ok_or(KemError::Malformed)?;
    let (for_lattice, for_curve) =
        split::<{ mlkem::SECRET }>(randomness).ok_or(KemError::Malformed)?;
    let ephemeral = PrivateKey::from_bytes(for_curve)?;
    let encapsulated = mlkem::encapsulate_derandomized(lattice, for_lattice)?;
    finish(encapsulated, &ephemeral, curve)
}

fn finish(
    (from_lattice, encapsulation): (Secret<SECRET>, [u8; mlkem::ENCAPSULATION]),
    ephemeral: &PrivateKey,
    curve: &[u8; x25519::KEY],
) -> Result<(Secret<SECRET>, [u8; ENCAPSULATION]), KemError> {
    let from_curve = ephemeral.agree(curve)?;
    let shared = combine(&from_lattice, &from_curve, ephemeral.public(), curve)?;
    Ok((shared, join(&encapsulation, ephemeral.public())))
}

/// The combiner of the draft (section 5.3): SHA3-256 over both secrets, the ephemeral and the recipient's X25519 key, and a label.
fn combine(
    lattice: &Secret<SECRET>,
    curve: &Secret<SECRET>,
    ephemeral: &[u8; x25519::KEY],
    recipient: &[u8; x25519::KEY],
) -> Result<Secret<SECRET>, KemError> {
    let parts = [
        lattice.as_slice(),
        curve.as_slice(),
        ephemeral.as_slice(),
        recipient.as_slice(),
        LABEL.as_slice(),
    ];
    let mut input = Zeroizing::new([0; 4 * SECRET + LABEL.len()]);
    for (to, from) in input.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    let mut digest = libcrux_sha3::sha256(input.as_slice());
    let shared = Secret::from_slice(&digest).ok_or(KemError::Malformed);
    digest.zeroize();
    shared
}

/// `bytes` as a first part of `N` and a second one of 32, if that is what they are.
fn split<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8; x25519::KEY])> {
    let (first, second) = bytes.split_first_chunk::<N>()?;
    Some((first, second.try_into().ok()?))
}

fn join<const N: usize>(first: &[u8], second: &[u8]) -> [u8; N] {
    let mut joined = [0; N];
    for (to, from) in joined.iter_mut().zip(first.iter().chain(second)) {
        *to = *from;
    }
    joined
}

/// The signature by which a device says that a hybrid key is its own.
pub fn sign_key(
    device: &SigningKey,
    public: &[u8],
) -> Result<[u8; signature::SIGNATURE], KemError> {
    check(public)?;
    Ok(device.sign(CONTEXT, public))
}

/// Holds a hybrid key against the device that is said to own it.
pub fn verify_key(device: &[u8], public: &[u8], signature: &[u8]) -> Result<(), KemError> {
    check(public)?;
    signature::verify(device, CONTEXT, public, signature).map_err(|error| match error {
        SignatureError::Malformed => KemError::Malformed,
        SignatureError::NotAuthentic | SignatureError::Unavailable => KemError::NotAuthentic,
    })
}

fn check(public: &[u8]) -> Result<(), KemError> {
    let (lattice, _) = split::<{ mlkem::PUBLIC }>(public).ok_or(KemError::Malformed)?;
    Ok(mlkem::check_public(lattice)?)
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
            let (shared, encapsulation) =
                encapsulate_derandomized(&key.public(), &bytes("eseed")).unwrap();
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
        let mut small = key.public();
        small[mlkem::PUBLIC..].fill(0); // a point of order 4
        assert_eq!(encapsulate(&small).unwrap_err(), KemError::Malformed);
        let (_, mut encapsulation) = encapsulate(&key.public()).unwrap();
        encapsulation[mlkem::ENCAPSULATION..].fill(0);
        assert_eq!(
            key.decapsulate(&encapsulation).unwrap_err(),
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
