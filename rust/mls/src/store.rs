//! MLS state as rows: what the database holds, and on top of it what has changed since.
//!
//! The caller loads rows, lets groups work, and takes the delta to write it in the transaction that needs it; nothing here is
//! durable. A row is (scope, key, value). The scope is the id of the group that the row belongs to, or empty for what belongs
//! to the device, its key packages; so a group can be loaded and deleted by its scope alone. Values are wiped when they go.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, ThreadId};

use zeroize::Zeroizing;

use crate::codec::Value;

mod listing;
mod provider;
mod secrets;
mod view;
pub(crate) use view::{View, Writes};

/// Why the store failed. All of them are local.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A thread panicked while it held the store.
    #[error("the store was left in an unknown state")]
    Poisoned,
    /// A value could not be written as bytes.
    #[error("a value could not be encoded")]
    Encode,
    /// A row is not what this version writes.
    #[error("a stored row could not be read")]
    Decode,
    /// Rows were loaded while changes waited to be taken.
    #[error("rows cannot be loaded while a delta is pending")]
    DeltaPending,
    /// Something other than public state was to be kept where only that belongs.
    #[error("a secret was about to be stored with a public group")]
    NotPublic,
    /// An operation within another.
    #[error("the store is in the middle of an operation")]
    Busy,
}

/// Where a row is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    scope: Vec<u8>,
    key: Vec<u8>,
}

type Journal = Vec<(Place, Option<Option<Shared>>)>;

#[derive(Clone, Default)]
struct Rows {
    base: BTreeMap<Place, Shared>,
    /// Rows that changed; `None` for one that is gone.
    dirty: BTreeMap<Place, Option<Shared>>,
    /// Of each thread whose operation may still fail: what `dirty` held before each of its writes, in order.
    journals: HashMap<ThreadId, Journal>,
}

impl Rows {
    fn get(&self, place: &Place) -> Option<&Shared> {
        match self.dirty.get(place) {
            Some(changed) => changed.as_ref(),
            None => self.base.get(place),
        }
    }

    fn set(&mut self, place: Place, value: Option<Shared>) {
        let gone_already = value.is_none() && !self.base.contains_key(&place);
        let before = if gone_already {
            self.dirty.remove(&place)
        } else {
            self.dirty.insert(place.clone(), value)
        };
        if let Some(journal) = self.journals.get_mut(&thread::current().id()) {
            journal.push((place, before));
        }
    }

    fn undo(&mut self) {
        let journal = self.journals.remove(&thread::current().id());
        for (place, before) in journal.into_iter().flatten().rev() {
            match before {
                Some(value) => drop(self.dirty.insert(place, value)),
                None => drop(self.dirty.remove(&place)),
            }
        }
    }

    /// The places of a scope that hold something.
    fn scope(&self, scope: &[u8]) -> Vec<Place> {
        let from = Place {
            scope: scope.to_vec(),
            key: Vec::new(),
        };
        let stored = self.base.range(&from..).map(|(place, _)| place);
        let changed = self.dirty.range(&from..).map(|(place, _)| place);
        let mut places: Vec<Place> = stored
            .take_while(|place| place.scope == scope)
            .chain(changed.take_while(|place| place.scope == scope))
            .filter(|place| self.get(place).is_some())
            .cloned()
            .collect();
        places.sort();
        places.dedup();
        places
    }
}

/// A value that the rows, the delta and whoever reads it have in common: a tree is megabytes.
pub type Shared = Arc<Zeroizing<Vec<u8>>>;
/// A row as the database holds it: scope, key, value.
pub type Row = (Vec<u8>, Vec<u8>, Shared);
/// A changed row: scope, key, and the new value or `None` for one to delete.
pub type Changed = (Vec<u8>, Vec<u8>, Option<Shared>);

/// All MLS state of one device.
///
/// Several threads may use it at once, each for another group: what fails in one undoes its own writes and no others. Two that write
/// the same rows would undo each other's.
#[derive(Default)]
pub struct Store {
    rows: Mutex<Rows>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> Result<MutexGuard<'_, Rows>, StoreError> {
        self.rows.lock().map_err(|_| StoreError::Poisoned)
    }

    /// Adds rows as they are in the database.
    pub fn load(&self, rows: impl IntoIterator<Item = Row>) -> Result<(), StoreError> {
        let mut stored = self.rows()?;
        if !stored.dirty.is_empty() {
            return Err(StoreError::DeltaPending);
        }
        for (scope, key, value) in rows {
            stored.base.insert(Place { scope, key }, value);
        }
        Ok(())
    }

    /// The changes, ordered by scope and key. They count as stored from now on.
    pub fn take_delta(&self) -> Result<Vec<Changed>, StoreError> {
        let mut rows = self.rows()?;
        let dirty = std::mem::take(&mut rows.dirty);
        let mut delta = Vec::with_capacity(dirty.len());
        for (place, value) in dirty {
            match &value {
                Some(value) => drop(rows.base.insert(place.clone(), value.clone())),
                None => drop(rows.base.remove(&place)),
            }
            delta.push((place.scope, place.key, value));
        }
        Ok(delta)
    }

    /// Forgets the changes. Groups that were loaded from this store must be dropped and loaded again.
    pub fn discard(&self) -> Result<(), StoreError> {
        let mut rows = self.rows()?;
        rows.dirty.clear();
        rows.journals.clear();
        Ok(())
    }

    /// Runs `operation` so that a failure leaves the delta as it was before.
    ///
    /// openmls writes as it goes: a Welcome that turns out bad has by then cost its key package.
    pub(crate) fn atomically<T, E: From<StoreError>>(
        &self,
        operation: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        {
            let mut rows = self.rows()?;
            let journal = rows.journals.entry(thread::current().id());
            if matches!(journal, Entry::Occupied(_)) {
                return Err(StoreError::Busy.into());
            }
            journal.or_default();
        }
        let outcome = operation();
        let mut rows = self.rows()?;
        match outcome {
            Ok(_) => drop(rows.journals.remove(&thread::current().id())),
            Err(_) => rows.undo(),
        }
        drop(rows);
        outcome
    }

    /// Deletes every row of a scope.
    pub(crate) fn delete_scope(&self, scope: &[u8]) -> Result<(), StoreError> {
        let mut rows = self.rows()?;
        for place in rows.scope(scope) {
            rows.set(place, None);
        }
        Ok(())
    }

    /// Puts `rows` in the place of all that a scope holds.
    pub(crate) fn replace_scope(
        &self,
        scope: &[u8],
        rows: impl IntoIterator<Item = Row>,
    ) -> Result<(), StoreError> {
        self.delete_scope(scope)?;
        let mut stored = self.rows()?;
        for (scope, key, value) in rows {
            stored.set(Place { scope, key }, Some(value));
        }
        Ok(())
    }

    /// A second store with the same rows.
    pub(crate) fn copy(&self) -> Result<Self, StoreError> {
        let mut rows = self.rows()?.clone();
        rows.journals.clear();
        Ok(Self {
            rows: Mutex::new(rows),
        })
    }

    fn get(&self, place: &Place) -> Result<Option<Shared>, StoreError> {
        Ok(self.rows()?.get(place).cloned())
    }

    fn set(&self, place: Place, value: Option<Value>) -> Result<(), StoreError> {
        self.rows()?.set(place, value.map(Arc::new));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn place(scope: &[u8], key: u8) -> Place {
        Place {
            scope: scope.to_vec(),
            key: vec![key],
        }
    }

    fn row(key: u8) -> Row {
        let value = Zeroizing::new(vec![key]);
        (b"g".to_vec(), vec![key], value.into())
    }

    fn put(store: &Store, scope: &[u8], key: u8, value: u8) {
        store
            .set(place(scope, key), Some(Zeroizing::new(vec![value])))
            .unwrap();
    }

    type Plain = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

    fn delta(store: &Store) -> Vec<Plain> {
        let delta = store.take_delta().unwrap().into_iter();
        delta
            .map(|(scope, key, value)| (scope, key, value.map(|value| value.to_vec())))
            .collect()
    }

    #[test]
    fn a_delta_is_what_changed_in_a_fixed_order() {
        let store = Store::new();
        put(&store, b"g", 2, 2);
        put(&store, b"", 9, 9);
        put(&store, b"g", 1, 1);
        let expected = vec![
            (b"".to_vec(), vec![9], Some(vec![9])),
            (b"g".to_vec(), vec![1], Some(vec![1])),
            (b"g".to_vec(), vec![2], Some(vec![2])),
        ];
        assert_eq!(delta(&store), expected);
        assert_eq!(delta(&store), vec![]);
    }

    #[test]
    fn a_row_that_came_and_went_in_between_leaves_no_trace() {
        let store = Store::new();
        put(&store, b"g", 1, 1);
        store.set(place(b"g", 1), None).unwrap();
        store.set(place(b"g", 2), None).unwrap();
        assert_eq!(delta(&store), vec![]);
    }

    #[test]
    fn deleting_a_stored_row_is_a_change_until_it_is_discarded() {
        let store = Store::new();
        store.load([row(1)]).unwrap();
        store.set(place(b"g", 1), None).unwrap();
        assert_eq!(store.get(&place(b"g", 1)).unwrap(), None);
        store.discard().unwrap();
        assert!(store.get(&place(b"g", 1)).unwrap().is_some());
        store.set(place(b"g", 1), None).unwrap();
        assert_eq!(delta(&store), vec![(b"g".to_vec(), vec![1], None)]);
    }

    #[test]
    fn a_failed_operation_undoes_its_writes_and_no_others() {
        let store = Store::new();
        store.load([row(3)]).unwrap();
        put(&store, b"g", 1, 1);
        let failed: Result<(), StoreError> = store.atomically(|| {
            put(&store, b"g", 1, 7);
            put(&store, b"g", 1, 8);
            put(&store, b"g", 2, 9);
            store.set(place(b"g", 2), None)?;
            store.set(place(b"g", 3), None)?;
            Err(StoreError::Encode)
        });
        assert_eq!(failed, Err(StoreError::Encode));
        assert_eq!(delta(&store), vec![(b"g".to_vec(), vec![1], Some(vec![1]))]);
        assert!(store.get(&place(b"g", 3)).unwrap().is_some());
    }

    #[test]
    fn a_scope_is_deleted_whole_and_alone() {
        let store = Store::new();
        store.load([row(1)]).unwrap();
        put(&store, b"g", 2, 2);
        put(&store, b"ga", 1, 1);
        put(&store, b"", 1, 1);
        store.delete_scope(b"g").unwrap();
        let expected = vec![
            (b"".to_vec(), vec![1], Some(vec![1])),
            (b"g".to_vec(), vec![1], None),
            (b"ga".to_vec(), vec![1], Some(vec![1])),
        ];
        assert_eq!(delta(&store), expected);
    }

    #[test]
    fn rows_are_not_loaded_over_a_pending_delta() {
        let store = Store::new();
        put(&store, b"g", 1, 1);
        assert_eq!(store.load([]), Err(StoreError::DeltaPending));
    }

    #[test]
    fn debug_shows_no_row() {
        let store = Store::new();
        put(&store, b"g", 1, 222);
        assert_eq!(format!("{store:?}"), "Store(..)");
    }
}
