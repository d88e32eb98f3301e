//! MLS groups, their store, the node's tracker. Thin: every decision is made in `qnpc_mls`.
//!
//! A group or tracker is locked for each call, with the GIL released; two threads may hold one, and take turns.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use qnpc_mls::message::MessageId;
use qnpc_mls::store::StoreError;
use qnpc_mls::{DeviceKey, Error, Externals, Suite};

use crate::errors::{raise, raise_as, Class, Classify};

mod batch;
mod change;
mod external;
mod group;
mod key_package;
mod member;
mod message;
mod passive;
mod revocation;
mod store;
mod tracker;

pub use batch::{encrypt_many, process_many};
pub use change::{Change, OwnCommit, PendingCommit};
pub use external::ExternalCommit;
pub use group::{Application, Group};
pub use key_package::{
    generate_key_packages, generate_last_resort, inspect_key_package, KeyPackageInfo,
    StoredKeyPackage,
};
pub use member::Member;
pub use message::{inspect_message, MessageInfo};
pub use passive::PassiveClient;
pub use revocation::Revocation;
pub use store::MlsStore;
pub use tracker::Tracker;

impl Classify for Error {
    fn class(&self) -> Class {
        match self {
            Self::Malformed(_) => Class::Malformed,
            Self::NotAuthentic(_) => Class::NotAuthentic,
            Self::EpochStale => Class::EpochStale,
            Self::Refused(_) => Class::Refused,
            Self::Unreadable(_) => Class::Unreadable,
            Self::State(_) => Class::State,
        }
    }
}

impl Classify for StoreError {
    fn class(&self) -> Class {
        Class::State
    }
}

fn suite(code: u16) -> PyResult<Suite> {
    Suite::from_code(code)
        .ok_or_else(|| raise_as(Class::Malformed, "the ciphersuite is not one of SUITES"))
}

fn message_id(id: &[u8]) -> PyResult<MessageId> {
    id.try_into()
        .map_err(|_| raise_as(Class::Malformed, "a message id is 16 bytes"))
}

/// A key of 32 bytes for each of `keys`, of devices or accounts.
fn keys(keys: &[PyBackedBytes]) -> PyResult<Vec<DeviceKey>> {
    keys.iter()
        .map(|key| {
            <DeviceKey>::try_from(key.as_ref())
                .map_err(|_| raise_as(Class::Malformed, "a public key is 32 bytes"))
        })
        .collect()
}

/// Who may join by an external commit: nobody where the caller names nobody who may not.
fn externals(barred: Option<&[DeviceKey]>) -> Externals<'_> {
    barred.map_or(Externals::Refused, Externals::Except)
}

/// Something that one call at a time works on; a method that uses it up leaves `None`.
struct Shared<T>(Mutex<Option<T>>);

impl<T: Send> Shared<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    /// Runs `call` on it without the GIL.
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&mut T) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        py.detach(|| self.run(call)).map_err(raise)
    }

    /// The same for who has let go of the GIL already.
    fn run<R>(&self, call: impl FnOnce(&mut T) -> Result<R, Error>) -> Result<R, Error> {
        call(self.0.lock().map_err(poisoned)?.as_mut().ok_or_else(gone)?)
    }

    /// Takes it for good.
    fn take(&self, py: Python<'_>) -> PyResult<T> {
        py.detach(|| self.0.lock().map_err(poisoned)?.take().ok_or_else(gone))
            .map_err(raise)
    }
}

fn poisoned<T>(_: PoisonError<T>) -> Error {
    Error::State("it was left in an unknown state".into())
}

fn gone() -> Error {
    Error::State("it was deleted".into())
}
