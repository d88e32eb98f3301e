//! The password protocol: every message, on the side that receives it.

use std::sync::OnceLock;

use qnpc_crypto::opaque::{ClientLogin, ClientRegistration, Server, Stretching, RECORD, SETUP};

pub(crate) const USERNAME: &str = "alice";
pub(crate) const NODE: &[u8] = b"pin";
const PASSWORD: &[u8] = b"correct horse";

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::generate)
}

/// As cheap as the library allows: how long stretching takes is not what is asked here.
pub(crate) fn stretching() -> Stretching {
    Stretching::new(8, 1, 1).unwrap()
}

/// A setup is written as it was read.
pub(crate) fn setup(data: &[u8]) {
    match Server::from_bytes(data) {
        Ok(server) => {
            assert_eq!(data.len(), SETUP);
            assert_eq!(server.to_bytes().as_slice(), data);
            let (_, request) = ClientRegistration::start(PASSWORD).unwrap();
            let _ = server.registration_response(USERNAME, &request);
            let (_, ke1) = ClientLogin::start(PASSWORD).unwrap();
            let _ = server.start_login(USERNAME, None, &ke1, NODE);
        }
        Err(_) if data.len() == SETUP => {}
        Err(_) => assert_ne!(data.len(), SETUP),
    }
}

/// Request, response and upload. A record is its upload.
pub(crate) fn registration(data: &[u8]) {
    if let Ok(response) = server().registration_response(USERNAME, data) {
        assert_eq!(response.len(), 64);
        let again = server().registration_response(USERNAME, data);
        assert_eq!(
            again,
            Ok(response),
            "the answer is a function of the request"
        );
    }
    let (client, _) = ClientRegistration::start(PASSWORD).unwrap();
    if let Ok((upload, _)) = client.finish(data, USERNAME, NODE, &stretching()) {
        assert_eq!(upload.len(), RECORD);
    }
    if let Ok(record) = Server::registration_record(data) {
        assert_eq!(record, data);
    }
}

/// KE1, KE2, KE3 and a record that came out of a damaged database. A session that was begun a moment ago ends with no bytes from before.
pub(crate) fn login(data: &[u8]) {
    let (client, ke1) = ClientLogin::start(PASSWORD).unwrap();
    assert!(client.finish(data, USERNAME, NODE, &stretching()).is_err());

    let (_, login) = server().start_login(USERNAME, None, &ke1, NODE).unwrap();
    assert!(login.finish(data).is_err());

    if let Ok((ke2, login)) = server().start_login(USERNAME, None, data, NODE) {
        assert_eq!(ke2.len(), 320);
        assert!(login.finish(data).is_err());
    }

    if let Ok((ke2, login)) = server().start_login(USERNAME, Some(data), &ke1, NODE) {
        assert_eq!(data.len(), RECORD);
        let (client, _) = ClientLogin::start(PASSWORD).unwrap();
        assert!(client.finish(&ke2, USERNAME, NODE, &stretching()).is_err());
        assert!(login.finish(&[0; 64]).is_err());
    }
}
