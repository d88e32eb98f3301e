//! MLS (RFC 9420) as qnpc uses it.
//!
//! openmls does the protocol; this crate decides how it is used and what is allowed. A [`Group`] is one device's view of a
//! group, a [`Tracker`] the node's: the same [`policy`] judges the same commit for both, so a commit that the node passed on
//! is never refused by an honest client for what it says. All private state lives in a [`Store`] of rows that hands out its
//! changes, so that the caller commits them together with whatever else happened.
//!
//! Nothing here knows Python, a network or a file. Refusals are values with a reason; no secret is in any text or `Debug`.

#![forbid(unsafe_code)]

pub mod authenticated;
pub mod batch;
pub mod canonical;
pub mod change;
mod codec;
mod commit;
mod config;
mod credential;
mod digests;
pub mod error;
pub mod external;
pub mod group;
mod join;
pub mod key_package;
mod knowing;
pub mod leave;
pub mod member;
pub mod message;
pub mod passive;
pub mod policy;
mod provider;
mod refusals;
pub mod revocation;
mod roles;
#[cfg(feature = "simulation")]
mod simulation;
pub mod store;
pub mod suite;
pub mod tracker;
mod verified;
mod wire;

pub use authenticated::Quote;
pub use change::Change;
pub use commit::PendingCommit;
pub use error::Error;
pub use external::ExternalCommit;
pub use group::{Application, Group, OwnCommit, Processed};
pub use leave::LeaveRequest;
pub use member::Member;
pub use passive::PassiveClient;
pub use policy::{DeviceKey, Externals, Refusal};
pub use revocation::Revocation;
pub use store::Store;
pub use suite::Suite;
pub use tracker::Tracker;

#[cfg(test)]
mod tests;
