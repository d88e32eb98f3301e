//! Groups whose members take their primitives from different crates: only RustCrypto, only libcrux, and ours. Whoever disagreed in one
//! byte of HPKE, a key schedule or a signature could not follow the others.
#![allow(clippy::unwrap_used, clippy::panic)]

use openmls::prelude::{
    BasicCredential, Capabilities, CredentialWithKey, GroupId, KeyPackage, LeafNodeParameters,
    MlsGroup, MlsGroupCreateConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut,
    ProcessedMessageContent, StagedWelcome,
};
use openmls_libcrux_crypto::Provider as Libcrux;
use openmls_rust_crypto::{OpenMlsRustCrypto, RustCrypto};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::{HpkeCiphertext, SignatureScheme};
use openmls_traits::OpenMlsProvider;
use tls_codec::{Deserialize as _, Serialize as _};

use super::{Provider, CRYPTO};
use crate::store::Store;
use crate::suite::Suite;

/// Signs with the provider's own implementation.
struct Key<'a, C>(&'a C, Vec<u8>);

impl<C: OpenMlsCrypto> Signer for Key<'_, C> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.0
            .sign(SignatureScheme::ED25519, payload, &self.1)
            .map_err(SignerError::CryptoError)
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// One member, whatever it is made of.
struct Member<'a, P: OpenMlsProvider> {
    provider: &'a P,
    key: Key<'a, P::CryptoProvider>,
    credential: CredentialWithKey,
    suite: Suite,
    group: Option<MlsGroup>,
}

/// What a member does, without a word about its provider.
trait Follows {
    fn key_package(&self) -> KeyPackage;
    fn create(&mut self);
    fn add(&mut self, packages: &[KeyPackage]) -> (MlsMessageOut, MlsMessageOut);
    fn join(&mut self, welcome: &MlsMessageOut);
    fn update(&mut self) -> MlsMessageOut;
    fn send(&mut self, text: &[u8]) -> MlsMessageOut;
    fn process(&mut self, message: &MlsMessageOut) -> Option<Vec<u8>>;
    fn secret(&self) -> Vec<u8>;
}

fn arrived(message: &MlsMessageOut) -> MlsMessageIn {
    let bytes = message.tls_serialize_detached().unwrap();
    MlsMessageIn::tls_deserialize_exact(bytes).unwrap()
}

impl<'a, P: OpenMlsProvider> Member<'a, P> {
    fn new(provider: &'a P, name: &str, suite: Suite) -> Self {
        let crypto = provider.crypto();
        let (private, public) = crypto.signature_key_gen(SignatureScheme::ED25519).unwrap();
        Self {
            provider,
            key: Key(crypto, private),
            credential: CredentialWithKey {
                credential: BasicCredential::new(name.into()).into(),
                signature_key: public.into(),
            },
            suite,
            group: None,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::builder()
            .ciphersuites(vec![self.suite.ciphersuite()])
            .build()
    }

    fn config(&self) -> MlsGroupCreateConfig {
        MlsGroupCreateConfig::builder()
            .ciphersuite(self.suite.ciphersuite())
            .capabilities(self.capabilities())
            .use_ratchet_tree_extension(true)
            .build()
    }
}

impl<P: OpenMlsProvider> Follows for Member<'_, P> {
    fn key_package(&self) -> KeyPackage {
        let suite = self.suite.ciphersuite();
        KeyPackage::builder()
            .leaf_node_capabilities(self.capabilities())
            .build(suite, self.provider, &self.key, self.credential.clone())
            .unwrap()
            .key_package()
            .clone()
    }

    fn create(&mut self) {
        let (config, id) = (self.config(), GroupId::from_slice(b"mixed"));
        let credential = self.credential.clone();
        let group = MlsGroup::new_with_group_id(self.provider, &self.key, &config, id, credential);
        self.group = Some(group.unwrap());
    }

    fn add(&mut self, packages: &[KeyPackage]) -> (MlsMessageOut, MlsMessageOut) {
        let group = self.group.as_mut().unwrap();
        let (commit, welcome, _) = group
            .add_members(self.provider, &self.key, packages)
            .unwrap();
        group.merge_pending_commit(self.provider).unwrap();
        (commit, welcome)
    }

    fn join(&mut self, welcome: &MlsMessageOut) {
        let config = self.config();
        let MlsMessageBodyIn::Welcome(welcome) = arrived(welcome).extract() else {
            panic!("not a welcome")
        };
        let staged =
            StagedWelcome::new_from_welcome(self.provider, config.join_config(), welcome, None);
        self.group = Some(staged.unwrap().into_group(self.provider).unwrap());
    }

    fn update(&mut self) -> MlsMessageOut {
        let group = self.group.as_mut().unwrap();
        let commit = group
            .self_update(self.provider, &self.key, LeafNodeParameters::default())
            .unwrap()
            .into_commit();
        group.merge_pending_commit(self.provider).unwrap();
        commit
    }

    fn send(&mut self, text: &[u8]) -> MlsMessageOut {
        let group = self.group.as_mut().unwrap();
        group
            .create_message(self.provider, &self.key, text)
            .unwrap()
    }

    fn process(&mut self, message: &MlsMessageOut) -> Option<Vec<u8>> {
        let group = self.group.as_mut().unwrap();
        let message = arrived(message).try_into_protocol_message().unwrap();
        let processed = group.process_message(self.provider, message).unwrap();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => Some(message.into_bytes()),
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                group.merge_staged_commit(self.provider, *commit).unwrap();
                None
            }
            _ => panic!("neither a message nor a commit"),
        }
    }

    fn secret(&self) -> Vec<u8> {
        let group = self.group.as_ref().unwrap();
        group
            .export_secret(self.provider.crypto(), "mix", b"", 32)
            .unwrap()
    }
}

#[test]
fn members_of_three_mixes_follow_each_other() {
    for suite in Suite::ALL {
        for founder in 0..3 {
            let (rust, libcrux) = (OpenMlsRustCrypto::default(), Libcrux::new().unwrap());
            let store = Store::new();
            let ours = Provider::new(&store);
            let mut members: Vec<Box<dyn Follows>> = vec![
                Box::new(Member::new(&rust, "rust", suite)),
                Box::new(Member::new(&libcrux, "libcrux", suite)),
                Box::new(Member::new(&ours, "ours", suite)),
            ];
            members.rotate_left(founder);
            let (first, others) = members.split_first_mut().unwrap();
            let packages: Vec<_> = others.iter().map(|other| other.key_package()).collect();
            first.create();
            let (_, welcome) = first.add(&packages);
            for other in others {
                other.join(&welcome);
            }
            // Each in turn makes new keys for its path, which all others decrypt, and says something. Twice, for a warm tree.
            for turn in (0..3).chain(0..3) {
                let (commit, said) = {
                    let member = members.get_mut(turn).unwrap();
                    (member.update(), member.send(b"hello"))
                };
                for (_, other) in members.iter_mut().enumerate().filter(|(n, _)| *n != turn) {
                    assert_eq!(other.process(&commit), None);
                    assert_eq!(other.process(&said), Some(b"hello".to_vec()));
                }
                let secrets: Vec<_> = members.iter().map(|member| member.secret()).collect();
                assert!(secrets.windows(2).all(|pair| pair.first() == pair.last()));
            }
        }
    }
}

/// Both directions of HPKE, key derivation and export, each with the others.
#[test]
fn hpke_is_the_same_everywhere() {
    let (rust, libcrux) = (
        RustCrypto::default(),
        openmls_libcrux_crypto::CryptoProvider::new().unwrap(),
    );
    fn meet(suite: Suite, one: &impl OpenMlsCrypto, other: &impl OpenMlsCrypto) {
        let config = || suite.ciphersuite().hpke_config();
        let pair = one.derive_hpke_keypair(config(), &[7; 32]).unwrap();
        let same = other.derive_hpke_keypair(config(), &[7; 32]).unwrap();
        assert_eq!(pair.public, same.public);
        let (public, private) = (&pair.public, &*pair.private);
        let sealed: HpkeCiphertext = one
            .hpke_seal(config(), public, b"i", b"a", b"text")
            .unwrap();
        let opened = other.hpke_open(config(), &sealed, private, b"i", b"a");
        assert_eq!(opened.unwrap(), b"text");
        let (sent, secret) = one
            .hpke_setup_sender_and_export(config(), public, b"i", b"c", 32)
            .unwrap();
        let received = other
            .hpke_setup_receiver_and_export(config(), &sent, private, b"i", b"c", 32)
            .unwrap();
        assert_eq!(&*secret, &*received);
    }
    for suite in Suite::ALL {
        meet(suite, &CRYPTO, &rust);
        meet(suite, &rust, &CRYPTO);
        meet(suite, &CRYPTO, &libcrux);
        meet(suite, &libcrux, &CRYPTO);
    }
}
