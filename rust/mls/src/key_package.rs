//! KeyPackages: what others need to add a device to a group (RFC 9420, section 10).
//!
//! Each is for one use: joining deletes its private part. They live 83 days; nobody takes one that lives longer than 84.

use openmls::prelude::{KeyPackage, MlsMessageBodyIn, MlsMessageOut, ProtocolVersion};
use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::SigningKey;
use tls_codec::Serialize as _;

use crate::config;
use crate::credential::credential;
use crate::error::Error;
use crate::message;
use crate::policy::{check_fresh, check_key_package, Refusal};
use crate::provider::{crypto, DeviceSigner, Provider};
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
            .map(|_| one(store, device, &certificate, suite))
            .collect()
    })
}

fn one(
    store: &Store,
    device: &SigningKey,
    certificate: &Certificate,
    suite: Suite,
) -> Result<Vec<u8>, Error> {
    let provider = Provider::new(store)?;
    let bundle = KeyPackage::builder()
        .leaf_node_capabilities(config::capabilities())
        .key_package_lifetime(config::lifetime())
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
    let certificate = check_key_package(crypto()?, suite, &package)?;
    let reference = package.hash_ref(crypto()?).map_err(Error::library)?;
    Ok(Info {
        suite,
        certificate,
        reference: reference.as_slice().to_vec(),
        not_after: package.life_time().not_after(),
    })
}

/// A KeyPackage that somebody else made, to be added to a group of `suite` now.
pub(crate) fn validate(message: &[u8], suite: Suite) -> Result<KeyPackage, Error> {
    let package = verify(message)?;
    check_key_package(crypto()?, suite, &package)?;
    check_fresh(&package)?;
    Ok(package)
}

/// What the protocol itself asks: signatures, lifetime, distinct keys.
fn verify(message: &[u8]) -> Result<KeyPackage, Error> {
    let MlsMessageBodyIn::KeyPackage(package) = message::parse(message)?.extract() else {
        return Err(Error::Malformed("this is not a key package"));
    };
    let package = package.validate(crypto()?, ProtocolVersion::Mls10);
    package.map_err(refusals::key_package)
}
