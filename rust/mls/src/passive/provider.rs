//! The primitives of the suites in the vectors: ours wherever we have one, the library's own for the rest of suites 2 and 3.

use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext,
    HpkeConfig, HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};
use qnpc_crypto::secret::RandomError;
use tls_codec::SecretVLBytes;

use crate::error::Error;
use crate::provider::{self, CRYPTO};
use crate::store::{Store, View, Writes};

const CIPHERSUITES: [Ciphersuite; 4] = [
    Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
    Ciphersuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
    Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
    Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
];

/// The suite of a code point on the wire.
pub(super) fn ciphersuite(code: Option<&[u8]>) -> Result<Ciphersuite, Error> {
    let code = code.and_then(|code| code.try_into().ok());
    let code = u16::from_be_bytes(code.ok_or(Error::Malformed("the message lacks a part"))?);
    let known = CIPHERSUITES
        .into_iter()
        .find(|suite| u16::from(*suite) == code);
    known.ok_or(Error::Unreadable("the ciphersuite is not implemented"))
}

/// What the library works with for a client of the vectors.
pub(super) type Provider<'a> = provider::Provider<'a, Primitives>;

pub(super) fn provider(store: &Store) -> Provider<'_> {
    let others = RustCrypto::default();
    Provider::with(Primitives { others }, View::new(store, Writes::All))
}

pub(super) struct Primitives {
    others: RustCrypto,
}

/// Calls a method on ours if that has what is asked for.
macro_rules! if_ours {
    ($self:ident, $condition:expr, $method:ident($($argument:expr),*)) => {
        match $condition {
            true => CRYPTO.$method($($argument),*),
            false => $self.others.$method($($argument),*),
        }
    };
}

fn our_kem(config: &HpkeConfig) -> bool {
    matches!(
        config,
        HpkeConfig(
            HpkeKemType::DhKem25519 | HpkeKemType::XWingKemDraft6,
            HpkeKdfType::HkdfSha256,
            HpkeAeadType::AesGcm128,
        )
    )
}

impl OpenMlsCrypto for Primitives {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        match CIPHERSUITES.contains(&ciphersuite) {
            true => Ok(()),
            false => Err(CryptoError::UnsupportedCiphersuite),
        }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        CIPHERSUITES.to_vec()
    }

    fn hkdf_extract(
        &self,
        hash: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        CRYPTO.hkdf_extract(hash, salt, ikm)
    }

    fn hmac(
        &self,
        hash: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        CRYPTO.hmac(hash, key, message)
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        length: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        CRYPTO.hkdf_expand(hash, prk, info, length)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        CRYPTO.hash(hash, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let ours = alg == AeadType::Aes128Gcm;
        if_ours!(self, ours, aead_encrypt(alg, key, data, nonce, aad))
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        sealed: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let ours = alg == AeadType::Aes128Gcm;
        if_ours!(self, ours, aead_decrypt(alg, key, sealed, nonce, aad))
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        let ours = alg == SignatureScheme::ED25519;
        if_ours!(self, ours, signature_key_gen(alg))
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        public: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let ours = alg == SignatureScheme::ED25519;
        if_ours!(self, ours, verify_signature(alg, data, public, signature))
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let ours = alg == SignatureScheme::ED25519;
        if_ours!(self, ours, sign(alg, data, key))
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let ours = our_kem(&config);
        if_ours!(self, ours, hpke_seal(config, public, info, aad, plaintext))
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        sealed: &HpkeCiphertext,
        private: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let ours = our_kem(&config);
        if_ours!(self, ours, hpke_open(config, sealed, private, info, aad))
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let ours = our_kem(&config);
        if_ours!(
            self,
            ours,
            hpke_setup_sender_and_export(config, public, info, context, length)
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
        let ours = our_kem(&config);
        if_ours!(
            self,
            ours,
            hpke_setup_receiver_and_export(config, encapsulation, private, info, context, length)
        )
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        let ours = our_kem(&config);
        if_ours!(self, ours, derive_hpke_keypair(config, ikm))
    }
}

impl OpenMlsRand for Primitives {
    type Error = RandomError;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        CRYPTO.random_array()
    }

    fn random_vec(&self, length: usize) -> Result<Vec<u8>, RandomError> {
        CRYPTO.random_vec(length)
    }
}
