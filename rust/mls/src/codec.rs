//! How values are written into rows: a format byte, then postcard or JSON.
//!
//! openmls promises nothing about its stored form, so the version is pinned in Cargo.toml and the format byte leaves room for
//! another. Buffers are wiped, also those that were outgrown: most rows hold secrets.

use postcard::ser_flavors::Flavor;
use serde::de::DeserializeOwned;
use serde::Serialize;
use zeroize::Zeroizing;

#[cfg(feature = "simulation")]
use qnpc_crypto::simulation::Seeded;

#[cfg(feature = "simulation")]
mod steady;

/// A stored value.
pub(crate) type Value = Zeroizing<Vec<u8>>;

const POSTCARD: u8 = 1;
const JSON: u8 = 2;

/// Postcard, for all that can be read back from it.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Option<Value> {
    encode_about(value, 0)
}

/// The same for a value that will take about so many bytes: room for them is made once.
pub(crate) fn encode_about<T: Serialize + ?Sized>(value: &T, expected: usize) -> Option<Value> {
    #[cfg(feature = "simulation")]
    if let Some(seeded) = Seeded::current() {
        return steady::encode(value, seeded.now());
    }
    let room = expected.saturating_add(expected / 32);
    postcard::serialize_with_flavor(value, Wiping::with_room(POSTCARD, room)).ok()
}

/// JSON, for types that describe themselves to serde (`untagged`), which postcard cannot read. Holds no secret.
pub(crate) fn encode_json<T: Serialize>(value: &T) -> Option<Value> {
    let mut out = Zeroizing::new(vec![JSON]);
    serde_json::to_writer(&mut *out, value).ok()?;
    Some(out)
}

/// Reads a value that either of the two wrote.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match bytes.split_first()? {
        (&POSTCARD, rest) => match postcard::take_from_bytes(rest).ok()? {
            (value, []) => Some(value),
            _ => None,
        },
        (&JSON, rest) => serde_json::from_slice(rest).ok(),
        _ => None,
    }
}

/// A growing buffer that wipes what it leaves behind; `Vec` would only free it.
struct Wiping(Value);

impl Wiping {
    fn with_room(format: u8, room: usize) -> Self {
        let mut buffer = Zeroizing::new(Vec::with_capacity(room.max(256)));
        buffer.push(format);
        Self(buffer)
    }

    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() < more {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let mut larger = Zeroizing::new(Vec::with_capacity((self.0.len() + more) * 2));
        larger.extend_from_slice(&self.0);
        self.0 = larger;
    }
}

impl Flavor for Wiping {
    type Output = Value;

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.reserve(data.len());
        self.0.extend_from_slice(data);
        Ok(())
    }

    // openmls writes bytes as sequences of numbers, so this is called for each of a tree's hundred thousands.
    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.reserve(1);
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Value> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_of_any_size_come_back() {
        for length in [0, 1, 255, 256, 257, 100_000] {
            let value = vec![9u8; length];
            assert_eq!(decode::<Vec<u8>>(&encode(&value).unwrap()).unwrap(), value);
            assert_eq!(
                decode::<Vec<u8>>(&encode_json(&value).unwrap()).unwrap(),
                value
            );
        }
    }

    #[test]
    fn unknown_formats_and_bytes_left_over_are_refused() {
        assert_eq!(decode::<u8>(&[]), None);
        assert_eq!(decode::<u8>(&[3, 1]), None);
        assert_eq!(decode::<u8>(&[POSTCARD, 1, 1]), None);
        assert_eq!(decode::<u8>(&[POSTCARD, 1]), Some(1));
    }
}
