//! Message secrets as several rows, so that a message rewrites what it changes and no more.
//!
//! openmls writes the secrets of the current epoch and of past ones as one value, after every message. A past epoch holds the list of its
//! members with their KEM keys, a megabyte in a large hybrid group, and changes only when a late message of it is read. So every past
//! epoch has a row of its own, and the row of the current one names those that belong to it. Put together again they are the postcard
//! of the value as openmls knows it; which fields it has is asserted by reading it: another version of the library would fail at once.

use std::fmt;

use serde::ser::{Error, Impossible, SerializeSeq, SerializeStruct, Serializer};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Shared;
use crate::codec::{decode, encode, encode_about, Value};

/// The first byte of a row that names the past epochs. Rows before it hold everything, behind the codec's own bytes 1 and 2.
const SPLIT: u8 = 3;

/// Which past epochs are taken out of a value: they cost the most.
#[derive(Clone, Copy, Debug)]
pub(super) enum Past<'a> {
    /// All of them.
    All,
    /// All but these, which are known to be as they were.
    Except(&'a [u64]),
    /// None is even looked at.
    Skipped,
}

/// A value taken apart.
#[derive(Default)]
pub(super) struct Parts {
    max_epochs: Option<Value>,
    /// By epoch, without those that were excepted; `None` if they were not looked at.
    pub past: Option<Vec<(u64, Option<Value>)>>,
    current: Option<Value>,
}

impl Parts {
    /// Takes `value` apart. A past epoch is likely to take `expected` bytes.
    pub(super) fn of(value: &impl Serialize, past: Past<'_>, expected: usize) -> Option<Self> {
        let mut parts = Self::default();
        let whole = Whole {
            parts: &mut parts,
            past,
            expected,
        };
        value.serialize(Level::Whole(whole)).ok()?;
        Some(parts)
    }

    /// The row of the current epoch.
    pub(super) fn row(&self, epochs: &[u64]) -> Option<Value> {
        let (max_epochs, current) = (self.max_epochs.as_ref()?, self.current.as_ref()?);
        let epochs = encode(epochs)?;
        let mut parts = vec![&[SPLIT][..]];
        for part in [&epochs, max_epochs, current] {
            parts.push(part.get(1..)?); // without the codec's format byte
        }
        Some(Zeroizing::new(parts.concat()))
    }
}

/// The past epochs that a row names. `None` for a row that holds everything itself.
pub(super) fn epochs(row: &[u8]) -> Option<Vec<u64>> {
    Some(manifest(row)?.0)
}

fn manifest(row: &[u8]) -> Option<(Vec<u64>, &[u8])> {
    match row.split_first()? {
        (&SPLIT, rest) => postcard::take_from_bytes(rest).ok(),
        _ => None,
    }
}

/// The whole value as the codec reads it, from the row of the current epoch and those of the past, in order.
pub(super) fn whole(row: &[u8], past: &[Shared]) -> Option<Value> {
    let Some((epochs, rest)) = manifest(row) else {
        return Some(Zeroizing::new(row.to_vec()));
    };
    let (max_epochs, current) = postcard::take_from_bytes::<usize>(rest).ok()?;
    let (max_epochs, count) = (encode(&max_epochs)?, encode(&epochs.len())?);
    let past = past.iter().map(|part| part.get(1..).unwrap_or_default());
    let head = [&max_epochs[..], count.get(1..)?];
    let parts: Vec<&[u8]> = head.into_iter().chain(past).chain([current]).collect();
    // Of the right size at once: a buffer that grows leaves copies behind.
    Some(Zeroizing::new(parts.concat()))
}

/// The value has another shape than the one that is known.
#[derive(Debug)]
pub(super) struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("message secrets have another shape")
    }
}

impl std::error::Error for Unknown {}

impl Error for Unknown {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Where in the value the serializer is.
enum Level<'a> {
    Whole(Whole<'a>),
    Past(Epochs<'a>),
    Epoch(&'a mut Option<u64>),
}

/// The value itself.
struct Whole<'a> {
    parts: &'a mut Parts,
    past: Past<'a>,
    expected: usize,
}

impl Whole<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unknown> {
        match name {
            "max_epochs" => self.parts.max_epochs = Some(encode(value).ok_or(Unknown)?),
            "message_secrets" => self.parts.current = Some(encode(value).ok_or(Unknown)?),
            "past_epoch_trees" if matches!(self.past, Past::Skipped) => {}
            "past_epoch_trees" => value.serialize(Level::Past(Epochs {
                found: self.parts.past.get_or_insert_default(),
                past: self.past,
                expected: self.expected,
            }))?,
            _ => return Err(Unknown),
        }
        Ok(())
    }
}

/// Past epochs as they come.
struct Epochs<'a> {
    found: &'a mut Vec<(u64, Option<Value>)>,
    past: Past<'a>,
    expected: usize,
}

impl SerializeSeq for Epochs<'_> {
    type Ok = ();
    type Error = Unknown;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unknown> {
        let mut epoch = None;
        // It fails on purpose once it has seen the first field: the rest is what is to be spared.
        let _ = value.serialize(Level::Epoch(&mut epoch));
        let epoch = epoch.ok_or(Unknown)?;
        let known = matches!(self.past, Past::Except(known) if known.contains(&epoch));
        let bytes = match known {
            true => None,
            false => Some(encode_about(value, self.expected).ok_or(Unknown)?),
        };
        self.found.push((epoch, bytes));
        Ok(())
    }

    fn end(self) -> Result<(), Unknown> {
        Ok(())
    }
}

/// A struct on any of the levels.
enum Fields<'a> {
    Whole(Whole<'a>),
    Epoch(&'a mut Option<u64>),
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Unknown;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unknown> {
        match self {
            Self::Whole(whole) => whole.field(name, value),
            Self::Epoch(epoch) => {
                if name == "epoch" {
                    **epoch = decode(&encode(value).ok_or(Unknown)?);
                }
                Err(Unknown)
            }
        }
    }

    fn end(self) -> Result<(), Unknown> {
        Ok(())
    }
}

/// Everything that the value is not.
macro_rules! unknown {
    ($($method:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$result, Unknown> {
            Err(Unknown)
        })*
    };
}

type Never = Impossible<(), Unknown>;

impl<'a> Serializer for Level<'a> {
    type Ok = ();
    type Error = Unknown;
    type SerializeSeq = Epochs<'a>;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Never;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, Unknown> {
        match self {
            Level::Whole(whole) => Ok(Fields::Whole(whole)),
            Level::Epoch(epoch) => Ok(Fields::Epoch(epoch)),
            Level::Past(_) => Err(Unknown),
        }
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Epochs<'a>, Unknown> {
        match self {
            Level::Past(past) => Ok(past),
            Level::Whole(_) | Level::Epoch(_) => Err(Unknown),
        }
    }

    unknown! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Unknown> {
        Err(Unknown)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unknown> {
        Err(Unknown)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unknown> {
        Err(Unknown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Epoch {
        epoch: u64,
        secret: Vec<u8>,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Secrets {
        max_epochs: usize,
        past_epoch_trees: Vec<Epoch>,
        message_secrets: Vec<u8>,
    }

    fn secrets(past: u64) -> Secrets {
        let epoch = |epoch| Epoch {
            epoch,
            secret: vec![7; 300],
        };
        Secrets {
            max_epochs: 300,
            past_epoch_trees: (1000..1000 + past).map(epoch).collect(),
            message_secrets: vec![9; 40],
        }
    }

    fn values(parts: &Parts) -> (Vec<u64>, Vec<Shared>) {
        let past = parts.past.clone().unwrap().into_iter();
        past.map(|(epoch, value)| (epoch, value.unwrap().into()))
            .unzip()
    }

    #[test]
    fn what_is_taken_apart_comes_together_again() {
        for past in [0, 1, 2, 200] {
            let value = secrets(past);
            let parts = Parts::of(&value, Past::All, 0).unwrap();
            let (names, past) = values(&parts);
            let row = parts.row(&names).unwrap();
            assert_eq!(epochs(&row), Some(names));
            let whole = whole(&row, &past).unwrap();
            assert_eq!(decode::<Secrets>(&whole), Some(value.clone()));
            assert_eq!(*whole, *encode(&value).unwrap());
        }
    }

    #[test]
    fn the_past_is_left_alone_when_it_is_known_to_be_the_same() {
        let (names, past) = values(&Parts::of(&secrets(2), Past::All, 0).unwrap());
        let mut later = secrets(2);
        later.message_secrets = vec![1; 90];
        let parts = Parts::of(&later, Past::Skipped, 0).unwrap();
        assert!(parts.past.is_none());
        let whole = whole(&parts.row(&names).unwrap(), &past).unwrap();
        assert_eq!(decode::<Secrets>(&whole), Some(later));
    }

    #[test]
    fn a_past_epoch_that_is_known_is_named_and_not_taken() {
        let parts = Parts::of(&secrets(3), Past::Except(&[1000, 1001, 7]), 300).unwrap();
        let taken: Vec<(u64, bool)> = parts
            .past
            .unwrap()
            .into_iter()
            .map(|(epoch, value)| (epoch, value.is_some()))
            .collect();
        assert_eq!(taken, [(1000, false), (1001, false), (1002, true)]);
    }

    #[test]
    fn a_row_of_before_holds_everything() {
        let row = encode(&secrets(2)).unwrap();
        assert_eq!(epochs(&row), None);
        let whole = whole(&row, &[]).unwrap();
        assert_eq!(decode::<Secrets>(&whole), Some(secrets(2)));
    }

    #[test]
    fn another_shape_is_refused() {
        #[derive(Serialize)]
        struct Other {
            max_epochs: usize,
            something: u8,
        }
        let other = Other {
            max_epochs: 1,
            something: 2,
        };
        assert!(Parts::of(&other, Past::All, 0).is_none());
        assert!(Parts::of(&vec![1_u8], Past::All, 0).is_none());
        assert!(Parts::of(&7_u8, Past::All, 0).is_none());
    }
}
