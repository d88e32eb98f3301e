//! What must hold for bytes from strangers, as functions of those bytes that panic when it does not.
//!
//! libFuzzer looks for bytes that break one (`make fuzz`, the binary `fuzz`), and the tests run all of them over the corpora, so
//! that what was found once stays found. A property is more than "does not panic" where it can be: what parses is written the
//! same way again, what nobody sealed does not open, what is refused leaves the state as it was.

#![forbid(unsafe_code)]
// A broken property is a panic: that is how the fuzzer hears of it.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

mod crypto;
mod fixture;
mod forger;
mod group;
mod mls;
mod opaque;
#[cfg(test)]
mod tests;

/// What must hold for these bytes.
pub type Property = fn(&[u8]);

/// The targets: each has a corpus of its name.
pub const TARGETS: [(&str, Property); 21] = [
    ("authenticated_data", mls::authenticated_data),
    ("certificate", crypto::certificate),
    ("commit_at_node", group::commit_at_node),
    ("envelope", crypto::envelope),
    ("envelope_inside", crypto::envelope_inside),
    ("group_info", group::group_info),
    ("hpke", crypto::hpke),
    ("hybrid_key", crypto::hybrid_key),
    ("key_package", mls::key_package),
    ("leave_request", mls::leave_request),
    ("message", mls::message),
    ("message_at_member", group::message_at_member),
    ("opaque_login", opaque::login),
    ("opaque_registration", opaque::registration),
    ("opaque_setup", opaque::setup),
    ("revocation", mls::revocation),
    ("roles", mls::roles),
    ("row", group::row),
    ("safety_number", crypto::safety_number),
    ("vault", crypto::vault),
    ("welcome", group::welcome),
];

/// The target of this name.
pub fn target(name: &str) -> Option<Property> {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.map(|(_, property)| *property)
}
