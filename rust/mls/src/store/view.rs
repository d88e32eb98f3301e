//! One operation's access to the rows of a store, and where each value stands.
//!
//! A row's key is a label byte and the postcard of what openmls keys the value by beyond the group.

use std::cell::Cell;

use serde::de::DeserializeOwned;
use serde::Serialize;

use super::secrets::{self, Parts, Past};
use super::{Place, Store, StoreError};
use crate::codec::{decode, encode_about, Value};

/// What a row holds: the first byte of its key. Never reuse a number.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Label {
    JoinConfig = 1,
    OwnLeafNodes = 2,
    Proposals = 3,
    Tree = 4,
    InterimTranscriptHash = 5,
    Context = 6,
    ConfirmationTag = 7,
    GroupState = 8,
    MessageSecrets = 9,
    ResumptionPsks = 10,
    OwnLeafIndex = 11,
    EpochSecrets = 12,
    SignatureKey = 13,
    EncryptionKey = 14,
    EpochKeys = 15,
    KeyPackage = 16,
    Psk = 17,
    PastEpoch = 18,
}

/// What a public group is made of.
const PUBLIC: [Label; 4] = [
    Label::Tree,
    Label::InterimTranscriptHash,
    Label::Context,
    Label::ConfirmationTag,
];

/// One operation's access to the store.
///
/// openmls rewrites all message secrets of a group after every message that it reads or writes; what comes of that is for [`Writes`]. A
/// public view takes what everybody may know of a group, and nothing else.
pub(crate) struct View<'a> {
    pub(super) store: &'a Store,
    pub(super) secrets: Writes,
    public: bool,
    pub(super) deferred: Cell<bool>,
}

/// What becomes of message secrets when openmls writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// All are written.
    All,
    /// Those of the current epoch, and of past ones that have no row yet.
    New,
    /// Those of the current epoch; the past ones are in their rows as they are.
    Current,
    /// None; that there were some is remembered, and the group writes them once, when its batch ends.
    Later,
}

impl<'a> View<'a> {
    pub(crate) fn new(store: &'a Store, secrets: Writes) -> Self {
        Self {
            store,
            secrets,
            public: false,
            deferred: Cell::new(false),
        }
    }

    pub(crate) fn public(store: &'a Store) -> Self {
        Self {
            public: true,
            ..Self::new(store, Writes::All)
        }
    }

    /// Whether message secrets were written and dropped.
    pub(crate) fn deferred(&self) -> bool {
        self.deferred.get()
    }

    pub(super) fn put<T: Serialize + ?Sized>(
        &self,
        place: Place,
        value: &T,
    ) -> Result<(), StoreError> {
        let known_to_all = |label| PUBLIC.iter().any(|public| *public as u8 == label);
        if self.public && !place.key.first().copied().is_some_and(known_to_all) {
            return Err(StoreError::NotPublic);
        }
        // What is written again, a tree above all, is about as long as it was.
        let expected = self.store.get(&place)?.map_or(0, |before| before.len());
        let value = encode_about(value, expected).ok_or(StoreError::Encode)?;
        self.store.set(place, Some(value))
    }

    /// Writes what openmls writes again and again, if it is not the same.
    pub(super) fn store_changed(&self, place: Place, value: &Value) -> Result<(), StoreError> {
        if self
            .store
            .get(&place)?
            .is_some_and(|known| *known == *value)
        {
            return Ok(());
        }
        self.store.set(place, Some(value.clone()))
    }

    pub(super) fn get<T: DeserializeOwned>(&self, place: &Place) -> Result<Option<T>, StoreError> {
        let value = self.store.get(place)?;
        value
            .map(|bytes| decode(&bytes).ok_or(StoreError::Decode))
            .transpose()
    }

    pub(super) fn delete(&self, place: Place) -> Result<(), StoreError> {
        self.store.set(place, None)
    }

    // -- message secrets: see `secrets`

    pub(super) fn put_secrets<G: Serialize>(
        &self,
        group: &G,
        value: &impl Serialize,
    ) -> Result<(), StoreError> {
        if self.public {
            return Err(StoreError::NotPublic);
        }
        let place = of_group(Label::MessageSecrets, group)?;
        let known = self
            .store
            .get(&place)?
            .and_then(|row| secrets::epochs(&row));
        let past = match (self.secrets, &known) {
            (Writes::Current, Some(_)) => Past::Skipped,
            (Writes::New, Some(known)) => Past::Except(known),
            _ => Past::All,
        };
        // A past epoch is mostly the list of its members, and they do not change much.
        let latest = match known.iter().flatten().last() {
            Some(epoch) => self.store.get(&in_group(Label::PastEpoch, group, epoch)?)?,
            None => None,
        };
        let expected = latest.map_or(0, |row| row.len());
        let parts = Parts::of(value, past, expected).ok_or(StoreError::Encode)?;
        let mut epochs = known.unwrap_or_default();
        if let Some(past) = &parts.past {
            let now: Vec<u64> = past.iter().map(|(epoch, _)| *epoch).collect();
            for gone in epochs.iter().filter(|epoch| !now.contains(epoch)) {
                self.delete(in_group(Label::PastEpoch, group, gone)?)?;
            }
            for (epoch, bytes) in past {
                if let Some(bytes) = bytes {
                    self.store_changed(in_group(Label::PastEpoch, group, epoch)?, bytes)?;
                }
            }
            epochs = now;
        }
        let row = parts.row(&epochs).ok_or(StoreError::Encode)?;
        self.store_changed(place, &row)
    }

    pub(super) fn secrets<G: Serialize, V: DeserializeOwned>(
        &self,
        group: &G,
    ) -> Result<Option<V>, StoreError> {
        let Some(row) = self.store.get(&of_group(Label::MessageSecrets, group)?)? else {
            return Ok(None);
        };
        let mut past = Vec::new();
        for epoch in secrets::epochs(&row).unwrap_or_default() {
            let place = in_group(Label::PastEpoch, group, &epoch)?;
            past.push(self.store.get(&place)?.ok_or(StoreError::Decode)?);
        }
        let whole = secrets::whole(&row, &past).ok_or(StoreError::Decode)?;
        decode(&whole).ok_or(StoreError::Decode).map(Some)
    }

    pub(super) fn delete_secrets<G: Serialize>(&self, group: &G) -> Result<(), StoreError> {
        let place = of_group(Label::MessageSecrets, group)?;
        let row = self.store.get(&place)?;
        for epoch in row
            .and_then(|row| secrets::epochs(&row))
            .unwrap_or_default()
        {
            self.delete(in_group(Label::PastEpoch, group, &epoch)?)?;
        }
        self.delete(place)
    }
}

fn key<K: Serialize>(label: Label, key: &K) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![label as u8];
    bytes.extend(postcard::to_allocvec(key).map_err(|_| StoreError::Encode)?);
    Ok(bytes)
}

/// The place of what belongs to the device.
pub(super) fn of_device<K: Serialize>(label: Label, by: &K) -> Result<Place, StoreError> {
    Ok(Place {
        scope: Vec::new(),
        key: key(label, by)?,
    })
}

/// The place of a group's value, keyed by `by` within the group. openmls hands over a GroupId as something to serialize; in
/// postcard that is the raw id behind its length.
pub(super) fn in_group<G: Serialize, K: Serialize>(
    label: Label,
    group: &G,
    by: &K,
) -> Result<Place, StoreError> {
    let id = postcard::to_allocvec(group).map_err(|_| StoreError::Encode)?;
    Ok(Place {
        scope: postcard::from_bytes(&id).map_err(|_| StoreError::Encode)?,
        key: key(label, by)?,
    })
}

pub(super) fn of_group<G: Serialize>(label: Label, group: &G) -> Result<Place, StoreError> {
    in_group(label, group, &())
}
