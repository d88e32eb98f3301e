//! What MLS reads without a group at hand.

use qnpc_mls::message::{self, Kind};
use qnpc_mls::{canonical, key_package, Error, LeaveRequest, Revocation};

/// Its parts are no longer than it is, and a message is what one of the doors takes.
pub(crate) fn message(data: &[u8]) {
    match message::inspect(data) {
        Ok(info) => {
            assert!(info.group_id.len() + info.authenticated_data.len() < data.len());
            assert!(info.message_id().len() <= 16);
            assert!(!info.private || info.kind != Kind::Welcome);
        }
        Err(error) => assert!(matches!(error, Error::Malformed(_)), "{error}"),
    }
    if key_package::inspect(data).is_ok() {
        assert_eq!(
            message::inspect(data).map(|info| info.kind),
            Ok(Kind::KeyPackage)
        );
    }
}

/// What is wrong with it is wrong with it, and not with us.
pub(crate) fn key_package(data: &[u8]) {
    match key_package::inspect(data) {
        Ok(info) => {
            crate::crypto::certificate(info.certificate.as_bytes());
            assert_eq!(info.reference.len(), 32);
            assert_eq!(key_package::inspect(data), Ok(info));
        }
        Err(error) => assert!(!matches!(error, Error::State(_)), "{error}"),
    }
}

/// One form, of a fixed length.
pub(crate) fn revocation(data: &[u8]) {
    if let Ok(revocation) = Revocation::parse(data) {
        assert_eq!(revocation.as_bytes(), data);
        let fields = [
            &[1][..],
            &revocation.identity_key(),
            &revocation.device(),
            &revocation.revoked().to_be_bytes(),
            data.last_chunk::<64>().unwrap(),
        ];
        assert_eq!(fields.concat(), data);
    }
}

/// One form, of a fixed length.
pub(crate) fn leave_request(data: &[u8]) {
    if let Ok(request) = LeaveRequest::parse(data) {
        assert_eq!(request.as_bytes(), data);
        assert_eq!(data.len(), 145);
        assert_eq!(data.get(17..49), Some(&request.device()[..]));
    }
}

/// What is read is written the same way.
pub(crate) fn authenticated_data(data: &[u8]) {
    if let Some(written) = canonical::authenticated_data(data) {
        assert_eq!(written, data);
    }
}

/// What is read is written the same way.
pub(crate) fn roles(data: &[u8]) {
    if let Some(written) = canonical::roles(data) {
        assert_eq!(written, data);
    }
}
