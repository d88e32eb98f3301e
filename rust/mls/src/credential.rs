//! The credential of a leaf: a BasicCredential whose identity is the device's certificate.
//!
//! The certificate names the device key, and the leaf signs with it: so a leaf cannot borrow another device's certificate, and
//! whoever trusts an account's identity key knows whose leaf it is.

use openmls::prelude::{BasicCredential, Credential, CredentialType, CredentialWithKey};
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
fn certificate(credential: &Credential) -> Result<Certificate, Refusal> {
    let basic = BasicCredential::try_from(credential.clone()).map_err(|_| Refusal::Credential)?;
    Certificate::parse(basic.identity()).map_err(Refusal::Certificate)
}

/// The same, spared where it is `known`: the very bytes that were verified when its leaf came into the tree.
pub(crate) fn certificate_or_known(
    credential: &Credential,
    known: Option<&Certificate>,
) -> Result<Certificate, Refusal> {
    let basic = credential.credential_type() == CredentialType::Basic;
    match known.filter(|known| basic && known.as_bytes() == credential.serialized_content()) {
        Some(known) => Ok(known.clone()),
        None => certificate(credential),
    }
}

/// The certificate of a leaf whose signature key is `signature_key`. `known` is the one that was there before, if any.
pub(crate) fn certificate_of(
    credential: &Credential,
    signature_key: &[u8],
    known: Option<&Certificate>,
) -> Result<Certificate, Refusal> {
    let certificate = certificate_or_known(credential, known)?;
    if certificate.device() != signature_key {
        return Err(Refusal::OtherDevice);
    }
    Ok(certificate)
}
