//! AES-256-GCM (NIST SP 800-38D) with a random nonce in front of each ciphertext.
//!
//! What is sealed reads `nonce (12) || ciphertext || tag (16)`. A key may seal 2^32 messages before random nonces could repeat with
//! a probability worth naming. Opening never says why it failed.

use core::fmt;

use zeroize::Zeroizing;

use crate::cipher::{Cipher, Kind, NONCE, TAG};
use crate::secret;

/// Bytes of a key.
pub const KEY: usize = 32;
/// Bytes by which a sealed message is longer than its plaintext.
pub const OVERHEAD: usize = NONCE + TAG;

/// Why there is no ciphertext or no plaintext.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AeadError {
    /// The key is not 32 bytes long.
    #[error("the key has the wrong length")]
    Malformed,
    /// The tag does not fit: another key, other associated data, or changed bytes.
    #[error("the ciphertext does not verify")]
    NotAuthentic,
    /// No randomness, or more data than the cipher takes at once.
    #[error("nothing could be sealed")]
    Unavailable,
}

/// A key, expanded once.
pub struct Aead(Cipher);

impl Aead {
    /// The key of 32 bytes.
    pub fn new(key: &[u8]) -> Result<Self, AeadError> {
        Cipher::new(Kind::Aes256Gcm, key).map(Self)
    }

    /// Seals under a nonce that nobody chose.
    pub fn seal(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, AeadError> {
        let mut sealed = vec![0; plaintext.len().saturating_add(OVERHEAD)];
        self.seal_into(plaintext, aad, &mut sealed)?;
        Ok(sealed)
    }

    /// [`Aead::seal`] into `out`, which is [`OVERHEAD`] bytes longer than the plaintext.
    pub fn seal_into(&self, plaintext: &[u8], aad: &[u8], out: &mut [u8]) -> Result<(), AeadError> {
        let (nonce, body) = out
            .split_first_chunk_mut::<NONCE>()
            .ok_or(AeadError::Unavailable)?;
        secret::fill(nonce).map_err(|_| AeadError::Unavailable)?;
        self.0.seal_into(nonce, plaintext, aad, body)
    }

    /// The plaintext of what [`Aead::seal`] made with the same associated data.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, AeadError> {
        let mut plaintext = Zeroizing::new(vec![0; plaintext_length(sealed)?]);
        self.open_into(sealed, aad, &mut plaintext)?;
        Ok(plaintext)
    }

    /// [`Aead::open`] into `out`, which is as long as [`plaintext_length`] says.
    pub fn open_into(&self, sealed: &[u8], aad: &[u8], out: &mut [u8]) -> Result<(), AeadError> {
        let (nonce, body) = sealed
            .split_first_chunk::<NONCE>()
            .ok_or(AeadError::NotAuthentic)?;
        self.0.open_into(nonce, body, aad, out)
    }
}

/// How long the plaintext of `sealed` is, if it is one.
pub fn plaintext_length(sealed: &[u8]) -> Result<usize, AeadError> {
    sealed
        .len()
        .checked_sub(OVERHEAD)
        .ok_or(AeadError::NotAuthentic)
}

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aead(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn every_part_is_bound() {
        let aead = Aead::new(&[7; KEY]).unwrap();
        let sealed = aead.seal(b"plaintext", b"aad").unwrap();
        assert_eq!(sealed.len(), 9 + OVERHEAD);
        assert_eq!(*aead.open(&sealed, b"aad").unwrap(), b"plaintext");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x80;
            assert_eq!(
                aead.open(&changed, b"aad").unwrap_err(),
                AeadError::NotAuthentic
            );
            assert_eq!(
                aead.open(&sealed[..at], b"aad").unwrap_err(),
                AeadError::NotAuthentic
            );
        }
        assert_eq!(
            aead.open(&sealed, b"dad").unwrap_err(),
            AeadError::NotAuthentic
        );
        let other = Aead::new(&[8; KEY]).unwrap();
        assert_eq!(
            other.open(&sealed, b"aad").unwrap_err(),
            AeadError::NotAuthentic
        );
    }

    #[test]
    fn the_same_message_never_seals_to_the_same_bytes() {
        let aead = Aead::new(&[7; KEY]).unwrap();
        assert_ne!(
            aead.seal(b"m", b"").unwrap()[..NONCE],
            aead.seal(b"m", b"").unwrap()[..NONCE]
        );
    }

    #[test]
    fn a_key_has_32_bytes_and_is_not_printed() {
        assert_eq!(Aead::new(&[0; 16]).unwrap_err(), AeadError::Malformed);
        assert_eq!(format!("{:?}", Aead::new(&[222; KEY]).unwrap()), "Aead(..)");
    }
}
