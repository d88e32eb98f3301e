//! AEADs under nonces that the caller chooses: AES-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439), all by aws-lc.
//!
//! A nonce used twice under one key gives away plaintexts and the power to forge, so nothing else in this crate lets its
//! caller choose but [`crate::packet`], where it is the packet's number: [`crate::aead::Aead`] draws its own nonces. Both directions
//! write into the caller's memory and copy nothing.

use core::fmt;

use aws_lc_rs::aead::{
    Aad, Algorithm, LessSafeKey, Nonce, UnboundKey, AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305,
};

use crate::aead::AeadError;

/// Bytes of a nonce.
pub const NONCE: usize = 12;
/// Bytes by which a sealed message is longer than its plaintext.
pub const TAG: usize = 16;

/// What is offered. The names are those of the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `AES-128-GCM`, keys of 16 bytes.
    Aes128Gcm,
    /// `AES-256-GCM`, keys of 32 bytes.
    Aes256Gcm,
    /// `ChaCha20-Poly1305`, keys of 32 bytes.
    ChaCha20Poly1305,
}

impl Kind {
    /// The kind of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "AES-128-GCM" => Some(Self::Aes128Gcm),
            "AES-256-GCM" => Some(Self::Aes256Gcm),
            "ChaCha20-Poly1305" => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes128Gcm => &AES_128_GCM,
            Self::Aes256Gcm => &AES_256_GCM,
            Self::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        }
    }
}

/// A key, expanded once.
pub struct Cipher(LessSafeKey);

impl Cipher {
    /// A key of the kind's length.
    pub fn new(kind: Kind, key: &[u8]) -> Result<Self, AeadError> {
        let key = UnboundKey::new(kind.algorithm(), key).map_err(|_| AeadError::Malformed)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Writes `ciphertext || tag` into `out`, which is [`TAG`] bytes longer than the plaintext.
    pub fn seal_into(
        &self,
        nonce: &[u8],
        plaintext: &[u8],
        aad: &[u8],
        out: &mut [u8],
    ) -> Result<(), AeadError> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| AeadError::Malformed)?;
        let (ciphertext, tag) = out
            .split_last_chunk_mut::<TAG>()
            .ok_or(AeadError::Unavailable)?;
        self.0
            .seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, ciphertext, &[], tag)
            .map_err(|_| AeadError::Unavailable)
    }

    /// Writes the plaintext of `ciphertext || tag` into `out`, which is [`TAG`] bytes shorter, or leaves only zeros there.
    pub fn open_into(
        &self,
        nonce: &[u8],
        sealed: &[u8],
        aad: &[u8],
        out: &mut [u8],
    ) -> Result<(), AeadError> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| AeadError::Malformed)?;
        let (ciphertext, tag) = sealed
            .split_last_chunk::<TAG>()
            .ok_or(AeadError::NotAuthentic)?;
        let opened = self
            .0
            .open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, out)
            .map_err(|_| AeadError::NotAuthentic);
        if opened.is_err() {
            out.fill(0); // the library does so too; that nothing unverified stays must not hang on it
        }
        opened
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const KINDS: [(&str, usize); 3] = [
        ("AES-128-GCM", 16),
        ("AES-256-GCM", 32),
        ("ChaCha20-Poly1305", 32),
    ];

    #[test]
    fn what_was_sealed_opens_and_nothing_unverified_is_left() {
        for (name, length) in KINDS {
            let cipher = Cipher::new(Kind::of(name).unwrap(), &vec![7; length]).unwrap();
            let mut sealed = [0; 9 + TAG];
            cipher
                .seal_into(&[1; NONCE], b"plaintext", b"aad", &mut sealed)
                .unwrap();
            let mut opened = [0; 9];
            cipher
                .open_into(&[1; NONCE], &sealed, b"aad", &mut opened)
                .unwrap();
            assert_eq!(opened, *b"plaintext");
            sealed[0] ^= 1;
            assert_eq!(
                cipher.open_into(&[1; NONCE], &sealed, b"aad", &mut opened),
                Err(AeadError::NotAuthentic)
            );
            assert_eq!(opened, [0; 9]);
        }
    }

    #[test]
    fn lengths_are_exact() {
        for (name, length) in KINDS {
            let kind = Kind::of(name).unwrap();
            for wrong in (0..40).filter(|wrong| *wrong != length) {
                assert_eq!(
                    Cipher::new(kind, &vec![0; wrong]).unwrap_err(),
                    AeadError::Malformed
                );
            }
            let cipher = Cipher::new(kind, &vec![0; length]).unwrap();
            for wrong in (0..30).filter(|wrong| *wrong != NONCE) {
                let nonce = vec![0; wrong];
                assert_eq!(
                    cipher.seal_into(&nonce, b"", b"", &mut [0; TAG]),
                    Err(AeadError::Malformed)
                );
                assert_eq!(
                    cipher.open_into(&nonce, &[0; TAG], b"", &mut []),
                    Err(AeadError::Malformed)
                );
            }
            assert_eq!(
                cipher.seal_into(&[0; NONCE], b"1", b"", &mut [0; TAG]),
                Err(AeadError::Unavailable)
            );
            assert_eq!(
                cipher.open_into(&[0; NONCE], &[0; TAG - 1], b"", &mut []),
                Err(AeadError::NotAuthentic)
            );
        }
        assert_eq!(Kind::of("AES-192-GCM"), None);
    }

    #[test]
    fn debug_prints_nothing_of_it() {
        let cipher = Cipher::new(Kind::Aes128Gcm, &[222; 16]).unwrap();
        assert_eq!(format!("{cipher:?}"), "Cipher(..)");
    }
}
