//! OPAQUE (RFC 9807): a password proves itself without being shown, in the suite ristretto255, SHA-512, 3DH, Argon2id.
//!
//! The username is the credential identifier and the client's identity, the node's pin is the server's identity; both enter at
//! registration and at login, so a record answers for one account at one node. The stretching runs on the client. A wrong
//! password, a wrong name and a record of somebody else look the same: [`OpaqueError::NotAuthentic`].
//!
//! States are consumed by the step that uses them, and wiped.

use core::fmt;

use argon2::{Algorithm, Params, Version};
use opaque_ke::errors::ProtocolError;
use opaque_ke::{Identifiers, Ristretto255, TripleDh};
use sha2::Sha512;
use zeroize::Zeroize;

use crate::secret::Secret;

mod client;
mod server;
#[cfg(test)]
mod tests;

pub use client::{ClientLogin, ClientRegistration, LoggedIn};
pub use server::{Server, ServerLogin};

/// Bytes of a server's setup.
pub const SETUP: usize = 128;
/// Bytes of what a server stores for an account.
pub const RECORD: usize = 192;
/// Bytes of a session key and of an export key.
pub const OUTPUT: usize = 64;

const REGISTRATION_REQUEST: usize = 32;
const REGISTRATION_RESPONSE: usize = 64;
const KE1: usize = 96;
const KE2: usize = 320;
const KE3: usize = 64;

const CONTEXT: &[u8] = b"qnpc/v1";

/// Bounds of the stretching: more than anybody's machine has, less than what makes an allocation abort the process.
const MEMORY_KIB: u32 = 4 * 1024 * 1024;
const ITERATIONS: u32 = 1024;
const PARALLELISM: u32 = 255;

struct Suite;

impl opaque_ke::CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = argon2::Argon2<'static>;
}

/// Why a step was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpaqueError {
    /// A message, a name or a parameter is out of range.
    #[error("the message or parameter of the password protocol is malformed")]
    Malformed,
    /// The password, the name or the other side is not the right one.
    #[error("the password or the name does not fit")]
    NotAuthentic,
}

impl<T> From<ProtocolError<T>> for OpaqueError {
    fn from(error: ProtocolError<T>) -> Self {
        match error {
            ProtocolError::InvalidLoginError | ProtocolError::ReflectedValueError => {
                Self::NotAuthentic
            }
            _ => Self::Malformed,
        }
    }
}

/// Argon2id parameters (RFC 9106).
#[derive(Clone)]
pub struct Stretching(argon2::Argon2<'static>);

impl Stretching {
    /// `memory_kib` is at least 8 per lane and at most 4 GiB, `iterations` 1 to 1,024, `parallelism` 1 to 255 lanes.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, OpaqueError> {
        if memory_kib > MEMORY_KIB || iterations > ITERATIONS || parallelism > PARALLELISM {
            return Err(OpaqueError::Malformed);
        }
        let parameters = Params::new(memory_kib, iterations, parallelism, None)
            .map_err(|_| OpaqueError::Malformed)?;
        Ok(Self(argon2::Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            parameters,
        )))
    }
}

macro_rules! print_nothing {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
print_nothing!(
    Server,
    ServerLogin,
    ClientRegistration,
    ClientLogin,
    LoggedIn
);

fn identifiers<'a>(username: &'a str, node: &'a [u8]) -> Identifiers<'a> {
    Identifiers {
        client: Some(username.as_bytes()),
        server: Some(node),
    }
}

/// The library reads what it needs and ignores the rest; here the rest is refused.
fn exactly<const N: usize>(message: &[u8]) -> Result<&[u8], OpaqueError> {
    if message.len() == N {
        Ok(message)
    } else {
        Err(OpaqueError::Malformed)
    }
}

/// Moves a key out of the library's hands and wipes what it leaves there.
fn take(key: &mut [u8]) -> Result<Secret<OUTPUT>, OpaqueError> {
    let secret = Secret::from_slice(key).ok_or(OpaqueError::Malformed);
    key.zeroize();
    secret
}
