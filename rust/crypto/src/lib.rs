//! Primitives of qnpc: signatures, certificates, AEAD, X-Wing, the sealed envelope, the vault and OPAQUE.
//!
//! Every algorithm comes from an audited or widely reviewed crate; what is written here is the framing around it: lengths,
//! contexts, domain separation. Nothing in this crate knows Python, MLS or a network. Secrets are wiped when they go, and no
//! `Debug` prints one.

pub mod aead;
pub mod certificate;
pub mod envelope;
pub mod fingerprint;
pub mod kem;
pub mod opaque;
pub mod secret;
pub mod signature;
pub mod vault;

#[cfg(test)]
mod testing;
