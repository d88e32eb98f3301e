//! KeyPackages: what others need to add a device to a group (RFC 9420, section 10).
//!
//! Each is for one use: joining deletes its private part. The last resort, of which a device has one per suite for when the others have run
//! out, is for many, and keeps it. They live 83 days; nobody takes one that lives longer than 84. A device that makes new ones finds the
//! old ones in its store, and deletes them when no Welcome can be on the way any more.

use openmls::prelude::{
    KeyPackage, KeyPackageBundle, KeyPackageRef, MlsMessageBodyIn, MlsMessageOut, ProtocolVersion,
};
use openmls_traits::storage::StorageProvider as _;
use openmls_traits::OpenMlsProvider as _;
use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::SigningKey;
use tls_codec::Serialize as _;

use crate::config;
use crate::credential::credential;
use crate::error::Error;
use crate::message;
use crate::policy::{check_fresh, check_key_package, Refusal};
use crate::provider::{DeviceSigner, Provider, CRYPTO};
use crate::refusals;
use crate::store::Store;
use crate::suite::Suite;

/// A validated KeyPackage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its suite.
    pub suite: Suite,
    /// The certificate of the device that it is for.
    pub certificate: Certificate,
    /// Its hash reference (RFC 9420, section 5.2).
    pub reference: Vec<u8>,
    /// When it expires, Unix seconds.
    pub not_after: u64,
    /// Whether it may be used more than once.
    pub last_resort: bool,
}

/// A KeyPackage of our own whose private part is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its suite.
    pub suite: Suite,
    /// Its hash reference (RFC 9420, section 5.2).
    pub reference: Vec<u8>,
    /// When it expires, Unix seconds.
    pub not_after: u64,
    /// Whether it may be used more than once.
    pub last_resort: bool,
}

/// Makes `count` KeyPackages as MLSMessages. Their private parts go to the store.
pub fn generate(
    store: &Store,
    device: &SigningKey,
    certificate: &[u8],
    suite: Suite,
    count: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let certificate = own_certificate(device, certificate)?;
    store.atomically(|| {
        (0..count)
            .map(|_| one(store, device, &certificate, suite, false))
            .collect()
    })
}

/// Makes the KeyPackage to be used when there is no other. Its private part stays in the store until it is deleted.
pub fn generate_last_resort(
    store: &Store,
    device: &SigningKey,
    certificate: &[u8],
    suite: Suite,
) -> Result<Vec<u8>, Error> {
    let certificate = own_certificate(device, certificate)?;
    store.atomically(|| one(store, device, &certificate, suite, true))
}

fn one(
    store: &Store,
    device: &SigningKey,
    certificate: &Certificate,
    suite: Suite,
    last_resort: bool,
) -> Result<Vec<u8>, Error> {
    let provider = Provider::new(store);
    let builder = KeyPackage::builder().key_package_lifetime(config::lifetime());
    let builder = match last_resort {
        false => builder.leaf_node_capabilities(config::capabilities()),
        true => builder
            .leaf_node_capabilities(config::last_resort_capabilities())
            .mark_as_last_resort(),
    };
    let bundle = builder
        .build(
            suite.ciphersuite(),
            &provider,
            &DeviceSigner(device),
            credential(certificate),
        )
        .map_err(Error::library)?;
    let message = MlsMessageOut::from(bundle.into_key_package());
    message.tls_serialize_detached().map_err(Error::library)
}

/// The KeyPackages whose private parts are in the store.
pub fn stored(store: &Store) -> Result<Vec<Stored>, Error> {
    let bundles = bundles(store)?;
    let stored = bundles.iter().map(|(reference, package)| {
        let suite = Suite::of(package.ciphersuite());
        Ok(Stored {
            suite: suite.ok_or_else(|| Error::state("a stored key package is of no suite here"))?,
            reference: reference.as_slice().to_vec(),
            not_after: package.life_time().not_after(),
            last_resort: package.last_resort(),
        })
    });
    stored.collect()
}

/// Deletes the private parts of KeyPackages by their references. A Welcome for one of them opens no more. How many there were.
pub fn delete<B: AsRef<[u8]>>(store: &Store, references: &[B]) -> Result<usize, Error> {
    store.atomically(|| {
        let provider = Provider::new(store);
        let mut deleted = 0;
        for (reference, _) in bundles(store)? {
            let mut named = references.iter().map(AsRef::as_ref);
            if named.any(|name| name == reference.as_slice()) {
                provider.storage().delete_key_package(&reference)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    })
}

fn bundles(store: &Store) -> Result<Vec<(KeyPackageRef, KeyPackage)>, Error> {
    let crypto = &CRYPTO;
    let bundles: Vec<KeyPackageBundle> = store.key_packages()?;
    let packages = bundles.into_iter().map(KeyPackageBundle::into_key_package);
    packages
        .map(|package| {
            let reference = package.hash_ref(crypto);
            Ok((reference.map_err(Error::library)?, package))
        })
        .collect()
}

/// The certificate that is to go into leaves of `device`.
pub(crate) fn own_certificate(
    device: &SigningKey,
    certificate: &[u8],
) -> Result<Certificate, Error> {
    match Certificate::parse(certificate) {
        Ok(certificate) if certificate.device() == device.public() => Ok(certificate),
        Ok(_) => Err(Error::Malformed("the certificate is for another device")),
        Err(_) => Err(Error::Malformed("the certificate does not verify")),
    }
}

/// Validates a KeyPackage: signatures, lifetime, certificate, capabilities, and that its keys can be used.
pub fn inspect(message: &[u8]) -> Result<Info, Error> {
    let package = verify(message)?;
    let suite = Suite::of(package.ciphersuite()).ok_or(Refusal::Suite)?;
    let certificate = check_key_package(&CRYPTO, suite, &package)?;
    let reference = package.hash_ref(&CRYPTO).map_err(Error::library)?;
    Ok(Info {
        suite,
        certificate,
        reference: reference.as_slice().to_vec(),
        not_after: package.life_time().not_after(),
        last_resort: package.last_resort(),
    })
}

/// A KeyPackage that somebody else made, to be added to a group of `suite` now.
pub(crate) fn validate(message: &[u8], suite: Suite) -> Result<KeyPackage, Error> {
    let package = verify(message)?;
    check_key_package(&CRYPTO, suite, &package)?;
    check_fresh(&package)?;
    Ok(package)
}

/// What the protocol itself asks: signatures, lifetime, distinct keys.
fn verify(message: &[u8]) -> Result<KeyPackage, Error> {
    let MlsMessageBodyIn::KeyPackage(package) = message::parse(message)?.extract() else {
        return Err(Error::Malformed("this is not a key package"));
    };
    let package = package.validate(&CRYPTO, ProtocolVersion::Mls10);
    package.map_err(refusals::key_package)
}
