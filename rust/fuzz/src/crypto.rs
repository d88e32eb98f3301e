//! Certificates, envelopes, vaults, X-Wing, HPKE and safety numbers.

use std::sync::OnceLock;

use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::envelope::{self, EnvelopeError};
use qnpc_crypto::fingerprint::SafetyNumber;
use qnpc_crypto::hpke::{self, Kem};
use qnpc_crypto::kem::{self, HybridKey, ENCAPSULATION, PUBLIC};
use qnpc_crypto::signature::SigningKey;
use qnpc_crypto::vault;

use crate::forger;

pub(crate) const SEED: [u8; 32] = [7; 32];
pub(crate) const VAULT_KEY: [u8; 32] = [8; 32];
pub(crate) const CONTEXT: &[u8] = b"fuzzed";

fn recipient() -> &'static HybridKey {
    static KEY: OnceLock<HybridKey> = OnceLock::new();
    KEY.get_or_init(|| HybridKey::from_seed(&SEED).unwrap())
}

/// One form: what parses is its own encoding, and every field comes from it.
pub(crate) fn certificate(data: &[u8]) {
    let Ok(certificate) = Certificate::parse(data) else {
        return;
    };
    assert_eq!(certificate.as_bytes(), data);
    let signature = data.last_chunk::<64>().unwrap();
    let fields = [
        &[1, u8::try_from(certificate.username().len()).unwrap()],
        certificate.username().as_bytes(),
        &certificate.identity_key(),
        &certificate.device(),
        &certificate.created().to_be_bytes(),
        signature,
    ];
    assert_eq!(fields.concat(), data);
}

/// What opens was sealed by the device of a certificate that stands; in another context it opens for nobody.
pub(crate) fn envelope(data: &[u8]) {
    match envelope::open(recipient(), CONTEXT, data) {
        Ok((sender, plaintext)) => {
            certificate(sender.as_bytes());
            assert!(plaintext.len() < data.len());
            let elsewhere = envelope::open(recipient(), b"elsewhere", data);
            assert_eq!(elsewhere.map(drop), Err(EnvelopeError::NotAuthentic));
        }
        Err(error) => assert_ne!(error, EnvelopeError::Unavailable),
    }
}

/// The same for what somebody sealed who knows the recipient's key, as everybody does.
pub(crate) fn envelope_inside(data: &[u8]) {
    let sealed = forger::envelope(recipient(), CONTEXT, data);
    assert_ne!(
        envelope::open(recipient(), b"elsewhere", &sealed).map(drop),
        Ok(())
    );
    envelope(&sealed);
}

/// What opens has the header that was read before; any header and content come back as they were sealed.
pub(crate) fn vault(data: &[u8]) {
    let header = vault::header(data);
    match vault::open(&VAULT_KEY, data) {
        Ok(plaintext) => {
            let header = header.expect("what opens has a header");
            assert_eq!(7 + header.len() + 28 + plaintext.len(), data.len());
        }
        Err(error) => assert_ne!(error, vault::VaultError::Unavailable),
    }
    let half = data.split_at(data.len() / 2);
    let sealed = vault::seal(&VAULT_KEY, half.0, half.1).expect("a short header");
    assert_eq!(vault::header(&sealed), Ok(half.0));
    let opened = vault::open(&VAULT_KEY, &sealed).expect("what was just sealed");
    assert_eq!(opened.as_slice(), half.1);
}

/// X-Wing: a public key is taken by all functions or by none, and an encapsulation has one secret.
pub(crate) fn hybrid_key(data: &[u8]) {
    let signed = kem::sign_key(&SigningKey::from_seed(&SEED).unwrap(), data);
    let fixed = kem::encapsulate_derandomized(data, &[9; 64]);
    let fresh = kem::encapsulate(data);
    assert_eq!(fixed.is_ok(), fresh.is_ok());
    // A curve point of small order is found out only when it is used.
    assert!(signed.is_ok() || fresh.is_err());
    if data.len() != PUBLIC {
        assert!(signed.is_err());
    }

    let opened = recipient().decapsulate(data);
    let again = recipient().decapsulate(data);
    match (opened, again) {
        (Ok(one), Ok(two)) => {
            assert_eq!(data.len(), ENCAPSULATION);
            assert_eq!(one.as_slice(), two.as_slice());
        }
        (Err(_), Err(_)) => {}
        _ => panic!("it opened once"),
    }

    if let Ok(key) = HybridKey::from_seed(data) {
        assert_eq!(key.seed().as_slice(), data);
        let (secret, encapsulation) = kem::encapsulate(&key.public()).expect("a key of ours");
        let found = key.decapsulate(&encapsulation).expect("its encapsulation");
        assert_eq!(found.as_slice(), secret.as_slice());
    }
}

/// Nobody sealed it, whatever the split between encapsulation and ciphertext.
pub(crate) fn hpke(data: &[u8]) {
    for (kem, length) in [(Kem::X25519, 32), (Kem::XWing, ENCAPSULATION)] {
        let (encapsulation, sealed) = data.split_at(length.min(data.len()));
        let opened = hpke::open(kem, encapsulation, &SEED, b"info", &[], sealed);
        assert!(opened.is_err(), "what nobody sealed was opened");
        let exported = hpke::receive_export(kem, encapsulation, &SEED, b"info", &[], 32);
        assert!(exported.is_err() || encapsulation.len() == length);
        if let Ok((_, sealed)) = hpke::seal(kem, encapsulation, b"info", &[], sealed) {
            assert!(sealed.len() >= 16);
        }
        kem.derive_key_pair(data).expect("any bytes make a key");
    }
}

/// Only the other side's own code fits.
pub(crate) fn safety_number(data: &[u8]) {
    static NUMBER: OnceLock<(SafetyNumber, Vec<u8>)> = OnceLock::new();
    let (ours, fitting) = NUMBER.get_or_init(|| {
        let keys = [1, 2].map(|n| SigningKey::from_seed(&[n; 32]).unwrap().public());
        let (own, other) = (("alice", &keys[0][..]), ("bob", &keys[1][..]));
        let theirs = SafetyNumber::new(other, own).unwrap();
        (SafetyNumber::new(own, other).unwrap(), theirs.code())
    });
    assert_eq!(ours.check(data).is_ok(), data == fitting);
    assert_eq!(ours.check(fitting), Ok(()));
}
