//! The bytes of a profile's vault on disk.
//!
//! | bytes | field |
//! |---|---|
//! | 4 | `QPCE` |
//! | 1 | version, 1 |
//! | 2 | length of the header, big endian |
//! | that many | header, which names the key derivation and its salt |
//! | 12 | nonce |
//! | rest | AES-256-GCM; everything before the nonce is associated data |
//!
//! The header can be read without a key, for it says how to make one; what it says is authenticated by opening.

use zeroize::Zeroizing;

use crate::aead::{Aead, AeadError, OVERHEAD};

const MAGIC: [u8; 4] = *b"QPCE";
const VERSION: u8 = 1;

/// Why a vault was not sealed or not opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Not a vault, cut short, of an unknown version, or a length is out of range.
    #[error("the vault or its key is malformed")]
    Malformed,
    /// Another key, or changed bytes.
    #[error("the vault does not open")]
    NotAuthentic,
    /// No randomness.
    #[error("the vault could not be sealed")]
    Unavailable,
}

impl From<AeadError> for VaultError {
    fn from(error: AeadError) -> Self {
        match error {
            AeadError::Malformed => Self::Malformed,
            AeadError::NotAuthentic => Self::NotAuthentic,
            AeadError::Unavailable => Self::Unavailable,
        }
    }
}

/// Seals `plaintext` under a key of 32 bytes. The header is at most 65,535 bytes.
pub fn seal(key: &[u8], header: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
    let length = u16::try_from(header.len()).map_err(|_| VaultError::Malformed)?;
    let prefix = [&MAGIC[..], &[VERSION], &length.to_be_bytes(), header].concat();
    let body = Aead::new(key)?.seal(plaintext, &prefix)?;
    Ok([prefix, body].concat())
}

/// The plaintext.
pub fn open(key: &[u8], vault: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (prefix, _, body) = split(vault).ok_or(VaultError::Malformed)?;
    Ok(Aead::new(key)?.open(body, prefix)?)
}

/// The header, not authenticated yet.
pub fn header(vault: &[u8]) -> Result<&[u8], VaultError> {
    split(vault)
        .map(|(_, header, _)| header)
        .ok_or(VaultError::Malformed)
}

/// Prefix (with the header in it), header, sealed body.
fn split(vault: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (magic, rest) = vault.split_first_chunk::<4>()?;
    let (&[version], rest) = rest.split_first_chunk::<1>()?;
    if *magic != MAGIC || version != VERSION {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (header, body) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    if body.len() < OVERHEAD {
        return None;
    }
    let (prefix, _) = vault.split_at_checked(vault.len().checked_sub(body.len())?)?;
    Some((prefix, header, body))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const KEY: [u8; 32] = [9; 32];

    #[test]
    fn it_opens_with_its_key_and_tells_its_header_without() {
        let vault = seal(&KEY, b"argon2id", b"secrets").unwrap();
        assert_eq!(vault[..15], *b"QPCE\x01\x00\x08argon2id");
        assert_eq!(vault.len(), 15 + OVERHEAD + 7);
        assert_eq!(header(&vault).unwrap(), b"argon2id");
        assert_eq!(*open(&KEY, &vault).unwrap(), b"secrets");
        assert_eq!(open(&[8; 32], &vault), Err(VaultError::NotAuthentic));
    }

    #[test]
    fn changed_or_cut_anywhere_it_does_not_open() {
        let vault = seal(&KEY, b"argon2id", b"secrets").unwrap();
        for at in 0..vault.len() {
            let mut changed = vault.clone();
            changed[at] ^= 1;
            let error = open(&KEY, &changed).unwrap_err();
            let framing = at <= 5; // magic, version, a header longer than the file
            assert_eq!(
                error,
                if framing {
                    VaultError::Malformed
                } else {
                    VaultError::NotAuthentic
                },
                "byte {at}"
            );
            let cut = open(&KEY, &vault[..at]).unwrap_err();
            let short = at < 15 + OVERHEAD;
            assert_eq!(
                cut,
                if short {
                    VaultError::Malformed
                } else {
                    VaultError::NotAuthentic
                }
            );
        }
    }

    #[test]
    fn lengths_out_of_range_are_refused() {
        assert_eq!(
            seal(&KEY, &vec![0; 65_536], b""),
            Err(VaultError::Malformed)
        );
        assert_eq!(seal(&KEY[1..], b"", b""), Err(VaultError::Malformed));
        let vault = seal(&KEY, b"", b"").unwrap();
        assert_eq!(open(&KEY[1..], &vault), Err(VaultError::Malformed));
        assert_eq!(*open(&KEY, &vault).unwrap(), b"");
    }
}
