//! Byte strings that are keys: wiped on drop, never printed.
//!
//! A [`Secret`] lives on the heap, so moving it leaves no copy on the stack that nobody wipes.

use core::fmt;
use core::ops::Deref;

use rand::rngs::OsRng;
use rand::RngCore;
use zeroize::Zeroizing;

#[cfg(feature = "simulation")]
use crate::simulation::Seeded;

#[cfg(feature = "simulation")]
pub(crate) use crate::simulation::Generator;
/// For crates that ask for a generator.
#[cfg(not(feature = "simulation"))]
pub(crate) use rand::rngs::OsRng as Generator;

/// The operating system gave no randomness. Nothing can go on after that.
#[derive(Debug, thiserror::Error)]
#[error("the system has no randomness to give")]
pub struct RandomError;

/// `N` secret bytes.
#[derive(Clone)]
pub struct Secret<const N: usize>(Box<Zeroizing<[u8; N]>>);

impl<const N: usize> Secret<N> {
    /// Fresh random bytes.
    pub fn random() -> Result<Self, RandomError> {
        let mut secret = Self(Box::new(Zeroizing::new([0; N])));
        fill(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    /// A copy of `bytes`, or `None` if there are not exactly `N`.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != N {
            return None;
        }
        let mut secret = Self(Box::new(Zeroizing::new([0; N])));
        secret.0.copy_from_slice(bytes);
        Some(secret)
    }
}

impl<const N: usize> Deref for Secret<N> {
    type Target = Zeroizing<[u8; N]>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Fills `bytes` from the operating system. A generator in between would only have more state to keep safe, and takes longer for a nonce.
pub fn fill(bytes: &mut [u8]) -> Result<(), RandomError> {
    #[cfg(feature = "simulation")]
    if let Some(seeded) = Seeded::current() {
        seeded.fill(bytes);
        return Ok(());
    }
    OsRng.try_fill_bytes(bytes).map_err(|_| RandomError)
}

/// Whether bytes come from a seed now, so that no library may draw its own. Never in a wheel.
pub(crate) fn seeded() -> bool {
    #[cfg(feature = "simulation")]
    return Seeded::current().is_some();
    #[cfg(not(feature = "simulation"))]
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn debug_prints_nothing_of_it() {
        assert_eq!(
            format!("{:?}", Secret::<4>::from_slice(&[222; 4]).unwrap()),
            "Secret(..)"
        );
    }

    #[test]
    fn only_the_exact_length_is_taken() {
        assert!(Secret::<4>::from_slice(&[0; 3]).is_none());
        assert!(Secret::<4>::from_slice(&[0; 5]).is_none());
    }

    #[test]
    fn two_random_secrets_differ() {
        let (a, b) = (
            Secret::<32>::random().unwrap(),
            Secret::<32>::random().unwrap(),
        );
        assert_ne!(**a, **b);
    }
}
