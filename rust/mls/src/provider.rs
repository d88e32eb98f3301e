//! The cryptography that openmls calls, each primitive from the audited crate that is fastest at it.
//!
//! | primitive | crate |
//! |---|---|
//! | HPKE with X-Wing | libcrux |
//! | AES-128-GCM, random bytes | aws-lc-rs |
//! | Ed25519 | aws-lc-rs, by way of `qnpc_crypto`, which is strict about keys |
//! | HPKE with X25519, HKDF, HMAC, SHA-256 | RustCrypto |
//!
//! Signing never comes through here: a [`Signer`] holds the device's expanded key.

use std::sync::OnceLock;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_128_GCM};
use openmls_libcrux_crypto::CryptoProvider as Libcrux;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
    HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};
use openmls_traits::OpenMlsProvider;
use qnpc_crypto::secret::{self, RandomError};
use qnpc_crypto::signature::{self, SigningKey};
use tls_codec::SecretVLBytes;

use crate::error::Error;
use crate::store::{Store, View};
use crate::suite::Suite;

/// What openmls works with during one operation.
pub(crate) struct Provider<'a> {
    crypto: &'static Crypto,
    storage: View<'a>,
}

impl<'a> Provider<'a> {
    /// Writes everything.
    pub(crate) fn new(store: &'a Store) -> Result<Self, Error> {
        Self::with(View::new(store, false))
    }

    /// Leaves message secrets for later; only for reading messages.
    pub(crate) fn deferring(store: &'a Store) -> Result<Self, Error> {
        Self::with(View::new(store, true))
    }

    /// Writes the public state of a group and refuses everything else.
    pub(crate) fn public(store: &'a Store) -> Result<Self, Error> {
        Self::with(View::public(store))
    }

    fn with(storage: View<'a>) -> Result<Self, Error> {
        Ok(Self {
            crypto: crypto()?,
            storage,
        })
    }
}

impl<'a> OpenMlsProvider for Provider<'a> {
    type CryptoProvider = Crypto;
    type RandProvider = Crypto;
    type StorageProvider = View<'a>;

    fn storage(&self) -> &View<'a> {
        &self.storage
    }

    fn crypto(&self) -> &Crypto {
        self.crypto
    }

    fn rand(&self) -> &Crypto {
        self.crypto
    }
}

/// The primitives. There is one of it, because its parts keep random generators of their own.
pub(crate) struct Crypto {
    rust: RustCrypto,
    libcrux: Libcrux,
}

/// The process's primitives.
pub(crate) fn crypto() -> Result<&'static Crypto, Error> {
    static CRYPTO: OnceLock<Option<Crypto>> = OnceLock::new();
    let make = || {
        let libcrux = Libcrux::new().ok()?;
        Some(Crypto {
            rust: RustCrypto::default(),
            libcrux,
        })
    };
    let crypto = CRYPTO.get_or_init(make).as_ref();
    crypto.ok_or_else(|| Error::state("the system has no randomness to give"))
}

fn aes_128_gcm(alg: AeadType, key: &[u8]) -> Result<LessSafeKey, CryptoError> {
    if alg != AeadType::Aes128Gcm {
        return Err(CryptoError::UnsupportedAeadAlgorithm);
    }
    let key = UnboundKey::new(&AES_128_GCM, key).map_err(|_| CryptoError::InvalidLength)?;
    Ok(LessSafeKey::new(key))
}

fn nonce(nonce: &[u8]) -> Result<Nonce, CryptoError> {
    Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::InvalidLength)
}

fn only_ed25519(alg: SignatureScheme) -> Result<(), CryptoError> {
    match alg {
        SignatureScheme::ED25519 => Ok(()),
        _ => Err(CryptoError::UnsupportedSignatureScheme),
    }
}

/// Refuses keys and encapsulations whose length is not the KEM's: libcrux cuts X-Wing's into its halves without looking, and
/// would panic over bytes that any peer can send.
fn expect_lengths(
    kem: HpkeKemType,
    public: Option<&[u8]>,
    encapsulation: Option<&[u8]>,
) -> Result<(), CryptoError> {
    let (public_length, encapsulation_length) = match kem {
        HpkeKemType::DhKem25519 => (32, 32),
        HpkeKemType::XWingKemDraft6 => (1216, 1120),
        _ => return Err(CryptoError::UnsupportedCiphersuite),
    };
    if public.is_some_and(|key| key.len() != public_length)
        || encapsulation.is_some_and(|bytes| bytes.len() != encapsulation_length)
    {
        return Err(CryptoError::InvalidLength);
    }
    Ok(())
}

/// HPKE goes to the crate that is fastest with its KEM.
macro_rules! by_kem {
    ($self:ident, $config:ident, $method:ident($($argument:ident),*)) => {
        match $config.0 {
            HpkeKemType::XWingKemDraft6 => $self.libcrux.$method($config, $($argument),*),
            _ => $self.rust.$method($config, $($argument),*),
        }
    };
}

impl OpenMlsCrypto for Crypto {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        Suite::of(ciphersuite)
            .map(|_| ())
            .ok_or(CryptoError::UnsupportedCiphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        Suite::ALL.map(Suite::ciphersuite).to_vec()
    }

    fn hkdf_extract(
        &self,
        hash: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        self.rust.hkdf_extract(hash, salt, ikm)
    }

    fn hmac(
        &self,
        hash: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        self.rust.hmac(hash, key, message)
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        length: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.rust.hkdf_expand(hash, prk, info, length)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.rust.hash(hash, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce_bytes: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let key = aes_128_gcm(alg, key)?;
        let mut sealed = Vec::with_capacity(data.len() + alg.tag_size());
        sealed.extend_from_slice(data);
        key.seal_in_place_append_tag(nonce(nonce_bytes)?, Aad::from(aad), &mut sealed)
            .map_err(|_| CryptoError::CryptoLibraryError)?;
        Ok(sealed)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        sealed: &[u8],
        nonce_bytes: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let key = aes_128_gcm(alg, key)?;
        let mut opened = sealed.to_vec();
        let length = key
            .open_in_place(nonce(nonce_bytes)?, Aad::from(aad), &mut opened)
            .map_err(|_| CryptoError::AeadDecryptionError)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        only_ed25519(alg)?;
        let key = SigningKey::generate().map_err(|_| CryptoError::InsufficientRandomness)?;
        Ok((key.seed().to_vec(), key.public().to_vec()))
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        public: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        only_ed25519(alg)?;
        signature::verify_raw(public, data, signature).map_err(|_| CryptoError::InvalidSignature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], seed: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_ed25519(alg)?;
        let seed = seed.try_into().map_err(|_| CryptoError::InvalidLength)?;
        let key = SigningKey::from_seed(seed).map_err(|_| CryptoError::SigningError)?;
        Ok(key.sign_raw(data).to_vec())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        expect_lengths(config.0, Some(public), None)?;
        by_kem!(self, config, hpke_seal(public, info, aad, plaintext))
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        sealed: &HpkeCiphertext,
        private: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        expect_lengths(config.0, None, Some(sealed.kem_output.as_slice()))?;
        by_kem!(self, config, hpke_open(sealed, private, info, aad))
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        expect_lengths(config.0, Some(public), None)?;
        by_kem!(
            self,
            config,
            hpke_setup_sender_and_export(public, info, context, length)
        )
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        encapsulation: &[u8],
        private: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        expect_lengths(config.0, None, Some(encapsulation))?;
        by_kem!(
            self,
            config,
            hpke_setup_receiver_and_export(encapsulation, private, info, context, length)
        )
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        expect_lengths(config.0, None, None)?;
        by_kem!(self, config, derive_hpke_keypair(ikm))
    }
}

impl OpenMlsRand for Crypto {
    type Error = RandomError;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        secret::fill(&mut bytes)?;
        Ok(bytes)
    }

    fn random_vec(&self, length: usize) -> Result<Vec<u8>, RandomError> {
        let mut bytes = vec![0; length];
        secret::fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// A device that signs.
pub(crate) struct DeviceSigner<'a>(pub &'a SigningKey);

impl Signer for DeviceSigner<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign_raw(payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What arrives in a Welcome or a path is any bytes at all.
    #[test]
    fn hpke_fails_on_any_length_and_never_panics() {
        let crypto = crypto().unwrap();
        for suite in Suite::ALL {
            let config = || suite.ciphersuite().hpke_config();
            let pair = crypto.derive_hpke_keypair(config(), &[7; 32]).unwrap();
            let sealed = crypto
                .hpke_seal(config(), &pair.public, b"i", b"a", b"text")
                .unwrap();
            let open = |sealed: &HpkeCiphertext| {
                crypto.hpke_open(config(), sealed, &pair.private, b"i", b"a")
            };
            assert_eq!(open(&sealed).unwrap(), b"text");

            for length in (0..1300).filter(|length| *length != pair.public.len()) {
                let key = vec![1; length];
                assert!(crypto.hpke_seal(config(), &key, b"", b"", b"").is_err());
                assert!(crypto
                    .hpke_setup_sender_and_export(config(), &key, b"", b"", 32)
                    .is_err());
            }
            let encapsulation = sealed.kem_output.as_slice().len();
            for length in (0..1300).filter(|length| *length != encapsulation) {
                let kem_output = vec![1; length];
                let private = &pair.private;
                let export = crypto.hpke_setup_receiver_and_export(
                    config(),
                    &kem_output,
                    private,
                    b"",
                    b"",
                    32,
                );
                assert!(export.is_err());
                let kem_output = kem_output.into();
                let ciphertext = sealed.ciphertext.clone();
                assert!(open(&HpkeCiphertext {
                    kem_output,
                    ciphertext
                })
                .is_err());
            }
            for length in 0..sealed.ciphertext.as_slice().len() {
                let kem_output = sealed.kem_output.clone();
                let ciphertext = vec![1; length].into();
                assert!(open(&HpkeCiphertext {
                    kem_output,
                    ciphertext
                })
                .is_err());
            }
        }
    }

    #[test]
    fn aead_fails_on_any_length_and_never_panics() {
        let crypto = crypto().unwrap();
        let alg = AeadType::Aes128Gcm;
        for length in (0..40).filter(|length| *length != 16) {
            assert!(crypto
                .aead_encrypt(alg, &vec![0; length], b"", &[0; 12], b"")
                .is_err());
        }
        for length in (0..40).filter(|length| *length != 12) {
            assert!(crypto
                .aead_encrypt(alg, &[0; 16], b"", &vec![0; length], b"")
                .is_err());
        }
        for length in 0..40 {
            assert!(crypto
                .aead_decrypt(alg, &[0; 16], &vec![0; length], &[0; 12], b"")
                .is_err());
        }
        let sealed = crypto
            .aead_encrypt(alg, &[0; 16], b"text", &[0; 12], b"a")
            .unwrap();
        assert_eq!(
            crypto
                .aead_decrypt(alg, &[0; 16], &sealed, &[0; 12], b"a")
                .unwrap(),
            b"text"
        );
        assert!(crypto
            .aead_encrypt(AeadType::Aes256Gcm, &[0; 32], b"", &[0; 12], b"")
            .is_err());
    }
}
