//! The client's half. It keeps the password until its second step, which needs it again.

use opaque_ke::{
    ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialResponse,
    RegistrationResponse,
};
use zeroize::Zeroizing;

use super::{
    exactly, identifiers, take, OpaqueError, Stretching, Suite, CONTEXT, KE2, OUTPUT,
    REGISTRATION_RESPONSE,
};
use crate::secret::{Generator, Secret};

/// The client's state between the request and the upload of a registration.
pub struct ClientRegistration {
    state: Box<opaque_ke::ClientRegistration<Suite>>,
    password: Zeroizing<Vec<u8>>,
}

impl ClientRegistration {
    /// The state, and the request of 32 bytes. A password has at most 65,535 bytes.
    pub fn start(password: &[u8]) -> Result<(Self, Vec<u8>), OpaqueError> {
        let kept = kept(password)?;
        let started = opaque_ke::ClientRegistration::start(&mut Generator, password)?;
        let state = Self {
            state: Box::new(started.state),
            password: kept,
        };
        Ok((state, started.message.serialize().to_vec()))
    }

    /// The upload of 192 bytes, and the export key.
    pub fn finish(
        self,
        response: &[u8],
        username: &str,
        node: &[u8],
        stretching: &Stretching,
    ) -> Result<(Vec<u8>, Secret<OUTPUT>), OpaqueError> {
        let response =
            RegistrationResponse::deserialize(exactly::<REGISTRATION_RESPONSE>(response)?)?;
        let parameters = ClientRegistrationFinishParameters::new(
            identifiers(username, node),
            Some(&stretching.0),
        );
        let mut finished =
            self.state
                .finish(&mut Generator, &self.password, response, parameters)?;
        let upload = finished.message.serialize().to_vec();
        Ok((upload, take(&mut finished.export_key)?))
    }
}

/// The client's state between KE1 and KE3.
pub struct ClientLogin {
    state: Box<opaque_ke::ClientLogin<Suite>>,
    password: Zeroizing<Vec<u8>>,
}

/// What a login gives the client.
pub struct LoggedIn {
    /// KE3, 64 bytes, for the server.
    pub ke3: Vec<u8>,
    /// The key shared with the server.
    pub session_key: Secret<OUTPUT>,
    /// The key that only the password's owner has; the same as at registration.
    pub export_key: Secret<OUTPUT>,
}

impl ClientLogin {
    /// The state, and KE1 of 96 bytes. A password has at most 65,535 bytes.
    pub fn start(password: &[u8]) -> Result<(Self, Vec<u8>), OpaqueError> {
        let kept = kept(password)?;
        let started = opaque_ke::ClientLogin::start(&mut Generator, password)?;
        let state = Self {
            state: Box::new(started.state),
            password: kept,
        };
        Ok((state, started.message.serialize().to_vec()))
    }

    /// Answers KE2, if this password, name and node are those of the record behind it.
    pub fn finish(
        self,
        response: &[u8],
        username: &str,
        node: &[u8],
        stretching: &Stretching,
    ) -> Result<LoggedIn, OpaqueError> {
        let response = CredentialResponse::deserialize(exactly::<KE2>(response)?)?;
        let parameters = ClientLoginFinishParameters::new(
            Some(CONTEXT),
            identifiers(username, node),
            Some(&stretching.0),
        );
        let mut finished =
            self.state
                .finish(&mut Generator, &self.password, response, parameters)?;
        Ok(LoggedIn {
            ke3: finished.message.serialize().to_vec(),
            session_key: take(&mut finished.session_key)?,
            export_key: take(&mut finished.export_key)?,
        })
    }
}

/// The library would refuse a longer one only at the end.
fn kept(password: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpaqueError> {
    u16::try_from(password.len()).map_err(|_| OpaqueError::Malformed)?;
    Ok(Zeroizing::new(password.to_vec()))
}
