//! The Python exceptions, and the one function that turns an error of the pure crates into one of them.
//!
//! A text names what is wrong in words of the protocol: no secret, no plaintext, nothing of the insides.

use core::fmt::Display;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::{PyErr, PyResult};
use qnpc_crypto::aead::AeadError;
use qnpc_crypto::certificate::CertificateError;
use qnpc_crypto::envelope::EnvelopeError;
use qnpc_crypto::fingerprint::FingerprintError;
use qnpc_crypto::hash::HkdfError;
use qnpc_crypto::kem::KemError;
use qnpc_crypto::mlkem::MlKemError;
use qnpc_crypto::opaque::OpaqueError;
use qnpc_crypto::secret::RandomError;
use qnpc_crypto::signature::{BatchError, SignatureError};
use qnpc_crypto::vault::VaultError;
use qnpc_crypto::x25519::X25519Error;

create_exception!(
    qnpc._core,
    CoreError,
    PyException,
    "The base of what the core raises. Its text names no secret and no plaintext."
);
create_exception!(
    qnpc._core,
    Malformed,
    CoreError,
    "Bytes that do not parse, or a value out of range."
);
create_exception!(
    qnpc._core,
    NotAuthentic,
    CoreError,
    "A tag or signature does not verify, a password is wrong, or a key does not fit."
);
create_exception!(
    qnpc._core,
    EpochStale,
    CoreError,
    "A handshake or application message of an epoch that this state is not in."
);
create_exception!(
    qnpc._core,
    Refused,
    CoreError,
    "A well-formed commit, tree or key package that breaks the objective policy."
);
create_exception!(
    qnpc._core,
    Unreadable,
    CoreError,
    "A message that this state can never read, whatever is tried."
);
create_exception!(
    qnpc._core,
    StateError,
    CoreError,
    "A local failure (storage, library, misuse)."
);
create_exception!(
    qnpc._core,
    Panicked,
    StateError,
    "The core failed inside, which is a bug. As after any StateError: discard, drop, load again."
);

thread_local! {
    /// Where this thread panicked last: file and line, never the message, which could hold anything.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic of the extension writes nothing to standard error, where its message could show what no log may hold.
pub fn keep_panics_quiet() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| {
            let file = at.file().rsplit('/').next().unwrap_or_default();
            format!(" ({file}:{})", at.line())
        });
        PLACE.with(|last| last.replace(place));
    }));
}

/// Runs what Python called; a panic in it becomes [`Panicked`]. By way of `#[guarded]`.
pub fn caught<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    #[cfg(feature = "simulation")]
    let work = || crate::simulation::seeded(work);
    // Nothing half-changed is looked at afterwards: what is behind a lock is poisoned, the rest is not mutable.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = PLACE.with(RefCell::take).unwrap_or_default();
        Err(Panicked::new_err(format!("the core failed inside{place}")))
    })
}

/// The exception that an error becomes.
#[derive(Clone, Copy)]
pub enum Class {
    Malformed,
    NotAuthentic,
    EpochStale,
    Refused,
    Unreadable,
    State,
}

/// An error of the pure crates, sorted.
pub trait Classify: Display {
    fn class(&self) -> Class;
}

/// The Python exception for an error; for `map_err`.
pub fn raise(error: impl Classify) -> PyErr {
    raise_as(error.class(), error.to_string())
}

/// The Python exception of a class, for what the binding itself refuses.
pub fn raise_as(class: Class, text: impl Into<String>) -> PyErr {
    let text = text.into();
    match class {
        Class::Malformed => Malformed::new_err(text),
        Class::NotAuthentic => NotAuthentic::new_err(text),
        Class::EpochStale => EpochStale::new_err(text),
        Class::Refused => Refused::new_err(text),
        Class::Unreadable => Unreadable::new_err(text),
        Class::State => StateError::new_err(text),
    }
}

impl Classify for RandomError {
    fn class(&self) -> Class {
        Class::State
    }
}

impl Classify for HkdfError {
    fn class(&self) -> Class {
        Class::Malformed
    }
}

impl Classify for MlKemError {
    fn class(&self) -> Class {
        Class::Malformed
    }
}

impl Classify for X25519Error {
    fn class(&self) -> Class {
        Class::Malformed
    }
}

impl Classify for BatchError {
    fn class(&self) -> Class {
        self.error.class()
    }
}

/// One table: which class each variant is of.
macro_rules! classify {
    ($($error:ty { $($variant:ident => $class:ident),* $(,)? })*) => {$(
        impl Classify for $error {
            fn class(&self) -> Class {
                match self {
                    $(Self::$variant => Class::$class,)*
                }
            }
        }
    )*};
}

classify! {
    AeadError { Malformed => Malformed, NotAuthentic => NotAuthentic, Unavailable => State }
    CertificateError { Malformed => Malformed, NotAuthentic => NotAuthentic }
    EnvelopeError { Malformed => Malformed, NotAuthentic => NotAuthentic, Unavailable => State }
    FingerprintError { Malformed => Malformed, OtherVersion => Unreadable, OtherAccount => NotAuthentic }
    KemError { Malformed => Malformed, NotAuthentic => NotAuthentic }
    OpaqueError { Malformed => Malformed, NotAuthentic => NotAuthentic }
    SignatureError { Malformed => Malformed, NotAuthentic => NotAuthentic, Unavailable => State }
    VaultError { Malformed => Malformed, NotAuthentic => NotAuthentic, Unavailable => State }
}
