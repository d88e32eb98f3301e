//! What the library's storage interface has no question for: it finds a key package by its reference alone.

use serde::de::DeserializeOwned;

use super::view::Label;
use super::{Store, StoreError};
use crate::codec::decode;

impl Store {
    /// Every key package of the device.
    pub(crate) fn key_packages<T: DeserializeOwned>(&self) -> Result<Vec<T>, StoreError> {
        let rows = self.rows()?;
        let mut places = rows.scope(&[]);
        places.retain(|place| place.key.first() == Some(&(Label::KeyPackage as u8)));
        let values = places.iter().filter_map(|place| rows.get(place));
        values
            .map(|value| decode(value).ok_or(StoreError::Decode))
            .collect()
    }
}
