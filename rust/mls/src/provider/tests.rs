//! What the primitives make of bytes from strangers.
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
        let open =
            |sealed: &HpkeCiphertext| crypto.hpke_open(config(), sealed, &pair.private, b"i", b"a");
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
            let export =
                crypto.hpke_setup_receiver_and_export(config(), &kem_output, private, b"", b"", 32);
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
