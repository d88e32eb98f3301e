//! X25519 (RFC 7748), by aws-lc. A shared secret of zeros, which only points of small order give, is refused (section 6.1).

use core::fmt;

use aws_lc_rs::agreement::{agree, UnparsedPublicKey, X25519};
use zeroize::Zeroizing;

use crate::secret::{RandomError, Secret};

/// Bytes of a private key, a public key and a shared secret.
pub const KEY: usize = 32;

/// A key has the wrong length, or the two give no secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the X25519 key is malformed or of small order")]
pub struct X25519Error;

/// A private key, with its public key at hand.
pub struct PrivateKey {
    key: aws_lc_rs::agreement::PrivateKey,
    public: [u8; KEY],
    secret: Secret<KEY>,
}

impl PrivateKey {
    /// A fresh key.
    pub fn generate() -> Result<Self, RandomError> {
        Self::from_secret(Secret::random()?).map_err(|_| RandomError)
    }

    /// The key of any 32 bytes, clamped where it is used (RFC 7748, section 5).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, X25519Error> {
        Self::from_secret(Secret::from_slice(bytes).ok_or(X25519Error)?)
    }

    fn from_secret(secret: Secret<KEY>) -> Result<Self, X25519Error> {
        let key = aws_lc_rs::agreement::PrivateKey::from_private_key(&X25519, secret.as_slice())
            .map_err(|_| X25519Error)?;
        let public = key.compute_public_key().map_err(|_| X25519Error)?;
        let public = public.as_ref().try_into().map_err(|_| X25519Error)?;
        Ok(Self {
            key,
            public,
            secret,
        })
    }

    /// The public key.
    pub fn public(&self) -> &[u8; KEY] {
        &self.public
    }

    /// The private key's bytes, as they were given.
    pub fn secret(&self) -> &Zeroizing<[u8; KEY]> {
        &self.secret
    }

    /// The secret shared with the holder of `peer`.
    pub fn agree(&self, peer: &[u8]) -> Result<Secret<KEY>, X25519Error> {
        agree(
            &self.key,
            UnparsedPublicKey::new(&X25519, peer),
            X25519Error,
            |shared| Secret::from_slice(shared).ok_or(X25519Error),
        )
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::hex;

    /// RFC 7748, section 6.1, from Bob's side.
    #[test]
    fn the_example_of_the_rfc() {
        let bob = PrivateKey::from_bytes(&hex(
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        ))
        .unwrap();
        assert_eq!(
            bob.public().to_vec(),
            hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        );
        let alice = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        assert_eq!(
            bob.agree(&alice).unwrap().to_vec(),
            hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
        );
    }

    #[test]
    fn points_of_small_order_and_other_lengths_are_refused() {
        let key = PrivateKey::generate().unwrap();
        assert_eq!(key.agree(&[0; KEY]).unwrap_err(), X25519Error);
        let mut one = [0; KEY];
        one[0] = 1;
        assert_eq!(key.agree(&one).unwrap_err(), X25519Error);
        for length in [0, 31, 33] {
            assert_eq!(key.agree(&vec![9; length]).unwrap_err(), X25519Error);
            assert_eq!(
                PrivateKey::from_bytes(&vec![9; length]).unwrap_err(),
                X25519Error
            );
        }
    }

    #[test]
    fn debug_prints_nothing_of_it() {
        assert_eq!(
            format!("{:?}", PrivateKey::generate().unwrap()),
            "PrivateKey(..)"
        );
    }
}
