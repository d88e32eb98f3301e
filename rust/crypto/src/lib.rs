//! Primitives of qnpc: signatures, certificates, AEADs, hashes, X25519, ML-KEM, X-Wing, the sealed envelope, the vault and OPAQUE.
//!
//! Every algorithm comes from an audited or widely reviewed crate; what is written here is the framing around it: lengths,
//! contexts, domain separation. Nothing in this crate knows Python, MLS or a network. Secrets are wiped when they go, and no
//! `Debug` prints one.

#![forbid(unsafe_code)]

pub mod aead;
pub mod certificate;
pub mod cipher;
pub mod envelope;
pub mod fingerprint;
pub mod hash;
pub mod hpke;
pub mod kem;
pub mod mlkem;
pub mod opaque;
pub mod packet;
pub mod secret;
pub mod signature;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod vault;
pub mod x25519;

#[cfg(test)]
mod testing;
