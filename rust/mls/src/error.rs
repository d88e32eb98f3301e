//! What can go wrong, sorted by what a caller should do about it.
//!
//! All but [`Error::State`] are deterministic: the same bytes against the same state fail the same way, and the state is as it
//! was before the call. After [`Error::State`] nothing in memory can be trusted: discard the delta, drop the group, load again.

use std::borrow::Cow;

use crate::policy::Refusal;
use crate::store::StoreError;

/// A failed operation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes do not parse, or a value is out of range.
    #[error("{0}")]
    Malformed(&'static str),
    /// A signature, tag or ciphertext does not verify.
    #[error("{0}")]
    NotAuthentic(&'static str),
    /// A message of an epoch that this state is not in.
    #[error("the message belongs to another epoch")]
    EpochStale,
    /// Well-formed, and against the rules.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// This state can never read the message.
    #[error("{0}")]
    Unreadable(&'static str),
    /// A local failure: storage, library or misuse.
    #[error("{0}")]
    State(Cow<'static, str>),
}

impl Error {
    pub(crate) fn state(text: &'static str) -> Self {
        Self::State(Cow::Borrowed(text))
    }

    /// A failure inside the library or the store. Its text names what failed; openmls keeps secrets out of its errors.
    pub(crate) fn library(error: impl std::fmt::Display) -> Self {
        Self::State(Cow::Owned(format!("the MLS library failed: {error}")))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::State(Cow::Owned(error.to_string()))
    }
}
