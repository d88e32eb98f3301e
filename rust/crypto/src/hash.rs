//! SHA-256 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869) over it.
//!
//! SHA-256 is aws-lc's. HMAC and HKDF over short inputs are RustCrypto's: aws-lc reaches for its heap in each of them, which costs
//! more than the four blocks that they hash.

use hkdf::{Hkdf, HkdfExtract};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a digest and of a pseudorandom key.
pub const DIGEST: usize = 32;

/// HKDF gives at most 255 digests (RFC 5869, section 2.3), from a key of at least one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("HKDF gives at most 255 digests, from a key of at least one")]
pub struct HkdfError;

/// The digest of `data`.
pub fn sha256(data: &[u8]) -> [u8; DIGEST] {
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data).as_ref());
    digest
}

/// HKDF-Extract over input key material given in parts.
pub fn hkdf_extract(salt: &[u8], ikm: &[&[u8]]) -> Zeroizing<[u8; DIGEST]> {
    let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
    for part in ikm {
        extract.input_ikm(part);
    }
    Zeroizing::new(extract.finalize().0.into())
}

/// HMAC of a message given in parts: what HKDF-Extract is, the salt being the key (RFC 5869, section 2.2).
pub fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> Zeroizing<[u8; DIGEST]> {
    hkdf_extract(key, message)
}

/// HKDF-Expand into `out`, over an info given in parts.
pub fn hkdf_expand(prk: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), HkdfError> {
    Hkdf::<Sha256>::from_prk(prk)
        .map_err(|_| HkdfError)?
        .expand_multi_info(info, out)
        .map_err(|_| HkdfError)
}

/// Both steps.
pub fn hkdf(salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), HkdfError> {
    hkdf_expand(hkdf_extract(salt, &[ikm]).as_slice(), &[info], out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::hex;

    /// RFC 5869, appendix A.1; the rest of the vectors run over the Python interface.
    #[test]
    fn rfc_5869() {
        let (salt, info) = (
            hex("000102030405060708090a0b0c"),
            hex("f0f1f2f3f4f5f6f7f8f9"),
        );
        let prk = hkdf_extract(&salt, &[&[0x0b; 10], &[0x0b; 12]]);
        assert_eq!(
            prk.to_vec(),
            hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        );
        let mut okm = [0; 42];
        hkdf_expand(
            prk.as_slice(),
            &[info.split_at(3).0, info.split_at(3).1],
            &mut okm,
        )
        .unwrap();
        assert_eq!(
            okm.to_vec(),
            hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
        );
    }

    /// RFC 4231, section 4.3.
    #[test]
    fn rfc_4231() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(
            mac.to_vec(),
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        );
    }

    #[test]
    fn no_more_comes_out_than_the_rfc_allows() {
        let mut out = vec![0; 255 * DIGEST + 1];
        let (prk, most) = ([1; DIGEST], 255 * DIGEST);
        assert_eq!(hkdf_expand(&prk, &[], &mut out), Err(HkdfError));
        hkdf_expand(&prk, &[], out.split_at_mut(most).0).unwrap();
        assert_eq!(
            hkdf_expand(&[1; DIGEST - 1], &[], &mut [0; 32]),
            Err(HkdfError)
        );
    }

    /// FIPS 180-4's example.
    #[test]
    fn sha256_of_abc() {
        assert_eq!(
            sha256(b"abc").to_vec(),
            hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
    }
}
