//! Ed25519 (RFC 8032), with a context in front of everything that qnpc signs by itself.
//!
//! What is signed is `"qnpc/v1 " || context || 0x00 || message`. A context holds no zero byte, so two contexts never share a
//! signed string. MLS signs with the same device keys (RFC 9420, section 5.1.2): its strings start with the length of a label,
//! which is below 64 for every label there is, and ours start with `q` (0x71), so neither passes for the other.
//!
//! Verification is strict. The library checks that `S` is reduced and compares `R` as bytes, but it accepts public keys of small
//! order (under which one signature fits nearly any message) and public keys that are not encoded canonically. Both are refused here.

use core::fmt;
use core::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, UnparsedPublicKey, ED25519};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Bytes of a public key.
pub const PUBLIC: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE: usize = 64;

const PREFIX: &[u8] = b"qnpc/v1 ";

/// Why there is no signature, or none that holds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A length is wrong, or a context is empty or holds a zero byte.
    #[error("the key, the signature or its context has the wrong form")]
    Malformed,
    /// The signature is not one of this key over this message, or the key is one that must not be used.
    #[error("the signature does not verify")]
    NotAuthentic,
    /// No randomness, or the library refused its own key.
    #[error("no signing key could be made")]
    Unavailable,
}

/// An Ed25519 key pair, expanded once: signing derives nothing again.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: [u8; PUBLIC],
    seed: Secret<32>,
}

impl SigningKey {
    /// A fresh key.
    pub fn generate() -> Result<Self, SignatureError> {
        Self::from_secret(Secret::random().map_err(|_| SignatureError::Unavailable)?)
    }

    /// The key of a seed (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SignatureError> {
        Self::from_secret(Secret::from_slice(seed).ok_or(SignatureError::Malformed)?)
    }

    fn from_secret(seed: Secret<32>) -> Result<Self, SignatureError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
            .map_err(|_| SignatureError::Unavailable)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| SignatureError::Unavailable)?;
        Ok(Self { pair, public, seed })
    }

    /// The public key.
    pub fn public(&self) -> [u8; PUBLIC] {
        self.public
    }

    /// The seed, for storing it under another key.
    pub fn seed(&self) -> &Zeroizing<[u8; 32]> {
        &self.seed
    }

    /// A signature over `message` under `context`, which must satisfy [`is_context`]: otherwise nothing will verify it.
    pub fn sign(&self, context: &str, message: &[u8]) -> [u8; SIGNATURE] {
        self.sign_raw(&framed(context, message))
    }

    /// A signature over `message` as it is, for protocols that separate their domains themselves, as MLS does.
    pub fn sign_raw(&self, message: &[u8]) -> [u8; SIGNATURE] {
        let mut signature = [0; SIGNATURE];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Whether `context` can stand before a message: not empty, no zero byte.
pub fn is_context(context: &str) -> bool {
    !context.is_empty() && !context.contains('\0')
}

/// Checks what [`SigningKey::sign`] made.
pub fn verify(
    public: &[u8],
    context: &str,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    if !is_context(context) {
        return Err(SignatureError::Malformed);
    }
    verify_raw(public, &framed(context, message), signature)
}

/// Checks what [`SigningKey::sign_raw`] made. As strict as [`verify`].
pub fn verify_raw(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() != SIGNATURE {
        return Err(SignatureError::Malformed);
    }
    check_public(public)?;
    UnparsedPublicKey::new(&ED25519, public)
        .verify(message, signature)
        .map_err(|_| SignatureError::NotAuthentic)
}

/// One of a batch for [`verify_many`].
pub struct Signed<'a> {
    /// The signer's public key.
    pub public: &'a [u8],
    /// What was signed, as it is.
    pub message: &'a [u8],
    /// The signature over it.
    pub signature: &'a [u8],
}

/// The first of a batch that does not hold, and why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("number {position} of the batch: {error}")]
pub struct BatchError {
    /// Counted from 0.
    pub position: usize,
    /// What [`verify_raw`] said.
    pub error: SignatureError,
}

/// Below this many for each, starting a thread costs more than it saves.
const WORTH_A_THREAD: usize = 8;

/// [`verify_raw`] for each, by at most `threads` threads. Every one is checked by itself, so a batch is as strict as its parts.
pub fn verify_many(batch: &[Signed<'_>], threads: NonZeroUsize) -> Result<(), BatchError> {
    let share = batch.len().div_ceil(threads.get()).max(WORTH_A_THREAD);
    thread::scope(|scope| {
        let mut shares = batch.chunks(share).enumerate();
        let own = shares.next();
        let others: Vec<_> = shares
            .map(|(number, part)| scope.spawn(move || verify_part(part, number * share)))
            .collect();
        let mut result = own.map_or(Ok(()), |(_, part)| verify_part(part, 0));
        for other in others {
            let checked = other.join().unwrap_or_else(|panic| resume_unwind(panic));
            result = result.and(checked);
        }
        result
    })
}

fn verify_part(part: &[Signed<'_>], first: usize) -> Result<(), BatchError> {
    for (number, signed) in part.iter().enumerate() {
        verify_raw(signed.public, signed.message, signed.signature).map_err(|error| {
            BatchError {
                position: first + number,
                error,
            }
        })?;
    }
    Ok(())
}

/// Refuses keys of small order and encodings that are not canonical (RFC 8032, section 5.1.3).
pub fn check_public(public: &[u8]) -> Result<(), SignatureError> {
    let mut y: [u8; PUBLIC] = public.try_into().map_err(|_| SignatureError::Malformed)?;
    let [.., top] = &mut y;
    *top &= 0x7f; // the sign of x: both points of a y have the same order
    if SMALL_ORDER.contains(&y) || !below_prime(&y) {
        return Err(SignatureError::NotAuthentic);
    }
    Ok(())
}

fn framed(context: &str, message: &[u8]) -> Vec<u8> {
    [PREFIX, context.as_bytes(), &[0], message].concat()
}

/// `y < 2^255 - 19`, little endian, its top bit clear.
fn below_prime(y: &[u8; PUBLIC]) -> bool {
    let [low, middle @ .., top] = y;
    *top != 0x7f || *low < 0xed || middle.iter().any(|byte| *byte != 0xff)
}

/// The y of the eight points whose order divides 8: orders 4, 1, 2 and twice 8.
const SMALL_ORDER: [[u8; PUBLIC]; 5] = [
    [0; PUBLIC],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(&[222; 32]).unwrap()
    }

    #[test]
    fn what_was_signed_verifies_and_nothing_else() {
        let key = key();
        let signature = key.sign("letter", b"hello");
        verify(&key.public(), "letter", b"hello", &signature).unwrap();
        for (context, message) in [
            ("letter", &b"hallo"[..]),
            ("note", b"hello"),
            ("letterh", b"ello"),
        ] {
            assert_eq!(
                verify(&key.public(), context, message, &signature),
                Err(SignatureError::NotAuthentic)
            );
        }
        let other = SigningKey::generate().unwrap();
        assert_eq!(
            verify(&other.public(), "letter", b"hello", &signature),
            Err(SignatureError::NotAuthentic)
        );
    }

    #[test]
    fn a_context_cannot_move_into_the_message() {
        let key = key();
        let signature = key.sign("a", b"b\0c");
        assert_eq!(
            verify(&key.public(), "a\0b", b"c", &signature),
            Err(SignatureError::Malformed)
        );
        assert_eq!(
            verify(&key.public(), "", b"c", &signature),
            Err(SignatureError::Malformed)
        );
    }

    #[test]
    fn debug_prints_nothing_of_it() {
        assert_eq!(format!("{:?}", key()), "SigningKey(..)");
    }

    #[test]
    fn a_batch_names_the_first_that_does_not_hold() {
        let key = key();
        let messages: Vec<_> = (0..100_u8).map(|byte| [byte]).collect();
        let mut signatures: Vec<_> = messages.iter().map(|m| key.sign_raw(m)).collect();
        let check = |signatures: &[[u8; SIGNATURE]], threads| {
            let public = key.public();
            let pairs = messages.iter().zip(signatures);
            let batch: Vec<_> = pairs
                .map(|(message, signature)| Signed {
                    public: &public,
                    message,
                    signature,
                })
                .collect();
            verify_many(&batch, NonZeroUsize::new(threads).unwrap())
        };
        for threads in [1, 2, 3, 200] {
            check(&signatures, threads).unwrap();
        }
        for position in [99, 57, 3] {
            signatures[position][0] ^= 1;
            for threads in [1, 2, 3, 200] {
                let error = SignatureError::NotAuthentic;
                assert_eq!(
                    check(&signatures, threads),
                    Err(BatchError { position, error })
                );
            }
        }
        assert_eq!(verify_many(&[], NonZeroUsize::MIN), Ok(()));
    }

    #[test]
    fn a_key_of_small_order_is_refused_though_its_signature_fits_every_message() {
        // Under the neutral element R = identity, S = 0 satisfies S B = R + k A whatever is signed.
        let mut forged = [0; SIGNATURE];
        forged[0] = 1;
        let neutral = SMALL_ORDER[1];
        UnparsedPublicKey::new(&ED25519, neutral)
            .verify(b"anything", &forged)
            .unwrap(); // the library alone takes it
        assert_eq!(
            verify_raw(&neutral, b"anything", &forged),
            Err(SignatureError::NotAuthentic)
        );
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut public = y;
                public[31] |= sign;
                assert_eq!(check_public(&public), Err(SignatureError::NotAuthentic));
            }
        }
    }

    #[test]
    fn an_encoding_above_the_prime_is_refused() {
        for low in 0xed..=0xff {
            for top in [0x7f, 0xff] {
                let mut public = [0xff; PUBLIC];
                public[0] = low;
                public[31] = top;
                assert_eq!(check_public(&public), Err(SignatureError::NotAuthentic));
            }
        }
        let mut below = [0xff; PUBLIC];
        below[0] = 0xeb;
        below[31] = 0x7f;
        check_public(&below).unwrap();
    }

    #[test]
    fn lengths_are_exact() {
        let key = key();
        let signature = key.sign("c", b"m");
        for length in [0, 31, 33] {
            assert_eq!(
                verify(&vec![9; length], "c", b"m", &signature),
                Err(SignatureError::Malformed)
            );
        }
        assert_eq!(
            verify(&key.public(), "c", b"m", &signature[..63]),
            Err(SignatureError::Malformed)
        );
    }
}
