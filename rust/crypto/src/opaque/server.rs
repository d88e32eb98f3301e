//! The node's half: it answers, and never sees a password.

use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload,
    ServerLoginParameters, ServerRegistration, ServerSetup,
};
use zeroize::{Zeroize, Zeroizing};

use super::{
    exactly, identifiers, take, OpaqueError, Suite, CONTEXT, KE1, KE3, OUTPUT, RECORD,
    REGISTRATION_REQUEST, SETUP,
};
use crate::secret::{Generator, Secret};

/// The server's long-term secret. Lost, no password works any more.
pub struct Server(Box<ServerSetup<Suite>>);

impl Server {
    /// A new setup.
    pub fn generate() -> Self {
        Self(Box::new(ServerSetup::new(&mut Generator)))
    }

    /// The setup of [`Server::to_bytes`].
    pub fn from_bytes(setup: &[u8]) -> Result<Self, OpaqueError> {
        let setup = exactly::<SETUP>(setup)?;
        Ok(Self(Box::new(ServerSetup::deserialize(setup)?)))
    }

    /// 128 secret bytes.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut setup = self.0.serialize();
        let bytes = Zeroizing::new(setup.to_vec());
        setup.zeroize();
        bytes
    }

    /// Answers a registration request.
    pub fn registration_response(
        &self,
        username: &str,
        request: &[u8],
    ) -> Result<Vec<u8>, OpaqueError> {
        let request = RegistrationRequest::deserialize(exactly::<REGISTRATION_REQUEST>(request)?)?;
        let started = ServerRegistration::start(&self.0, request, username.as_bytes())?;
        Ok(started.message.serialize().to_vec())
    }

    /// The record of 192 bytes that an upload becomes.
    pub fn registration_record(upload: &[u8]) -> Result<Vec<u8>, OpaqueError> {
        let upload = RegistrationUpload::<Suite>::deserialize(exactly::<RECORD>(upload)?)?;
        Ok(ServerRegistration::finish(upload).serialize().to_vec())
    }

    /// KE2 for KE1, and the state that waits for KE3. Without a record the answer is a fake one (RFC 9807, section 6.3.2.2).
    pub fn start_login(
        &self,
        username: &str,
        record: Option<&[u8]>,
        request: &[u8],
        node: &[u8],
    ) -> Result<(Vec<u8>, ServerLogin), OpaqueError> {
        let record = match record {
            Some(record) => Some(ServerRegistration::deserialize(exactly::<RECORD>(record)?)?),
            None => None,
        };
        let request = CredentialRequest::deserialize(exactly::<KE1>(request)?)?;
        let started = opaque_ke::ServerLogin::start(
            &mut Generator,
            &self.0,
            record,
            request,
            username.as_bytes(),
            login_parameters(username, node),
        )?;
        let state = ServerLogin {
            state: Box::new(started.state),
            username: username.to_owned(),
            node: node.to_vec(),
        };
        Ok((started.message.serialize().to_vec(), state))
    }
}

/// The server's state between KE2 and KE3.
pub struct ServerLogin {
    state: Box<opaque_ke::ServerLogin<Suite>>,
    username: String,
    node: Vec<u8>,
}

impl ServerLogin {
    /// The session key, if the client knew the password.
    pub fn finish(self, ke3: &[u8]) -> Result<Secret<OUTPUT>, OpaqueError> {
        let ke3 = CredentialFinalization::deserialize(exactly::<KE3>(ke3)?)?;
        let parameters = login_parameters(&self.username, &self.node);
        let mut finished = self.state.finish(ke3, parameters)?;
        take(&mut finished.session_key)
    }
}

fn login_parameters<'a>(username: &'a str, node: &'a [u8]) -> ServerLoginParameters<'static, 'a> {
    ServerLoginParameters {
        context: Some(CONTEXT),
        identifiers: identifiers(username, node),
    }
}
