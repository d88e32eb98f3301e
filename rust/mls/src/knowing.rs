//! The provider of one operation that looks at a whole tree: it knows signatures that hold and digests that were asked for before.
//!
//! Everything else is the primitives', unchanged.

use std::sync::{Arc, OnceLock};

use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
    HpkeKeyPair, KemOutput, SignatureScheme,
};
use openmls_traits::OpenMlsProvider;
use tls_codec::SecretVLBytes;

use crate::digests::Digests;
use crate::provider::{Crypto, Provider};
use crate::verified::Verified;

/// A provider and what is known in this operation.
pub(crate) struct Knowing<'a, 's> {
    provider: &'a Provider<'s>,
    crypto: KnowingCrypto<'a>,
}

impl<'a, 's> Knowing<'a, 's> {
    pub(crate) fn new(provider: &'a Provider<'s>) -> Self {
        let crypto = KnowingCrypto::new(provider.crypto());
        Self { provider, crypto }
    }

    /// Lets it know signatures; the first time counts.
    pub(crate) fn learn(&self, verified: Arc<Verified>) {
        let _ = self.crypto.verified.set(verified);
    }
}

impl<'a, 's> OpenMlsProvider for Knowing<'a, 's> {
    type CryptoProvider = KnowingCrypto<'a>;
    type RandProvider = <Provider<'s> as OpenMlsProvider>::RandProvider;
    type StorageProvider = <Provider<'s> as OpenMlsProvider>::StorageProvider;

    fn storage(&self) -> &Self::StorageProvider {
        self.provider.storage()
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        &self.crypto
    }

    fn rand(&self) -> &Self::RandProvider {
        self.provider.rand()
    }
}

/// The primitives and what is known in this operation.
pub(crate) struct KnowingCrypto<'a> {
    primitives: &'a Crypto,
    verified: OnceLock<Arc<Verified>>,
    digests: Digests,
}

impl<'a> KnowingCrypto<'a> {
    pub(crate) fn new(primitives: &'a Crypto) -> Self {
        Self {
            primitives,
            verified: OnceLock::new(),
            digests: Digests::default(),
        }
    }

    /// The same with signatures that are known to hold.
    pub(crate) fn with(primitives: &'a Crypto, verified: Arc<Verified>) -> Self {
        Self {
            verified: verified.into(),
            ..Self::new(primitives)
        }
    }
}

/// Methods that are the primitives'.
macro_rules! unchanged {
    ($($method:ident($($name:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $method(&self, $($name: $type),*) -> Result<$result, CryptoError> {
            self.primitives.$method($($name),*)
        })*
    };
}

impl OpenMlsCrypto for KnowingCrypto<'_> {
    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match hash {
            HashType::Sha2_256 => self
                .digests
                .of(data, |data| self.primitives.hash(hash, data)),
            _ => self.primitives.hash(hash, data),
        }
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        public: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let known = |verified: &Arc<Verified>| verified.covers(public, data, signature);
        if alg == SignatureScheme::ED25519 && self.verified.get().is_some_and(known) {
            return Ok(());
        }
        self.primitives
            .verify_signature(alg, data, public, signature)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.primitives.supported_ciphersuites()
    }

    unchanged! {
        supports(ciphersuite: Ciphersuite) -> ();
        hkdf_extract(hash: HashType, salt: &[u8], ikm: &[u8]) -> SecretVLBytes;
        hmac(hash: HashType, key: &[u8], message: &[u8]) -> SecretVLBytes;
        hkdf_expand(hash: HashType, prk: &[u8], info: &[u8], length: usize) -> SecretVLBytes;
        aead_encrypt(alg: AeadType, key: &[u8], data: &[u8], nonce: &[u8], aad: &[u8]) -> Vec<u8>;
        aead_decrypt(alg: AeadType, key: &[u8], data: &[u8], nonce: &[u8], aad: &[u8]) -> Vec<u8>;
        signature_key_gen(alg: SignatureScheme) -> (Vec<u8>, Vec<u8>);
        sign(alg: SignatureScheme, data: &[u8], key: &[u8]) -> Vec<u8>;
        hpke_seal(config: HpkeConfig, public: &[u8], info: &[u8], aad: &[u8], text: &[u8]) -> HpkeCiphertext;
        hpke_open(config: HpkeConfig, sealed: &HpkeCiphertext, private: &[u8], info: &[u8], aad: &[u8]) -> Vec<u8>;
        hpke_setup_sender_and_export(
            config: HpkeConfig, public: &[u8], info: &[u8], context: &[u8], length: usize
        ) -> (KemOutput, ExporterSecret);
        hpke_setup_receiver_and_export(
            config: HpkeConfig, sent: &[u8], private: &[u8], info: &[u8], context: &[u8], length: usize
        ) -> ExporterSecret;
        derive_hpke_keypair(config: HpkeConfig, ikm: &[u8]) -> HpkeKeyPair;
    }
}
