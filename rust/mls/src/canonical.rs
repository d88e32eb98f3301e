//! Encodings that have no door of their own, read and written anew: for those who hold parser and writer against each other.
//!
//! Each has exactly one form, so what comes back is what went in or nothing.

use crate::authenticated::Authenticated;
use crate::roles::Roles;

/// The content of the roles extension.
pub fn roles(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(Roles::decode(bytes)?.encode())
}

/// Authenticated data: a message id, and what a commit quotes.
pub fn authenticated_data(bytes: &[u8]) -> Option<Vec<u8>> {
    let said = Authenticated::parse(bytes).ok()?;
    Authenticated::encode(said.message_id, &said.quotes)
}
