//! What somebody can do who has a key: sign and seal whatever they like. Signatures and ciphertexts stop a fuzzer at the door, and a
//! member who means harm they do not stop. So some targets take the bytes from behind it and sign or seal them here.

use qnpc_crypto::aead::Aead;
use qnpc_crypto::cipher::{Cipher, Kind};
use qnpc_crypto::hash::{hkdf_expand, hkdf_extract};
use qnpc_crypto::hpke::{self, Kem};
use qnpc_crypto::kem::{self, HybridKey};
use qnpc_crypto::signature::SigningKey;

use crate::fixture::Fixture;

/// The admin's device in `fixtures/`.
pub(crate) const ADMIN: [u8; 32] = [101; 32];
/// A further device of the member's account, which the group does not know.
pub(crate) const NEWCOMER: [u8; 32] = [120; 32];

/// A vector of RFC 9420, section 2.1.2.
pub(crate) fn vector(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let header = match length {
        0..=0x3f => length.to_be_bytes()[3..].to_vec(),
        0x40..=0x3fff => (length | 0x4000).to_be_bytes()[2..].to_vec(),
        _ => (length | 0x8000_0000).to_be_bytes().to_vec(),
    };
    [&header, content].concat()
}

fn skip_vector(bytes: &[u8]) -> &[u8] {
    let (length, rest) = match (bytes[0] >> 6, bytes) {
        (0, [a, rest @ ..]) => (usize::from(*a), rest),
        (1, [a, b, rest @ ..]) => (usize::from(a & 0x3f) << 8 | usize::from(*b), rest),
        _ => panic!("no fixture is that long"),
    };
    &rest[length..]
}

fn labelled(label: &str, content: &[u8]) -> Vec<u8> {
    [
        vector(format!("MLS 1.0 {label}").as_bytes()),
        vector(content),
    ]
    .concat()
}

/// `SignWithLabel` (RFC 9420, section 5.1.2), as a vector.
fn signature(by: &[u8; 32], label: &str, content: &[u8]) -> Vec<u8> {
    let key = SigningKey::from_seed(by).unwrap();
    vector(&key.sign_raw(&labelled(label, content)))
}

/// The GroupContext in a GroupInfo.
fn context(group_info: &[u8]) -> &[u8] {
    let start = &group_info[4..];
    let after_id = skip_vector(&start[4..]);
    let rest = (0..3).fold(&after_id[8..], |rest, _| skip_vector(rest));
    &start[..start.len() - rest.len()]
}

/// A PublicMessage of this FramedContent (RFC 9420, section 6.2). Its tags are made up: the node cannot tell.
pub(crate) fn public_message(fixture: &Fixture, by: &[u8; 32], content: &[u8]) -> Vec<u8> {
    let header = [0, 1, 0, 1];
    let signed = [&header, content, context(&fixture.group_info)].concat();
    let signature = signature(by, "FramedContentTBS", &signed);
    let tag = vector(&[5; 32]);
    let membership: &[u8] = if *by == ADMIN { &tag } else { &[] };
    [&header, content, &signature, &tag, membership].concat()
}

/// A GroupInfo of these fields (RFC 9420, section 12.4.3), signed by the admin.
pub(crate) fn group_info(fields: &[u8]) -> Vec<u8> {
    [fields, &signature(&ADMIN, "GroupInfoTBS", fields)].concat()
}

/// The same as an MLSMessage.
pub(crate) fn group_info_message(fields: &[u8]) -> Vec<u8> {
    [&[0, 1, 0, 4][..], &group_info(fields)].concat()
}

fn expand(secret: &[u8], label: &str, out: &mut [u8]) {
    let length = u16::try_from(out.len()).unwrap().to_be_bytes();
    hkdf_expand(secret, &[&length, &labelled(label, &[])], out).unwrap();
}

/// A Welcome to the joiner's key package with these GroupSecrets, over a GroupInfo that is sealed with the joiner secret of nines.
pub(crate) fn welcome(fixture: &Fixture, secrets: &[u8], group_info: &[u8]) -> Vec<u8> {
    let mut welcome_secret = [0; 32];
    let epoch = hkdf_extract(&[9; 32], &[&[0; 32]]);
    expand(epoch.as_slice(), "welcome", &mut welcome_secret);
    let (mut key, mut nonce) = ([0; 16], [0; 12]);
    expand(&welcome_secret, "key", &mut key);
    expand(&welcome_secret, "nonce", &mut nonce);
    let mut sealed = vec![0; group_info.len() + 16];
    let cipher = Cipher::new(Kind::Aes128Gcm, &key).unwrap();
    cipher
        .seal_into(&nonce, group_info, &[], &mut sealed)
        .unwrap();

    // A Welcome begins with its suite and, in a list of one, with the reference of the key package.
    let suite = &fixture.welcome[4..6];
    let (kem, mark) = match suite {
        [0, 1] => (Kem::X25519, [&[0, 1], suite, &[0x20]].concat()),
        _ => (Kem::XWing, [&[0, 1], suite, &[0x44, 0xc0]].concat()),
    };
    // The key package is in the commit that adds it, and begins with its version, its suite and its init key.
    let at = fixture
        .commit
        .windows(mark.len())
        .position(|window| window == mark);
    let init_key = &fixture.commit[at.unwrap() + mark.len()..][..kem.public()];
    let info = labelled("Welcome", &sealed);
    let (output, ciphertext) = hpke::seal(kem, init_key, &info, &[], secrets).unwrap();
    let after = if fixture.welcome[6] >> 6 == 0 { 7 } else { 8 };
    let reference = &fixture.welcome[after..after + 33];
    let list = [reference, &vector(&output), &vector(&ciphertext)].concat();
    [&[0, 1, 0, 3], suite, &vector(&list), &vector(&sealed)].concat()
}

/// GroupSecrets with the joiner secret that [`welcome`] seals under: no path secret, no PSKs.
pub(crate) fn secrets() -> Vec<u8> {
    [vector(&[9; 32]), vec![0, 0]].concat()
}

/// An envelope to `recipient` around whatever `inside` is.
pub(crate) fn envelope(recipient: &HybridKey, context: &[u8], inside: &[u8]) -> Vec<u8> {
    let public = recipient.public();
    let (shared, encapsulation) = kem::encapsulate_derandomized(&public, &[3; 64]).unwrap();
    let mut key = [0; 32];
    let prk = hkdf_extract(b"qnpc/v1 envelope", &[shared.as_slice()]);
    hkdf_expand(
        prk.as_slice(),
        &[&encapsulation, &public, context],
        &mut key,
    )
    .unwrap();
    let sealed = Aead::new(&key).unwrap().seal(inside, &[1]).unwrap();
    [&[1], &encapsulation[..], &sealed].concat()
}
