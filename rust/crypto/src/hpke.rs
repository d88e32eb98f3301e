//! HPKE (RFC 9180) as MLS uses it: base mode, one message for each encapsulation, HKDF-SHA256 and AES-128-GCM, with the KEM
//! DHKEM(X25519, HKDF-SHA256) or X-Wing (draft-connolly-cfrg-xwing-kem, section 5.7).
//!
//! What is written here is the key schedule and the DHKEM around X25519; both are held against the RFC's vectors, and groups whose
//! members use other implementations hold the rest (`qnpc-mls`, tests/mixes.rs). A context seals nothing but its first message, so
//! there is no counter that could repeat a nonce.

use zeroize::Zeroizing;

use crate::cipher::{Cipher, Kind, NONCE, TAG};
use crate::hash::{self, DIGEST};
use crate::kem::{self, HybridKey};
use crate::secret::Secret;
use crate::x25519::{self, PrivateKey};

/// Bytes of a private key: X25519's, or X-Wing's seed.
pub const PRIVATE: usize = 32;

const VERSION: &[u8] = b"HPKE-v1";
const HKDF_SHA256: u16 = 0x0001;
const AES_128_GCM: u16 = 0x0001;
const KEY: usize = 16;
const BASE: u8 = 0;

/// Why nothing was sealed or opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HpkeError {
    /// A key, an encapsulation or a length is out of range.
    #[error("the HPKE key, encapsulation or length is malformed")]
    Malformed,
    /// The ciphertext does not open with this key and info.
    #[error("the HPKE ciphertext does not verify")]
    NotAuthentic,
    /// No randomness, or the library refused.
    #[error("nothing could be sealed")]
    Unavailable,
}

/// A key encapsulation mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kem {
    /// DHKEM(X25519, HKDF-SHA256).
    X25519,
    /// X-Wing.
    XWing,
}

/// A private key, wiped on drop, and its public key.
pub struct KeyPair {
    /// Of [`PRIVATE`] bytes.
    pub private: Secret<PRIVATE>,
    /// As long as [`Kem::public`] says.
    pub public: Vec<u8>,
}

impl Kem {
    /// Bytes of a public key.
    pub const fn public(self) -> usize {
        match self {
            Self::X25519 => x25519::KEY,
            Self::XWing => kem::PUBLIC,
        }
    }

    /// `DeriveKeyPair` (RFC 9180, section 7.1.3; the X-Wing draft, section 5.7).
    pub fn derive_key_pair(self, ikm: &[u8]) -> Result<KeyPair, HpkeError> {
        let mut private = Zeroizing::new([0; PRIVATE]);
        let public = match self {
            Self::X25519 => {
                let suite = self.suite();
                let prk = suite.extract(&[], "dkp_prk", ikm);
                suite.expand(prk.as_slice(), "sk", &[], private.as_mut_slice())?;
                let key = PrivateKey::from_bytes(private.as_slice());
                key.map_err(|_| HpkeError::Unavailable)?.public().to_vec()
            }
            Self::XWing => {
                libcrux_sha3::shake256_ema(private.as_mut_slice(), ikm);
                let key = HybridKey::from_seed(private.as_slice());
                key.map_err(|_| HpkeError::Unavailable)?.public().to_vec()
            }
        };
        let private = Secret::from_slice(private.as_slice()).ok_or(HpkeError::Unavailable)?;
        Ok(KeyPair { private, public })
    }

    fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x0020,
            Self::XWing => 0x647a,
        }
    }

    /// The suite of the KEM's own labels.
    fn suite(self) -> Suite {
        let [high, low] = self.id().to_be_bytes();
        Suite::Kem([b'K', b'E', b'M', high, low])
    }

    fn encapsulate(self, public: &[u8]) -> Result<(Secret<DIGEST>, Vec<u8>), HpkeError> {
        match self {
            Self::X25519 => {
                let ephemeral = PrivateKey::generate().map_err(|_| HpkeError::Unavailable)?;
                let shared = ephemeral.agree(public).map_err(|_| HpkeError::Malformed)?;
                let shared = self.dhkem(&shared, ephemeral.public(), public)?;
                Ok((shared, ephemeral.public().to_vec()))
            }
            Self::XWing => {
                let (shared, encapsulation) =
                    kem::encapsulate(public).map_err(|_| HpkeError::Malformed)?;
                Ok((shared, encapsulation.to_vec()))
            }
        }
    }

    fn decapsulate(
        self,
        encapsulation: &[u8],
        private: &[u8],
    ) -> Result<Secret<DIGEST>, HpkeError> {
        match self {
            Self::X25519 => {
                let key = PrivateKey::from_bytes(private).map_err(|_| HpkeError::Malformed)?;
                let shared = key.agree(encapsulation).map_err(|_| HpkeError::Malformed)?;
                self.dhkem(&shared, encapsulation, key.public())
            }
            Self::XWing => HybridKey::from_seed(private)
                .and_then(|key| key.decapsulate(encapsulation))
                .map_err(|_| HpkeError::Malformed),
        }
    }

    /// `ExtractAndExpand` (RFC 9180, section 4.1).
    fn dhkem(
        self,
        shared: &Secret<{ x25519::KEY }>,
        ephemeral: &[u8],
        recipient: &[u8],
    ) -> Result<Secret<DIGEST>, HpkeError> {
        let suite = self.suite();
        let prk = suite.extract(&[], "eae_prk", shared.as_slice());
        let mut out = Zeroizing::new([0; DIGEST]);
        let context = [ephemeral, recipient];
        suite.expand(
            prk.as_slice(),
            "shared_secret",
            &context,
            out.as_mut_slice(),
        )?;
        Secret::from_slice(out.as_slice()).ok_or(HpkeError::Unavailable)
    }
}

/// The encapsulation, and `plaintext` sealed to `public` (RFC 9180, section 6.1).
pub fn seal(
    kem: Kem,
    public: &[u8],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), HpkeError> {
    let (shared, encapsulation) = kem.encapsulate(public)?;
    let mut sealed = vec![0; plaintext.len().saturating_add(TAG)];
    let (cipher, nonce) = Schedule::new(kem, &shared, info).cipher()?;
    cipher
        .seal_into(nonce.as_slice(), plaintext, aad, &mut sealed)
        .map_err(|_| HpkeError::Unavailable)?;
    Ok((encapsulation, sealed))
}

/// What [`seal`] sealed.
pub fn open(
    kem: Kem,
    encapsulation: &[u8],
    private: &[u8],
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    let length = sealed
        .len()
        .checked_sub(TAG)
        .ok_or(HpkeError::NotAuthentic)?;
    let shared = kem.decapsulate(encapsulation, private)?;
    let mut plaintext = Zeroizing::new(vec![0; length]);
    let (cipher, nonce) = Schedule::new(kem, &shared, info).cipher()?;
    cipher
        .open_into(nonce.as_slice(), sealed, aad, &mut plaintext)
        .map_err(|_| HpkeError::NotAuthentic)?;
    Ok(plaintext)
}

/// The encapsulation, and a secret that the holder of `public` can export too (RFC 9180, section 6.2).
pub fn send_export(
    kem: Kem,
    public: &[u8],
    info: &[u8],
    context: &[u8],
    length: usize,
) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), HpkeError> {
    let (shared, encapsulation) = kem.encapsulate(public)?;
    let secret = Schedule::new(kem, &shared, info).export(context, length)?;
    Ok((encapsulation, secret))
}

/// The other side of [`send_export`].
pub fn receive_export(
    kem: Kem,
    encapsulation: &[u8],
    private: &[u8],
    info: &[u8],
    context: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    let shared = kem.decapsulate(encapsulation, private)?;
    Schedule::new(kem, &shared, info).export(context, length)
}

/// `KeySchedule` in base mode (RFC 9180, section 5.1).
struct Schedule {
    suite: Suite,
    secret: Zeroizing<[u8; DIGEST]>,
    psk_id_hash: Zeroizing<[u8; DIGEST]>,
    info_hash: Zeroizing<[u8; DIGEST]>,
}

impl Schedule {
    fn new(kem: Kem, shared: &Secret<DIGEST>, info: &[u8]) -> Self {
        let mut id = *b"HPKE______";
        let ids = [kem.id(), HKDF_SHA256, AES_128_GCM].map(u16::to_be_bytes);
        for (to, from) in id.iter_mut().skip(4).zip(ids.as_flattened()) {
            *to = *from;
        }
        let suite = Suite::Hpke(id);
        Self {
            secret: suite.extract(shared.as_slice(), "secret", &[]),
            psk_id_hash: suite.extract(&[], "psk_id_hash", &[]),
            info_hash: suite.extract(&[], "info_hash", info),
            suite,
        }
    }

    fn expand(&self, label: &str, out: &mut [u8]) -> Result<(), HpkeError> {
        let context = [
            &[BASE],
            self.psk_id_hash.as_slice(),
            self.info_hash.as_slice(),
        ];
        self.suite
            .expand(self.secret.as_slice(), label, &context, out)
    }

    /// The cipher, and the nonce of the first message.
    fn cipher(&self) -> Result<(Cipher, Zeroizing<[u8; NONCE]>), HpkeError> {
        let (mut key, mut nonce) = (Zeroizing::new([0; KEY]), Zeroizing::new([0; NONCE]));
        self.expand("key", key.as_mut_slice())?;
        self.expand("base_nonce", nonce.as_mut_slice())?;
        let cipher = Cipher::new(Kind::Aes128Gcm, key.as_slice());
        Ok((cipher.map_err(|_| HpkeError::Unavailable)?, nonce))
    }

    fn export(&self, context: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        if length > 255 * DIGEST {
            return Err(HpkeError::Malformed); // before memory is taken for it
        }
        let mut exporter = Zeroizing::new([0; DIGEST]);
        self.expand("exp", exporter.as_mut_slice())?;
        let mut out = Zeroizing::new(vec![0; length]);
        self.suite
            .expand(exporter.as_slice(), "sec", &[context], &mut out)?;
        Ok(out)
    }
}

/// What separates the labels of one suite from those of another (RFC 9180, section 4).
enum Suite {
    Kem([u8; 5]),
    Hpke([u8; 10]),
}

impl Suite {
    fn id(&self) -> &[u8] {
        match self {
            Self::Kem(id) => id,
            Self::Hpke(id) => id,
        }
    }

    /// `LabeledExtract`.
    fn extract(&self, salt: &[u8], label: &str, ikm: &[u8]) -> Zeroizing<[u8; DIGEST]> {
        hash::hkdf_extract(salt, &[VERSION, self.id(), label.as_bytes(), ikm])
    }

    /// `LabeledExpand`, over an info given in at most three parts.
    fn expand(
        &self,
        prk: &[u8],
        label: &str,
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), HpkeError> {
        let length = u16::try_from(out.len()).map_err(|_| HpkeError::Malformed)?;
        let length = length.to_be_bytes();
        let mut parts = [
            &length[..],
            VERSION,
            self.id(),
            label.as_bytes(),
            &[],
            &[],
            &[],
        ];
        for (to, from) in parts.iter_mut().skip(4).zip(info) {
            *to = from;
        }
        hash::hkdf_expand(prk, &parts, out).map_err(|_| HpkeError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::testing::hex;

    const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
    const ENCAPSULATION: &str = "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431";

    /// RFC 9180, appendix A.1.1.
    #[test]
    fn the_vector_of_the_rfc() {
        let pair = Kem::X25519
            .derive_key_pair(&hex(
                "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
            ))
            .unwrap();
        assert_eq!(
            pair.private.to_vec(),
            hex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
        );
        assert_eq!(
            pair.public,
            hex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
        );
        let private = pair.private.as_slice();
        let opened = open(
            Kem::X25519,
            &hex(ENCAPSULATION),
            private,
            &hex(INFO),
            b"Count-0",
            &hex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"),
        );
        assert_eq!(*opened.unwrap(), b"Beauty is truth, truth beauty");
        let exported = receive_export(
            Kem::X25519,
            &hex(ENCAPSULATION),
            private,
            &hex(INFO),
            b"TestContext",
            32,
        );
        assert_eq!(
            exported.unwrap().to_vec(),
            hex("e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931")
        );
    }

    #[test]
    fn every_part_is_bound() {
        for kem in [Kem::X25519, Kem::XWing] {
            let pair = kem.derive_key_pair(&[7; 32]).unwrap();
            let other = kem.derive_key_pair(&[8; 32]).unwrap();
            let (private, other) = (pair.private.as_slice(), other.private.as_slice());
            let (enc, sealed) = seal(kem, &pair.public, b"info", b"aad", b"text").unwrap();
            let open = |private: &[u8], info: &[u8], aad: &[u8], sealed: &[u8]| {
                open(kem, &enc, private, info, aad, sealed)
            };
            assert_eq!(*open(private, b"info", b"aad", &sealed).unwrap(), b"text");
            let mut changed = sealed.clone();
            changed[0] ^= 1;
            for (private, info, aad, sealed) in [
                (other, &b"info"[..], &b"aad"[..], &sealed),
                (private, b"inof", b"aad", &sealed),
                (private, b"info", b"ada", &sealed),
                (private, b"info", b"aad", &changed),
            ] {
                assert_eq!(
                    open(private, info, aad, sealed).unwrap_err(),
                    HpkeError::NotAuthentic
                );
            }
            let (enc, secret) = send_export(kem, &pair.public, b"info", b"c", 80).unwrap();
            let export = |context: &[u8], length| {
                receive_export(kem, &enc, private, b"info", context, length)
            };
            assert_eq!(export(b"c", 80).unwrap(), secret);
            assert_ne!(export(b"d", 80).unwrap(), secret);
            assert_eq!(export(b"c", 8161).unwrap_err(), HpkeError::Malformed);
        }
    }

    #[test]
    fn no_encapsulation_comes_twice() {
        let pair = Kem::X25519.derive_key_pair(&[1; 32]).unwrap();
        let (a, _) = seal(Kem::X25519, &pair.public, b"", b"", b"").unwrap();
        let (b, _) = seal(Kem::X25519, &pair.public, b"", b"", b"").unwrap();
        assert_ne!(a, b);
    }
}
