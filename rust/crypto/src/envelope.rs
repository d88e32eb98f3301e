//! The sealed envelope: one message to the holder of an X-Wing key, from a device that signs inside.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 1 |
//! | 1120 | encapsulation |
//! | 12 | nonce |
//! | rest | AES-256-GCM over: length of the certificate (2, big endian), certificate, signature (64), plaintext |
//!
//! The key is HKDF-SHA256 (RFC 5869) with the salt `qnpc/v1 envelope`, over the shared secret, with `encapsulation || recipient key ||
//! context` as info; the version is associated data. The device's signature, context `envelope`, covers `encapsulation ||
//! recipient key || length of the context (8) || context || length of the certificate (8) || certificate || plaintext`. So the one
//! who opened an envelope cannot seal its content again for somebody else, for another purpose, or in another account's name.
//!
//! From outside nobody sees who sent it.

use zeroize::Zeroizing;

use crate::aead::{Aead, KEY};
use crate::certificate::{Certificate, CertificateError};
use crate::hash;
use crate::kem::{self, HybridKey, ENCAPSULATION};
use crate::signature::{self, SigningKey, SIGNATURE};

const VERSION: u8 = 1;
const CONTEXT: &str = "envelope";
const SALT: &[u8] = b"qnpc/v1 envelope";

/// Why an envelope was not sealed or not opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// No envelope, no key, or not the sender's certificate.
    #[error("the envelope, its key or its certificate is malformed")]
    Malformed,
    /// Not for this key and context, changed, or not from the device that it names.
    #[error("the envelope does not verify")]
    NotAuthentic,
    /// No randomness, or the library refused.
    #[error("the envelope could not be sealed")]
    Unavailable,
}

/// Seals `plaintext` for `recipient`, an X-Wing public key. `certificate` is the one of `sender`.
pub fn seal(
    recipient: &[u8],
    sender: &SigningKey,
    certificate: &[u8],
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let parsed = Certificate::parse(certificate).map_err(|_| EnvelopeError::Malformed)?;
    if parsed.device() != sender.public() {
        return Err(EnvelopeError::Malformed);
    }
    let length = u16::try_from(certificate.len()).map_err(|_| EnvelopeError::Malformed)?;
    let (shared, encapsulation) =
        kem::encapsulate(recipient).map_err(|_| EnvelopeError::Malformed)?;
    let message = signed(&encapsulation, recipient, context, certificate, plaintext);
    let signature = sender.sign(CONTEXT, &message);
    let inside =
        Zeroizing::new([&length.to_be_bytes(), certificate, &signature, plaintext].concat());
    let body = key(shared.as_slice(), &encapsulation, recipient, context)?
        .seal(&inside, &[VERSION])
        .map_err(|_| EnvelopeError::Unavailable)?;
    Ok([&[VERSION], encapsulation.as_slice(), &body].concat())
}

/// The sender's certificate and the plaintext. Whether that sender is one to trust is the caller's question.
pub fn open(
    recipient: &HybridKey,
    context: &[u8],
    envelope: &[u8],
) -> Result<(Certificate, Zeroizing<Vec<u8>>), EnvelopeError> {
    let (&[version], rest) = envelope
        .split_first_chunk::<1>()
        .ok_or(EnvelopeError::Malformed)?;
    let (encapsulation, body) = rest
        .split_first_chunk::<ENCAPSULATION>()
        .ok_or(EnvelopeError::Malformed)?;
    if version != VERSION || body.len() < crate::aead::OVERHEAD {
        return Err(EnvelopeError::Malformed);
    }
    let public = recipient.public();
    let shared = recipient
        .decapsulate(encapsulation)
        .map_err(|_| EnvelopeError::Malformed)?;
    let inside = key(shared.as_slice(), encapsulation, &public, context)?
        .open(body, &[VERSION])
        .map_err(|_| EnvelopeError::NotAuthentic)?;
    let (certificate, signature, plaintext) = split(&inside).ok_or(EnvelopeError::Malformed)?;
    let sender = Certificate::parse(certificate).map_err(|error| match error {
        CertificateError::Malformed => EnvelopeError::Malformed,
        CertificateError::NotAuthentic => EnvelopeError::NotAuthentic,
    })?;
    let message = signed(encapsulation, &public, context, certificate, plaintext);
    signature::verify(&sender.device(), CONTEXT, &message, signature)
        .map_err(|_| EnvelopeError::NotAuthentic)?;
    let plaintext = Zeroizing::new(plaintext.to_vec());
    Ok((sender, plaintext))
}

fn key(
    shared: &[u8],
    encapsulation: &[u8],
    recipient: &[u8],
    context: &[u8],
) -> Result<Aead, EnvelopeError> {
    let mut key = Zeroizing::new([0; KEY]);
    let prk = hash::hkdf_extract(SALT, &[shared]);
    let info = [encapsulation, recipient, context];
    hash::hkdf_expand(prk.as_slice(), &info, key.as_mut_slice())
        .map_err(|_| EnvelopeError::Unavailable)?;
    Aead::new(key.as_slice()).map_err(|_| EnvelopeError::Unavailable)
}

/// What the signature covers. The first two parts have fixed lengths, the next two carry theirs.
fn signed(
    encapsulation: &[u8],
    recipient: &[u8],
    context: &[u8],
    certificate: &[u8],
    plaintext: &[u8],
) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(
        [
            encapsulation,
            recipient,
            &(context.len() as u64).to_be_bytes(),
            context,
            &(certificate.len() as u64).to_be_bytes(),
            certificate,
            plaintext,
        ]
        .concat(),
    )
}

fn split(inside: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = inside.split_first_chunk::<2>()?;
    let (certificate, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (signature, plaintext) = rest.split_at_checked(SIGNATURE)?;
    Some((certificate, signature, plaintext))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    struct Account {
        device: SigningKey,
        certificate: Vec<u8>,
    }

    fn account(name: &str) -> Account {
        let identity = SigningKey::generate().unwrap();
        let device = SigningKey::generate().unwrap();
        let certificate = Certificate::issue(&identity, name, &device.public(), 1).unwrap();
        Account {
            device,
            certificate,
        }
    }

    /// Seals `inside` as it is, as a recipient could who knows every public part and wants to forge.
    fn seal_inside(recipient: &[u8], context: &[u8], inside: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let (shared, encapsulation) = kem::encapsulate(recipient).unwrap();
        let body = key(shared.as_slice(), &encapsulation, recipient, context)
            .unwrap()
            .seal(&inside(&encapsulation), &[VERSION])
            .unwrap();
        [&[VERSION], encapsulation.as_slice(), &body].concat()
    }

    fn opened_inside(recipient: &HybridKey, context: &[u8], envelope: &[u8]) -> Vec<u8> {
        let (encapsulation, body) = envelope[1..].split_at(ENCAPSULATION);
        let shared = recipient.decapsulate(encapsulation).unwrap();
        key(
            shared.as_slice(),
            encapsulation,
            &recipient.public(),
            context,
        )
        .unwrap()
        .open(body, &[VERSION])
        .unwrap()
        .to_vec()
    }

    #[test]
    fn it_arrives_with_its_sender() {
        let (alice, bob) = (account("alice"), HybridKey::generate().unwrap());
        let envelope = seal(
            &bob.public(),
            &alice.device,
            &alice.certificate,
            b"note",
            b"hi",
        )
        .unwrap();
        let (sender, plaintext) = open(&bob, b"note", &envelope).unwrap();
        assert_eq!(sender.username(), "alice");
        assert_eq!(*plaintext, b"hi");
    }

    #[test]
    fn whoever_opened_it_cannot_send_it_on_as_the_senders_word() {
        let (alice, bob, carol) = (
            account("alice"),
            HybridKey::generate().unwrap(),
            HybridKey::generate().unwrap(),
        );
        let envelope = seal(
            &bob.public(),
            &alice.device,
            &alice.certificate,
            b"note",
            b"hi",
        )
        .unwrap();
        let inside = opened_inside(&bob, b"note", &envelope);
        for (key, context) in [(&carol, b"note"), (&bob, b"file"), (&bob, b"note")] {
            let again = seal_inside(&key.public(), context, |_| inside.clone());
            assert_eq!(
                open(key, context, &again).unwrap_err(),
                EnvelopeError::NotAuthentic
            );
        }
    }

    /// What alice would have signed, for the test to change one part of it.
    #[derive(Clone)]
    struct Signed<'a> {
        recipient: &'a [u8],
        context: &'a [u8],
        certificate: &'a [u8],
        plaintext: &'a [u8],
        encapsulation: Option<[u8; ENCAPSULATION]>,
    }

    #[test]
    fn each_part_that_is_signed_counts_by_itself() {
        let (alice, bob) = (account("alice"), HybridKey::generate().unwrap());
        let (bob_key, carol_key) = (bob.public(), HybridKey::generate().unwrap().public());
        let mallory = SigningKey::generate().unwrap();
        let claimed = Certificate::issue(&mallory, "mallory", &alice.device.public(), 1).unwrap();
        let honest = Signed {
            recipient: &bob_key,
            context: b"note",
            certificate: &alice.certificate,
            plaintext: b"hi",
            encapsulation: None,
        };
        let arrives = |signed_parts: &Signed, sealed_for: &[u8]| {
            let envelope = seal_inside(&bob_key, sealed_for, |encapsulation| {
                let message = signed(
                    signed_parts
                        .encapsulation
                        .as_ref()
                        .map_or(encapsulation, |e| e),
                    signed_parts.recipient,
                    signed_parts.context,
                    signed_parts.certificate,
                    signed_parts.plaintext,
                );
                let signature = alice.device.sign(CONTEXT, &message);
                let length = u16::try_from(alice.certificate.len()).unwrap();
                [
                    &length.to_be_bytes()[..],
                    &alice.certificate,
                    &signature,
                    b"hi",
                ]
                .concat()
            });
            open(&bob, b"note", &envelope)
        };
        arrives(&honest, b"note").unwrap();
        let changed = [
            Signed {
                recipient: &carol_key,
                ..honest.clone()
            },
            Signed {
                context: b"file",
                ..honest.clone()
            },
            Signed {
                certificate: &claimed,
                ..honest.clone()
            },
            Signed {
                plaintext: b"ho",
                ..honest.clone()
            },
            Signed {
                encapsulation: Some([0; ENCAPSULATION]),
                ..honest.clone()
            },
        ];
        for parts in changed {
            assert_eq!(
                arrives(&parts, b"note").unwrap_err(),
                EnvelopeError::NotAuthentic
            );
        }
        // The key depends on the context by itself too, before anything signed is seen.
        assert_eq!(
            arrives(&honest, b"file").unwrap_err(),
            EnvelopeError::NotAuthentic
        );
    }

    #[test]
    fn key_context_and_every_byte_are_bound() {
        let (alice, bob) = (account("alice"), HybridKey::generate().unwrap());
        let envelope = seal(
            &bob.public(),
            &alice.device,
            &alice.certificate,
            b"note",
            b"hi",
        )
        .unwrap();
        let carol = HybridKey::generate().unwrap();
        assert_eq!(
            open(&carol, b"note", &envelope).unwrap_err(),
            EnvelopeError::NotAuthentic
        );
        assert_eq!(
            open(&bob, b"nota", &envelope).unwrap_err(),
            EnvelopeError::NotAuthentic
        );
        for at in (0..envelope.len()).step_by(7) {
            let mut changed = envelope.clone();
            changed[at] ^= 1;
            let expected = if at == 0 {
                EnvelopeError::Malformed
            } else {
                EnvelopeError::NotAuthentic
            };
            assert_eq!(open(&bob, b"note", &changed).unwrap_err(), expected);
        }
        for at in [0, 1, 1120, 1148] {
            assert_eq!(
                open(&bob, b"note", &envelope[..at]).unwrap_err(),
                EnvelopeError::Malformed
            );
        }
        assert_eq!(
            open(&bob, b"note", &envelope[..envelope.len() - 1]).unwrap_err(),
            EnvelopeError::NotAuthentic
        );
    }

    #[test]
    fn only_the_senders_own_certificate_is_sealed() {
        let (alice, mallory) = (account("alice"), account("mallory"));
        let bob = HybridKey::generate().unwrap().public();
        assert_eq!(
            seal(&bob, &mallory.device, &alice.certificate, b"", b""),
            Err(EnvelopeError::Malformed)
        );
        assert_eq!(
            seal(&bob[1..], &alice.device, &alice.certificate, b"", b""),
            Err(EnvelopeError::Malformed)
        );
    }
}
