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
#[cfg(feature = "simulation")]
use qnpc_crypto::simulation::Seeded;
use tls_codec::SecretVLBytes;

use crate::store::{Store, View, Writes};
use crate::suite::Suite;

#[cfg(test)]
mod mixes;
#[cfg(test)]
mod tests;

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
        Self::with(Crypto::new(), View::new(store, secrets))
    }

    /// Writes the public state of a group and refuses everything else.
    pub(crate) fn public(store: &'a Store) -> Self {
        Self::with(Crypto::new(), View::public(store))
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

/// The primitives. Outside of a simulation it keeps nothing.
pub(crate) struct Crypto {
    /// What whoever made it draws from: openmls seals in threads of its own.
    #[cfg(feature = "simulation")]
    seeded: Option<Seeded>,
}

/// The same where there is nothing to store, and nothing to seal.
pub(crate) static CRYPTO: Crypto = Crypto {
    #[cfg(feature = "simulation")]
    seeded: None,
};

impl Crypto {
    fn new() -> Self {
        Self {
            #[cfg(feature = "simulation")]
            seeded: Seeded::current(),
        }
    }

    /// Seals with randomness that does not depend on which of a path's seals comes first.
    #[cfg(feature = "simulation")]
    fn apart<T>(&self, given: &[&[u8]], seal: impl FnOnce() -> T) -> T {
        let source = self.seeded.as_ref().map(|seeded| seeded.apart(given));
        qnpc_crypto::simulation::scope(source, seal)
    }
}

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
        let kem = kem(config)?;
        let seal = || hpke::seal(kem, public, info, aad, plaintext);
        #[cfg(feature = "simulation")]
        let seal = || self.apart(&[public, info, aad, plaintext], seal);
        let (kem_output, ciphertext) =
            seal().map_err(|error| hpke_error(&error, CryptoError::HpkeEncryptionError))?;
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
