//! The credential of a leaf: a BasicCredential whose identity is the device's certificate.
//!
//! The certificate names the device key, and the leaf signs with it: so a leaf cannot borrow another device's certificate, and
//! whoever trusts an account's identity key knows whose leaf it is.

use openmls::prelude::{BasicCredential, Credential, CredentialWithKey};
use qnpc_crypto::certificate::Certificate;

use crate::policy::Refusal;

/// The credential to put into leaves of the device that `certificate` names.
pub(crate) fn credential(certificate: &Certificate) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(certificate.as_bytes().to_vec()).into(),
        signature_key: certificate.device().to_vec().into(),
    }
}

/// The certificate in a credential, verified in itself.
pub(crate) fn certificate(credential: &Credential) -> Result<Certificate, Refusal> {
    let basic = BasicCredential::try_from(credential.clone()).map_err(|_| Refusal::Credential)?;
    Certificate::parse(basic.identity()).map_err(Refusal::Certificate)
}

/// The certificate of a leaf whose signature key is `signature_key`.
pub(crate) fn certificate_of(
    credential: &Credential,
    signature_key: &[u8],
) -> Result<Certificate, Refusal> {
    let certificate = certificate(credential)?;
    if certificate.device() != signature_key {
        return Err(Refusal::OtherDevice);
    }
    Ok(certificate)
}
