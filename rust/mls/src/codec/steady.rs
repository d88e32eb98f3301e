//! The same postcard, without the two things in it that no seed reaches: the moment at which secrets were stored, and the order of
//! a hash table. Compiled for simulations only, whose rows are to be the same each time.

use postcard::ser_flavors::Flavor;
use postcard::Error;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use super::{Value, Wiping, POSTCARD};

/// `Option<SystemTime>`, the time of openmls' epoch secrets.
const TIME: &str = "added_at";
/// A hash table written as a list of pairs: openmls' staged proposals.
const TABLE: &str = "queued_proposals";

type Postcard = postcard::Serializer<Wiping>;

/// [`super::encode`], with `now` (Unix seconds) as the time of whatever has one.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T, now: u64) -> Option<Value> {
    apart(value, now, POSTCARD).ok()
}

fn apart<T: Serialize + ?Sized>(value: &T, now: u64, first: u8) -> Result<Value, Error> {
    let mut to = Postcard {
        output: Wiping::with_room(first, 0),
    };
    let to_rows = Steady {
        to: &mut to,
        now,
        table: false,
    };
    value.serialize(to_rows)?;
    to.output.finalize()
}

struct Steady<'a> {
    to: &'a mut Postcard,
    now: u64,
    /// The value is a table, whose entries are to be in order.
    table: bool,
}

/// What has parts.
struct Parts<'a> {
    to: &'a mut Postcard,
    now: u64,
    /// The entries of a table, which are written at its end.
    entries: Option<Vec<Value>>,
}

impl<'a> Steady<'a> {
    fn parts(self) -> Parts<'a> {
        Parts {
            to: self.to,
            now: self.now,
            entries: None,
        }
    }
}

impl Parts<'_> {
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.written(value, false)
    }

    fn written<T: Serialize + ?Sized>(&mut self, value: &T, table: bool) -> Result<(), Error> {
        value.serialize(Steady {
            to: &mut *self.to,
            now: self.now,
            table,
        })
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        match name {
            TIME => {
                let some = *apart(value, self.now, 0)? != [0, 0]; // behind the first byte, that of None
                some.then_some((self.now, 0_u32)).serialize(&mut *self.to)
            }
            _ => self.written(value, name == TABLE),
        }
    }

    fn end(self) -> Result<(), Error> {
        let mut entries = self.entries.unwrap_or_default();
        entries.sort_unstable_by(|one, other| one.as_slice().cmp(other));
        for entry in entries {
            self.to
                .output
                .try_extend(entry.get(1..).unwrap_or_default())?;
        }
        Ok(())
    }
}

macro_rules! as_it_is {
    ($($method:ident($($type:ty),*);)*) => {
        $(as_it_is!(@ $method($($type),*));)*
    };
    (@ $method:ident()) => {
        fn $method(self) -> Result<(), Error> { self.to.$method() }
    };
    (@ $method:ident($type:ty)) => {
        fn $method(self, value: $type) -> Result<(), Error> { self.to.$method(value) }
    };
    (@ $method:ident($name:ty, $number:ty, $variant:ty)) => {
        fn $method(self, name: $name, number: $number, variant: $variant) -> Result<(), Error> {
            self.to.$method(name, number, variant)
        }
    };
}

impl<'a> Serializer for Steady<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    as_it_is! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.to.output.try_push(1)?;
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.to.serialize_unit_variant(name, number, variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Parts<'a>, Error> {
        self.to.serialize_seq(length)?;
        let entries = self.table.then(Vec::new);
        Ok(Parts {
            entries,
            ..self.parts()
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.parts())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.parts())
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        self.to.serialize_unit_variant(name, number, variant)?;
        Ok(self.parts())
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Parts<'a>, Error> {
        self.to.serialize_map(length)?;
        Ok(self.parts())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.parts())
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        self.to.serialize_unit_variant(name, number, variant)?;
        Ok(self.parts())
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let now = self.now;
        match &mut self.entries {
            Some(entries) => entries.push(apart(value, now, 0)?),
            None => self.part(value)?,
        }
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        Parts::end(self)
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.part(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.part(value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

macro_rules! one_after_the_other {
    ($($kind:ident, $method:ident;)*) => { $(
        impl $kind for Parts<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.part(value)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )* };
}
one_after_the_other! {
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

macro_rules! by_name {
    ($($kind:ident;)*) => { $(
        impl $kind for Parts<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )* };
}
by_name! {
    SerializeStruct;
    SerializeStructVariant;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[derive(Serialize)]
    enum Any {
        Unit,
        Newtype(u64),
        Tuple(i8, i16),
        Struct { a: f32, b: f64 },
    }

    #[derive(Serialize)]
    struct Everything {
        numbers: (u8, u16, u32, u64, u128, i8, i16, i32, i64, i128),
        texts: (char, String, bool),
        options: [Option<u32>; 2],
        variants: Vec<Any>,
        map: BTreeMap<u16, Vec<u8>>,
        unit: (),
        added_at: Option<SystemTime>,
        queued_proposals: Vec<(u8, String)>,
    }

    fn everything(time: Option<SystemTime>, table: &[u8]) -> Everything {
        Everything {
            numbers: (1, 300, 70_000, 1 << 40, 1 << 100, -1, -300, -70_000, -5, -9),
            texts: ('ß', "text".into(), true),
            options: [None, Some(500)],
            variants: vec![
                Any::Unit,
                Any::Newtype(1 << 50),
                Any::Tuple(-3, 999),
                Any::Struct { a: 1.5, b: -2.5 },
            ],
            map: BTreeMap::from([(2, vec![1, 2, 3]), (300, vec![])]),
            unit: (),
            added_at: time,
            queued_proposals: table.iter().map(|n| (*n, n.to_string())).collect(),
        }
    }

    #[test]
    fn it_is_postcard() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(77);
        for value in [everything(Some(time), &[1, 2]), everything(None, &[])] {
            let plain = postcard::to_allocvec(&value).unwrap();
            assert_eq!(encode(&value, 77).unwrap().get(1..), Some(&plain[..]));
        }
    }

    #[test]
    fn neither_the_time_nor_the_order_of_a_table_shows() {
        let time = |nanos| Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos));
        let one = encode(&everything(time(5), &[1, 2, 9]), 77);
        let other = encode(&everything(time(1 << 60), &[9, 1, 2]), 77);
        assert_eq!(one.unwrap(), other.unwrap());
    }
}
