//! The cryptography that openmls calls, each primitive from the audited crate that is fastest at it.
//!
//! | primitive | crate |
//! |---|---|
//! | AES-128-GCM, SHA-256, Ed25519, random bytes | aws-lc |
//! | HKDF, HMAC | RustCrypto |
//! | HPKE | `qnpc_crypto::hpke`, over X25519 of aws-lc, ML-KEM of aws-lc and libcrux, HKDF and AES-128-GCM as above |
//!
//! All of it by way of `qnpc_crypto`, which is strict about keys. Signing never comes through here: a [`Signer`] holds the device's
//! expanded key. Groups whose members use other mixes of crates are tested in `mixes`.

use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext,
    HpkeConfig, HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};
use openmls_traits::OpenMlsProvider;
use qnpc_crypto::aead::AeadError;
use qnpc_crypto::cipher::{Cipher, Kind, TAG};
use qnpc_crypto::hash;
use qnpc_crypto::hpke::{self, HpkeError, Kem};
use qnpc_crypto::secret::{self, RandomError};
use qnpc_crypto::signature::{self, SigningKey};
use tls_codec::SecretVLBytes;

use crate::store::{Store, View, Writes};
use crate::suite::Suite;

#[cfg(test)]
mod mixes;

/// What openmls works with during one operation.
pub(crate) struct Provider<'a, C = Crypto> {
    crypto: C,
    storage: View<'a>,
}

impl<'a> Provider<'a> {
    /// Writes everything.
    pub(crate) fn new(store: &'a Store) -> Self {
        Self::writing(store, Writes::All)
    }

    /// Writes everything, but of message secrets only those.
    pub(crate) fn writing(store: &'a Store, secrets: Writes) -> Self {
        Self::with(Crypto, View::new(store, secrets))
    }

    /// Writes the public state of a group and refuses everything else.
    pub(crate) fn public(store: &'a Store) -> Self {
        Self::with(Crypto, View::public(store))
    }
}

impl<'a, C> Provider<'a, C> {
    /// With primitives of one's own.
    pub(crate) fn with(crypto: C, storage: View<'a>) -> Self {
        Self { crypto, storage }
    }
}

impl<'a, C: OpenMlsCrypto + OpenMlsRand> OpenMlsProvider for Provider<'a, C> {
    type CryptoProvider = C;
    type RandProvider = C;
    type StorageProvider = View<'a>;

    fn storage(&self) -> &View<'a> {
        &self.storage
    }

    fn crypto(&self) -> &C {
        &self.crypto
    }

    fn rand(&self) -> &C {
        &self.crypto
    }
}

/// The primitives. It keeps nothing.
pub(crate) struct Crypto;

/// The same where there is nothing to store.
pub(crate) static CRYPTO: Crypto = Crypto;

fn aes_128_gcm(alg: AeadType, key: &[u8]) -> Result<Cipher, CryptoError> {
    if alg != AeadType::Aes128Gcm {
        return Err(CryptoError::UnsupportedAeadAlgorithm);
    }
    Cipher::new(Kind::Aes128Gcm, key).map_err(|_| CryptoError::InvalidLength)
}

fn only_sha256(hash: HashType) -> Result<(), CryptoError> {
    match hash {
        HashType::Sha2_256 => Ok(()),
        _ => Err(CryptoError::UnsupportedHashAlgorithm),
    }
}

fn only_ed25519(alg: SignatureScheme) -> Result<(), CryptoError> {
    match alg {
        SignatureScheme::ED25519 => Ok(()),
        _ => Err(CryptoError::UnsupportedSignatureScheme),
    }
}

/// The KEM of a configuration; the rest of it is the same in both suites.
fn kem(config: HpkeConfig) -> Result<Kem, CryptoError> {
    let HpkeConfig(kem, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128) = config else {
        return Err(CryptoError::UnsupportedCiphersuite);
    };
    match kem {
        HpkeKemType::DhKem25519 => Ok(Kem::X25519),
        HpkeKemType::XWingKemDraft6 => Ok(Kem::XWing),
        _ => Err(CryptoError::UnsupportedCiphersuite),
    }
}

/// What openmls is told of a failure of HPKE, `failed` being its word for the operation.
fn hpke_error(error: &HpkeError, failed: CryptoError) -> CryptoError {
    match error {
        HpkeError::Malformed => CryptoError::InvalidLength,
        HpkeError::NotAuthentic => failed,
        HpkeError::Unavailable => CryptoError::CryptoLibraryError,
    }
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
        only_sha256(hash)?;
        Ok(hash::hkdf_extract(salt, &[ikm]).as_slice().into())
    }

    fn hmac(
        &self,
        hash: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        only_sha256(hash)?;
        Ok(hash::hmac_sha256(key, &[message]).as_slice().into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        length: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        only_sha256(hash)?;
        if length > 255 * hash::DIGEST {
            return Err(CryptoError::HkdfOutputLengthInvalid); // before memory is taken for it
        }
        let mut out = vec![0; length];
        hash::hkdf_expand(prk, &[info], &mut out)
            .map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
        Ok(out.into())
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_sha256(hash)?;
        Ok(hash::sha256(data).to_vec())
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let cipher = aes_128_gcm(alg, key)?;
        let mut sealed = vec![0; data.len().saturating_add(TAG)];
        match cipher.seal_into(nonce, data, aad, &mut sealed) {
            Ok(()) => Ok(sealed),
            Err(AeadError::Malformed) => Err(CryptoError::InvalidLength),
            Err(_) => Err(CryptoError::CryptoLibraryError),
        }
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        sealed: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let cipher = aes_128_gcm(alg, key)?;
        let mut opened = vec![0; sealed.len().saturating_sub(TAG)];
        match cipher.open_into(nonce, sealed, aad, &mut opened) {
            Ok(()) => Ok(opened),
            Err(AeadError::Malformed) => Err(CryptoError::InvalidLength),
            Err(_) => Err(CryptoError::AeadDecryptionError),
        }
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
        let (kem_output, ciphertext) = hpke::seal(kem(config)?, public, info, aad, plaintext)
            .map_err(|error| hpke_error(&error, CryptoError::HpkeEncryptionError))?;
        Ok(HpkeCiphertext {
            kem_output: kem_output.into(),
            ciphertext: ciphertext.into(),
        })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        sealed: &HpkeCiphertext,
        private: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (encapsulation, ciphertext) =
            (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
        hpke::open(kem(config)?, encapsulation, private, info, aad, ciphertext)
            .map(|mut plaintext| core::mem::take(&mut *plaintext))
            .map_err(|error| hpke_error(&error, CryptoError::HpkeDecryptionError))
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let (kem_output, secret) =
            hpke::send_export(kem(config)?, public, info, context, length)
                .map_err(|error| hpke_error(&error, CryptoError::SenderSetupError))?;
        let mut secret = secret;
        Ok((kem_output, core::mem::take(&mut *secret).into()))
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
        hpke::receive_export(kem(config)?, encapsulation, private, info, context, length)
            .map(|mut secret| core::mem::take(&mut *secret).into())
            .map_err(|error| hpke_error(&error, CryptoError::ReceiverSetupError))
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        let pair = kem(config)?
            .derive_key_pair(ikm)
            .map_err(|error| hpke_error(&error, CryptoError::CryptoLibraryError))?;
        Ok(HpkeKeyPair {
            private: pair.private.as_slice().into(),
            public: pair.public,
        })
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
        let crypto = &CRYPTO;
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
        let crypto = &CRYPTO;
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
