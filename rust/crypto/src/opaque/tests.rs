//! Both halves against each other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;

const NODE: &[u8] = b"pin of the node";

fn quick() -> Stretching {
    Stretching::new(64, 1, 1).unwrap()
}

fn register(server: &Server, username: &str, password: &[u8]) -> (Vec<u8>, Secret<OUTPUT>) {
    let (state, request) = ClientRegistration::start(password).unwrap();
    let response = server.registration_response(username, &request).unwrap();
    let (upload, export_key) = state.finish(&response, username, NODE, &quick()).unwrap();
    (Server::registration_record(&upload).unwrap(), export_key)
}

#[test]
fn the_password_opens_a_session_and_the_same_export_key() {
    let server = Server::from_bytes(&Server::generate().to_bytes()).unwrap();
    let (record, export_key) = register(&server, "alice", b"right");
    assert_eq!(record.len(), RECORD);
    let (client, ke1) = ClientLogin::start(b"right").unwrap();
    let (ke2, waiting) = server
        .start_login("alice", Some(&record), &ke1, NODE)
        .unwrap();
    let done = client.finish(&ke2, "alice", NODE, &quick()).unwrap();
    assert_eq!(**done.export_key, **export_key);
    assert_eq!(**waiting.finish(&done.ke3).unwrap(), **done.session_key);
}

#[test]
fn wrong_password_name_node_and_stretching_are_all_the_same_refusal() {
    let server = Server::generate();
    let (record, _) = register(&server, "alice", b"right");
    let attempts = [
        (&b"wrong"[..], "alice", NODE, quick()),
        (b"right", "alicia", NODE, quick()),
        (b"right", "alice", b"another pin", quick()),
        (b"right", "alice", NODE, Stretching::new(65, 1, 1).unwrap()),
    ];
    for (password, username, node, stretching) in attempts {
        let (client, ke1) = ClientLogin::start(password).unwrap();
        let (ke2, _) = server
            .start_login("alice", Some(&record), &ke1, NODE)
            .unwrap();
        assert_eq!(
            client
                .finish(&ke2, username, node, &stretching)
                .unwrap_err(),
            OpaqueError::NotAuthentic
        );
    }
}

#[test]
fn a_record_answers_for_its_own_account_and_node_only() {
    let server = Server::generate();
    let (record, _) = register(&server, "alice", b"right");
    for (username, node) in [("mallory", NODE), ("alice", b"another pin")] {
        let (client, ke1) = ClientLogin::start(b"right").unwrap();
        let (ke2, _) = server
            .start_login(username, Some(&record), &ke1, node)
            .unwrap();
        assert_eq!(
            client.finish(&ke2, username, node, &quick()).unwrap_err(),
            OpaqueError::NotAuthentic
        );
    }
}

#[test]
fn an_unknown_account_looks_like_a_known_one_with_a_wrong_password() {
    let server = Server::generate();
    let (record, _) = register(&server, "alice", b"right");
    let (client, ke1) = ClientLogin::start(b"guess").unwrap();
    let (known, _) = server
        .start_login("alice", Some(&record), &ke1, NODE)
        .unwrap();
    let (fake, waiting) = server.start_login("nobody", None, &ke1, NODE).unwrap();
    assert_eq!(fake.len(), known.len());
    // The evaluation stays the same for a name, as a real account's does; the rest is fresh each time.
    let (again, _) = server.start_login("nobody", None, &ke1, NODE).unwrap();
    assert_eq!(fake[..32], again[..32]);
    assert_ne!(fake[32..64], again[32..64]);
    assert_eq!(
        client.finish(&fake, "nobody", NODE, &quick()).unwrap_err(),
        OpaqueError::NotAuthentic
    );
    assert_eq!(
        waiting.finish(&[0; KE3]).unwrap_err(),
        OpaqueError::NotAuthentic
    );
}

#[test]
fn lengths_are_exact() {
    let server = Server::generate();
    let (record, _) = register(&server, "alice", b"right");
    let longer = |bytes: &[u8]| [bytes, &[0]].concat();
    let (client, ke1) = ClientLogin::start(b"right").unwrap();
    let refused = OpaqueError::Malformed;
    assert_eq!(
        Server::from_bytes(&longer(&server.to_bytes())).unwrap_err(),
        refused
    );
    assert_eq!(
        Server::registration_record(&longer(&record)).unwrap_err(),
        refused
    );
    for (record, ke1) in [
        (longer(&record), ke1.clone()),
        (record.clone(), longer(&ke1)),
    ] {
        assert_eq!(
            server
                .start_login("alice", Some(&record), &ke1, NODE)
                .unwrap_err(),
            refused
        );
    }
    let (ke2, waiting) = server
        .start_login("alice", Some(&record), &ke1, NODE)
        .unwrap();
    assert_eq!(
        client
            .finish(&longer(&ke2), "alice", NODE, &quick())
            .unwrap_err(),
        refused
    );
    assert_eq!(waiting.finish(&[0; KE3 + 1]).unwrap_err(), refused);
    let (registration, request) = ClientRegistration::start(b"right").unwrap();
    assert_eq!(
        server
            .registration_response("alice", &longer(&request))
            .unwrap_err(),
        refused
    );
    assert_eq!(
        registration
            .finish(&[0; 65], "alice", NODE, &quick())
            .unwrap_err(),
        refused
    );
}

#[test]
fn parameters_out_of_range_are_refused_before_anything_is_allocated() {
    for (memory, iterations, lanes) in [
        (7, 1, 1),
        (64, 0, 1),
        (64, 1, 0),
        (64, 1, u32::MAX),
        (u32::MAX, 1, 1),
        (64, u32::MAX, 1),
        (64, 1, 9),
    ] {
        assert!(Stretching::new(memory, iterations, lanes).is_err());
    }
    assert_eq!(
        ClientLogin::start(&[0; 65_536]).unwrap_err(),
        OpaqueError::Malformed
    );
    assert_eq!(
        ClientRegistration::start(&[0; 65_536]).unwrap_err(),
        OpaqueError::Malformed
    );
}

#[test]
fn debug_prints_nothing_of_it() {
    let server = Server::generate();
    assert_eq!(format!("{server:?}"), "Server(..)");
    let (client, ke1) = ClientLogin::start(b"canary").unwrap();
    assert_eq!(format!("{client:?}"), "ClientLogin(..)");
    let (_, waiting) = server.start_login("a", None, &ke1, NODE).unwrap();
    assert_eq!(format!("{waiting:?}"), "ServerLogin(..)");
    let (client, _) = ClientRegistration::start(b"canary").unwrap();
    assert_eq!(format!("{client:?}"), "ClientRegistration(..)");
}
