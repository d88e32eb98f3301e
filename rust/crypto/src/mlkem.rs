//! ML-KEM-768 (FIPS 203).
//!
//! Keys of a seed come from libcrux, for aws-lc's safe interface makes none; all else is aws-lc's, which takes half of libcrux's time and
//! keeps the expanded key in memory that it wipes. An encapsulation key is checked where it comes
//! in (section 7.2), an expanded decapsulation key where it is first used (section 7.3). Rejection is implicit.

use core::fmt;

use aws_lc_rs::kem::{self, Ciphertext, EncapsulationKey, ML_KEM_768};
use libcrux_ml_kem::mlkem768::{self, MlKem768PublicKey};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{self, RandomError, Secret};

/// Bytes of a seed, `d || z`.
pub const SEED: usize = 64;
/// Bytes of an encapsulation key.
pub const PUBLIC: usize = 1184;
/// Bytes of an encapsulation.
pub const ENCAPSULATION: usize = 1088;
/// Bytes of a shared secret, and of the randomness of an encapsulation.
pub const SECRET: usize = 32;

/// A length is wrong, or the bytes are no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ML-KEM key or encapsulation is malformed")]
pub struct MlKemError;

/// A decapsulation key, expanded once.
pub struct DecapsulationKey {
    key: kem::DecapsulationKey,
    public: Box<[u8; PUBLIC]>,
}

impl DecapsulationKey {
    /// A fresh key, whose seed nobody knows.
    pub fn generate() -> Result<Self, RandomError> {
        if secret::seeded() {
            let seed = Secret::<SEED>::random()?;
            return Self::from_seed(seed.as_slice()).map_err(|_| RandomError);
        }
        let key = kem::DecapsulationKey::generate(&ML_KEM_768).map_err(|_| RandomError)?;
        let public = key.encapsulation_key().map_err(|_| RandomError)?;
        let public = public.key_bytes().map_err(|_| RandomError)?;
        let public = public.as_ref().try_into().map_err(|_| RandomError)?;
        Ok(Self {
            key,
            public: Box::new(public),
        })
    }

    /// The key of a seed (FIPS 203, section 7.1).
    pub fn from_seed(seed: &[u8]) -> Result<Self, MlKemError> {
        let key = Self::expand(seed);
        wipe_stack();
        key
    }

    /// Not inlined, so that what it leaves on the stack lies where [`wipe_stack`] writes.
    #[inline(never)]
    fn expand(seed: &[u8]) -> Result<Self, MlKemError> {
        let seed = seed.try_into().map_err(|_| MlKemError)?;
        let (private, public) = mlkem768::generate_key_pair(seed).into_parts();
        Self::with(private.as_slice(), Box::new(public.into()))
    }

    /// A key as FIPS 203 serialises it. One that is no key is noticed by [`Self::decapsulate`].
    pub fn from_expanded(expanded: &[u8]) -> Result<Self, MlKemError> {
        const AT: usize = 1152; // the encapsulation key follows the secret vector (section 6.1)
        let public = expanded
            .get(AT..)
            .and_then(<[u8]>::first_chunk)
            .ok_or(MlKemError)?;
        Self::with(expanded, Box::new(*public))
    }

    fn with(expanded: &[u8], public: Box<[u8; PUBLIC]>) -> Result<Self, MlKemError> {
        let key = kem::DecapsulationKey::new(&ML_KEM_768, expanded).map_err(|_| MlKemError)?;
        Ok(Self { key, public })
    }

    /// The encapsulation key.
    pub fn public(&self) -> &[u8; PUBLIC] {
        &self.public
    }

    /// The key as FIPS 203 serialises it.
    pub fn expanded(&self) -> Result<Zeroizing<Vec<u8>>, MlKemError> {
        let bytes = self.key.key_bytes().map_err(|_| MlKemError)?;
        Ok(Zeroizing::new(bytes.as_ref().to_vec()))
    }

    /// The shared secret of an encapsulation; some other secret if it is not one.
    pub fn decapsulate(&self, encapsulation: &[u8]) -> Result<Secret<SECRET>, MlKemError> {
        if encapsulation.len() != ENCAPSULATION {
            return Err(MlKemError);
        }
        let shared = self
            .key
            .decapsulate(Ciphertext::from(encapsulation))
            .map_err(|_| MlKemError)?;
        Secret::from_slice(shared.as_ref()).ok_or(MlKemError)
    }
}

/// Overwrites what a call before left below this frame: libcrux passes keys by value and wipes none of its copies.
#[inline(never)]
fn wipe_stack() {
    core::hint::black_box(&mut [0_u8; 32 * 1024]);
}

impl fmt::Debug for DecapsulationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecapsulationKey(..)")
    }
}

/// Whether `public` is an encapsulation key (FIPS 203, section 7.2).
pub fn check_public(public: &[u8]) -> Result<(), MlKemError> {
    parse(public).map(|_| ())
}

/// A fresh shared secret, and what lets the holder of the key find it.
pub fn encapsulate(public: &[u8]) -> Result<(Secret<SECRET>, [u8; ENCAPSULATION]), MlKemError> {
    if secret::seeded() {
        let randomness = Secret::<SECRET>::random().map_err(|_| MlKemError)?;
        return encapsulate_derandomized(public, randomness.as_slice());
    }
    // The library holds the key against section 7.2 while it encapsulates.
    let key = EncapsulationKey::new(&ML_KEM_768, public).map_err(|_| MlKemError)?;
    let (encapsulation, shared) = key.encapsulate().map_err(|_| MlKemError)?;
    let encapsulation = encapsulation.as_ref().try_into().map_err(|_| MlKemError)?;
    let shared = Secret::from_slice(shared.as_ref()).ok_or(MlKemError)?;
    Ok((shared, encapsulation))
}

/// [`encapsulate`] with the 32 random bytes given, for vectors: whoever knows them knows the secret.
pub fn encapsulate_derandomized(
    public: &[u8],
    randomness: &[u8],
) -> Result<(Secret<SECRET>, [u8; ENCAPSULATION]), MlKemError> {
    let key = parse(public)?;
    let randomness = randomness.try_into().map_err(|_| MlKemError)?;
    let (encapsulation, mut shared) = mlkem768::encapsulate(&key, randomness);
    let secret = Secret::from_slice(&shared).ok_or(MlKemError);
    shared.zeroize();
    Ok((secret?, encapsulation.into()))
}

fn parse(public: &[u8]) -> Result<MlKem768PublicKey, MlKemError> {
    let bytes: [u8; PUBLIC] = public.try_into().map_err(|_| MlKemError)?;
    let key = MlKem768PublicKey::from(bytes);
    if mlkem768::validate_public_key(&key) {
        Ok(key)
    } else {
        Err(MlKemError)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn the_two_libraries_agree() {
        let key = DecapsulationKey::generate().unwrap();
        let again = DecapsulationKey::from_expanded(&key.expanded().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        for (shared, encapsulation) in [
            encapsulate(key.public()).unwrap(),
            encapsulate_derandomized(key.public(), &[7; SECRET]).unwrap(),
        ] {
            assert_eq!(**key.decapsulate(&encapsulation).unwrap(), **shared);
            assert_eq!(**again.decapsulate(&encapsulation).unwrap(), **shared);
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused_both_ways() {
        let key = DecapsulationKey::generate().unwrap();
        let mut unreduced = *key.public();
        unreduced[..3].fill(0xff); // a coefficient of 4095, above the modulus 3329
        assert_eq!(check_public(&unreduced), Err(MlKemError));
        assert_eq!(encapsulate(&unreduced).unwrap_err(), MlKemError);
        assert_eq!(
            encapsulate_derandomized(&unreduced, &[0; SECRET]).unwrap_err(),
            MlKemError
        );
        let mut expanded = key.expanded().unwrap();
        expanded[2400 - 64] ^= 1; // the hash of the encapsulation key (section 7.3)
        let broken = DecapsulationKey::from_expanded(&expanded).unwrap();
        assert_eq!(
            broken.decapsulate(&[0; ENCAPSULATION]).unwrap_err(),
            MlKemError
        );
    }

    #[test]
    fn lengths_are_exact() {
        let key = DecapsulationKey::generate().unwrap();
        for off in [-1_isize, 1] {
            let zeros = |length: usize| vec![0; length.checked_add_signed(off).unwrap()];
            assert!(DecapsulationKey::from_seed(&zeros(SEED)).is_err());
            assert!(DecapsulationKey::from_expanded(&zeros(2400)).is_err());
            assert!(key.decapsulate(&zeros(ENCAPSULATION)).is_err());
            assert!(encapsulate(&zeros(PUBLIC)).is_err());
            assert!(encapsulate_derandomized(&zeros(PUBLIC), &[0; SECRET]).is_err());
            assert!(encapsulate_derandomized(key.public(), &zeros(SECRET)).is_err());
        }
    }

    #[test]
    fn debug_prints_nothing_of_it() {
        let key = DecapsulationKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "DecapsulationKey(..)");
    }
}
