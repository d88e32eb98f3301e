//! Protection of QUIC packets (RFC 9001, 5.3 and 5.4): the payload by an AEAD whose nonce is the packet's number, the header by a mask
//! made of the ciphertext.
//!
//! Nothing is known here of what packets say, nor of how their keys came to be. Numbers are the caller's: one used twice under a key gives
//! away what [`crate::cipher`] says.

use core::fmt;

use aws_lc_rs::aead::quic::{self, HeaderProtectionKey};
use zeroize::Zeroizing;

use crate::aead::AeadError;
use crate::cipher::{Cipher, Kind, NONCE, TAG};

/// The number starts at most so many bytes before the sample (RFC 9001, 5.4.2).
const NUMBER: usize = 4;
const SAMPLE: usize = 16;
/// Packet numbers stay below (RFC 9000, 12.3).
const NUMBERS: u64 = 1 << 62;

const LONG_HEADER: u8 = 0x80;
const KEY_PHASE: u8 = 0x04;

/// The keys of one direction.
pub struct PacketProtection {
    payload: Cipher,
    iv: Zeroizing<[u8; NONCE]>,
    header: HeaderProtectionKey,
}

/// What [`PacketProtection::unmask`] found: the header as it was written, and the packet's whole number.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// With the number, at its end.
    pub bytes: Vec<u8>,
    /// Decoded next to the one that was expected (RFC 9000, A.3).
    pub number: u64,
}

impl Header {
    /// Of a short header; a long one has no key phase.
    pub fn key_phase(&self) -> Option<bool> {
        let first = self.bytes.first()?;
        (first & LONG_HEADER == 0).then_some(first & KEY_PHASE != 0)
    }
}

impl PacketProtection {
    /// Keys of the kind's length, an `iv` of [`NONCE`] bytes.
    pub fn new(kind: Kind, key: &[u8], iv: &[u8], header: &[u8]) -> Result<Self, AeadError> {
        let algorithm = match kind {
            Kind::Aes128Gcm => &quic::AES_128,
            Kind::Aes256Gcm => &quic::AES_256,
            Kind::ChaCha20Poly1305 => &quic::CHACHA20,
        };
        Ok(Self {
            payload: Cipher::new(kind, key)?,
            iv: Zeroizing::new(iv.try_into().map_err(|_| AeadError::Malformed)?),
            header: HeaderProtectionKey::new(algorithm, header)
                .map_err(|_| AeadError::Malformed)?,
        })
    }

    /// Writes the packet into `out`, which is as long as header, payload and [`TAG`]. The header ends with the number's last bytes, as
    /// many as its first byte says.
    pub fn seal_into(
        &self,
        header: &[u8],
        payload: &[u8],
        number: u64,
        out: &mut [u8],
    ) -> Result<(), AeadError> {
        let first = *header.first().ok_or(AeadError::Malformed)?;
        let offset = header
            .len()
            .checked_sub(number_length(first))
            .filter(|offset| *offset > 0)
            .ok_or(AeadError::Malformed)?;
        let (head, body) = out
            .split_at_mut_checked(header.len())
            .ok_or(AeadError::Malformed)?;
        head.copy_from_slice(header);
        self.payload
            .seal_into(&self.nonce(number), payload, header, body)?;
        let mask = self.mask(out, offset).ok_or(AeadError::Malformed)?;
        mask_header(out, offset, number_length(first), mask)
    }

    /// The header of a packet whose number starts at `offset`.
    pub fn unmask(&self, packet: &[u8], offset: usize, expected: u64) -> Result<Header, AeadError> {
        let mask = self.mask(packet, offset).ok_or(AeadError::NotAuthentic)?;
        let first = packet.first().ok_or(AeadError::NotAuthentic)? ^ first_mask(packet, mask);
        let length = number_length(first);
        let mut bytes = packet
            .get(..offset.saturating_add(length))
            .ok_or(AeadError::NotAuthentic)?
            .to_vec();
        mask_header(&mut bytes, offset, length, mask)?;
        let truncated = bytes
            .iter()
            .skip(offset)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        let number = decode(truncated, length, expected);
        Ok(Header { bytes, number })
    }

    /// Writes the payload of a packet into `out`, which is [`TAG`] bytes shorter than what follows the header.
    pub fn open_into(
        &self,
        packet: &[u8],
        header: &Header,
        out: &mut [u8],
    ) -> Result<(), AeadError> {
        let sealed = packet
            .get(header.bytes.len()..)
            .ok_or(AeadError::NotAuthentic)?;
        self.payload
            .open_into(&self.nonce(header.number), sealed, &header.bytes, out)
    }

    /// How long the payload of a packet is.
    pub fn payload_length(packet: &[u8], header: &Header) -> Result<usize, AeadError> {
        packet
            .len()
            .checked_sub(header.bytes.len())
            .and_then(|sealed| sealed.checked_sub(TAG))
            .ok_or(AeadError::NotAuthentic)
    }

    fn nonce(&self, number: u64) -> [u8; NONCE] {
        let mut nonce = *self.iv;
        let (_, low) = nonce.split_at_mut(NONCE - 8);
        for (byte, part) in low.iter_mut().zip(number.to_be_bytes()) {
            *byte ^= part;
        }
        nonce
    }

    /// None where there is too little to sample.
    fn mask(&self, packet: &[u8], offset: usize) -> Option<[u8; 5]> {
        let start = offset.saturating_add(NUMBER);
        let sample = packet.get(start..start.saturating_add(SAMPLE))?;
        self.header.new_mask(sample).ok()
    }
}

impl fmt::Debug for PacketProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PacketProtection(..)")
    }
}

fn number_length(first: u8) -> usize {
    usize::from(first & 0x03) + 1
}

/// What hides of the first byte: the form and the fixed bit stay, and of a long header its type.
fn first_mask(packet: &[u8], mask: [u8; 5]) -> u8 {
    let hidden = match packet.first() {
        Some(first) if first & LONG_HEADER == 0 => 0x1f,
        _ => 0x0f,
    };
    mask[0] & hidden
}

fn mask_header(
    packet: &mut [u8],
    offset: usize,
    length: usize,
    mask: [u8; 5],
) -> Result<(), AeadError> {
    let hidden = first_mask(packet, mask);
    let [_, numbers @ ..] = mask;
    let field = packet
        .get_mut(offset..offset.saturating_add(length))
        .ok_or(AeadError::NotAuthentic)?;
    for (byte, part) in field.iter_mut().zip(numbers) {
        *byte ^= part;
    }
    if let Some(first) = packet.first_mut() {
        *first ^= hidden;
    }
    Ok(())
}

/// RFC 9000, A.3.
fn decode(truncated: u64, length: usize, expected: u64) -> u64 {
    let window = 1_u64 << (8 * length);
    let half = window / 2;
    let candidate = (expected & !(window - 1)) | truncated;
    if candidate.saturating_add(half) <= expected && candidate < NUMBERS - window {
        candidate + window
    } else if candidate > expected.saturating_add(half) && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::testing::hex;

    fn chacha() -> PacketProtection {
        PacketProtection::new(
            Kind::ChaCha20Poly1305,
            &hex("c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8"),
            &hex("e0459b3474bdd0e44a41c144"),
            &hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4"),
        )
        .unwrap()
    }

    fn seal(keys: &PacketProtection, header: &[u8], payload: &[u8], number: u64) -> Vec<u8> {
        let mut out = vec![0; header.len() + payload.len() + TAG];
        keys.seal_into(header, payload, number, &mut out).unwrap();
        out
    }

    fn open(keys: &PacketProtection, packet: &[u8], offset: usize, expected: u64) -> Vec<u8> {
        let header = keys.unmask(packet, offset, expected).unwrap();
        let mut out = vec![0; PacketProtection::payload_length(packet, &header).unwrap()];
        keys.open_into(packet, &header, &mut out).unwrap();
        out
    }

    /// RFC 9001, A.5: a PING in a packet whose number is written in three bytes.
    #[test]
    fn the_short_packet_of_the_rfc() {
        let (header, packet) = (
            hex("4200bff4"),
            hex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb"),
        );
        assert_eq!(seal(&chacha(), &header, &[1], 654_360_564), packet);
        let found = chacha().unmask(&packet, 1, 654_360_564).unwrap();
        assert_eq!(
            (found.bytes.as_slice(), found.number),
            (&header[..], 654_360_564)
        );
        assert_eq!(found.key_phase(), Some(false));
        assert_eq!(open(&chacha(), &packet, 1, 654_360_560), [1]);
    }

    /// RFC 9001, A.3: the server's Initial, of which the header's first byte hides less.
    #[test]
    fn the_long_packet_of_the_rfc() {
        let keys = PacketProtection::new(
            Kind::Aes128Gcm,
            &hex("cf3a5331653c364c88f0f379b6067e37"),
            &hex("0ac1493ca1905853b0bba03e"),
            &hex("c206b8d9b9f0f37644430b490eeaa314"),
        )
        .unwrap();
        let header = hex("c1000000010008f067a5502a4262b50040750001");
        let payload = hex(concat!(
            "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a04",
            "5a1200130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32b",
            "b9da1a002b00020304"
        ));
        let packet = seal(&keys, &header, &payload, 1);
        let start = hex("cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a");
        assert_eq!(packet[..start.len()], start);
        let found = keys.unmask(&packet, 18, 1).unwrap();
        assert_eq!((found.bytes.clone(), found.key_phase()), (header, None));
        assert_eq!(open(&keys, &packet, 18, 0), payload);
    }

    #[test]
    fn every_bit_is_bound() {
        let keys = chacha();
        let packet = seal(&keys, &[0x41, 9, 9, 9, 9, 0, 7], b"payload", 7);
        for at in 0..8 * packet.len() {
            let mut changed = packet.clone();
            changed[at / 8] ^= 1 << (at % 8);
            let header = keys.unmask(&changed, 5, 7).unwrap();
            let mut out = vec![0; PacketProtection::payload_length(&changed, &header).unwrap()];
            assert_eq!(
                keys.open_into(&changed, &header, &mut out),
                Err(AeadError::NotAuthentic)
            );
            assert!(out.iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn what_is_too_short_is_refused() {
        let keys = chacha();
        let packet = seal(&keys, &[0x41, 9, 0, 7], b"pay", 7);
        for length in 0..2 + NUMBER + SAMPLE {
            assert!(keys.unmask(&packet[..length], 2, 7).is_err());
        }
        for offset in [packet.len(), usize::MAX - 3, usize::MAX] {
            assert!(keys.unmask(&packet, offset, 7).is_err());
        }
        for header in [&[][..], &[0x40], &[0x43, 0, 0, 0]] {
            let mut out = vec![0; header.len() + 30 + TAG];
            assert!(keys.seal_into(header, &[0; 30], 0, &mut out).is_err());
        }
        let mut short = [0; 2 + TAG];
        assert_eq!(
            keys.seal_into(&[0x40, 0], &[], 0, &mut short),
            Err(AeadError::Malformed) // nothing to sample
        );
        assert!(PacketProtection::new(Kind::Aes128Gcm, &[0; 16], &[0; 11], &[0; 16]).is_err());
        assert!(PacketProtection::new(Kind::Aes128Gcm, &[0; 16], &[0; 12], &[0; 32]).is_err());
    }

    #[test]
    fn numbers_are_the_nearest_to_what_is_expected() {
        assert_eq!(decode(0x9b32, 2, 0xa82f_30ea), 0xa82f_9b32); // the example of RFC 9000, A.3
        assert_eq!(decode(0, 1, 255), 256);
        assert_eq!(decode(255, 1, 256), 255);
        assert_eq!(decode(255, 1, 0), 255);
        assert_eq!(decode(0, 4, NUMBERS - 1), NUMBERS - (1 << 32));
        assert_eq!(decode(0xffff_ffff, 4, u64::MAX), u64::MAX);
    }

    #[test]
    fn debug_prints_nothing_of_it() {
        assert_eq!(format!("{:?}", chacha()), "PacketProtection(..)");
    }
}
