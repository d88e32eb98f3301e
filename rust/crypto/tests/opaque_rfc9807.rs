//! The test vectors of RFC 9807 (appendix C) for ristretto255, SHA-512 and 3DH, through the library that `opaque` builds on.
//!
//! The vectors stretch nothing (the identity function), fix all randomness and use another context, none of which the crate's own
//! interface offers. So this holds the library and the choice of its suite against the RFC; the framing above it is tested there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use opaque_ke::ksf::Identity;
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialRequest, Identifiers, Ristretto255, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh,
};
use rand::{CryptoRng, RngCore};
use serde_json::Value;

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Identity;
}

/// Gives out what it was told to, in order.
struct Told(Vec<u8>);

impl RngCore for Told {
    fn next_u32(&mut self) -> u32 {
        panic!("only bytes are drawn")
    }
    fn next_u64(&mut self) -> u64 {
        panic!("only bytes are drawn")
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Told {}

fn told(parts: &[Vec<u8>]) -> Told {
    Told(parts.concat())
}

/// A scalar is drawn as 64 bytes and reduced: a reduced one stays what it is when zeros follow.
fn scalar(mut blind: Vec<u8>) -> Vec<u8> {
    blind.resize(64, 0);
    blind
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn vectors() -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/opaque/opaque_ristretto255.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

struct Vector(Value);

impl Vector {
    fn input(&self, name: &str) -> Vec<u8> {
        hex(self.0["inputs"][name].as_str().unwrap())
    }

    fn output(&self, name: &str) -> Vec<u8> {
        hex(self.0["outputs"][name].as_str().unwrap())
    }

    fn optional(&self, name: &str) -> Option<Vec<u8>> {
        self.0["inputs"][name].as_str().map(hex)
    }

    fn setup(&self, dummy: &[u8]) -> ServerSetup<Suite> {
        let bytes = [
            self.input("oprf_seed"),
            self.input("server_private_key"),
            dummy.to_vec(),
        ]
        .concat();
        ServerSetup::deserialize(&bytes).unwrap()
    }

    fn context(&self) -> Vec<u8> {
        hex(self.0["config"]["Context"].as_str().unwrap())
    }
}

fn of(fake: &str) -> Vec<Vector> {
    let chosen: Vec<_> = vectors()
        .into_iter()
        .filter(|vector| vector["config"]["Fake"] == fake)
        .map(Vector)
        .collect();
    assert!(!chosen.is_empty());
    chosen
}

#[test]
fn registration_and_login() {
    for vector in of("False") {
        let setup = vector.setup(&vector.input("server_public_key"));
        let (client, server) = (
            vector.optional("client_identity"),
            vector.optional("server_identity"),
        );
        let identifiers = Identifiers {
            client: client.as_deref(),
            server: server.as_deref(),
        };
        let (password, name) = (
            vector.input("password"),
            vector.input("credential_identifier"),
        );
        let context = vector.context();

        let mut rng = told(&[scalar(vector.input("blind_registration"))]);
        let started = ClientRegistration::<Suite>::start(&mut rng, &password).unwrap();
        assert_eq!(
            started.message.serialize().to_vec(),
            vector.output("registration_request")
        );
        let answer = ServerRegistration::start(&setup, started.message, &name).unwrap();
        assert_eq!(
            answer.message.serialize().to_vec(),
            vector.output("registration_response")
        );
        let finished = started
            .state
            .finish(
                &mut told(&[vector.input("envelope_nonce")]),
                &password,
                answer.message,
                ClientRegistrationFinishParameters::new(identifiers, None),
            )
            .unwrap();
        assert_eq!(
            finished.message.serialize().to_vec(),
            vector.output("registration_upload")
        );
        assert_eq!(finished.export_key.to_vec(), vector.output("export_key"));
        let record = ServerRegistration::finish(finished.message);

        let mut rng = told(&[
            scalar(vector.input("blind_login")),
            vector.input("client_keyshare_seed"),
            vector.input("client_nonce"),
        ]);
        let started = ClientLogin::<Suite>::start(&mut rng, &password).unwrap();
        assert_eq!(started.message.serialize().to_vec(), vector.output("KE1"));
        let parameters = || ServerLoginParameters {
            context: Some(&context),
            identifiers,
        };
        let mut rng = told(&[
            vec![0; 64], // the masking key of a fake record, drawn always and not used here
            vector.input("masking_nonce"),
            vector.input("server_keyshare_seed"),
            vector.input("server_nonce"),
        ]);
        let answer = ServerLogin::start(
            &mut rng,
            &setup,
            Some(record),
            started.message,
            &name,
            parameters(),
        )
        .unwrap();
        assert_eq!(answer.message.serialize().to_vec(), vector.output("KE2"));
        let finished = started
            .state
            .finish(
                &mut told(&[]),
                &password,
                answer.message,
                ClientLoginFinishParameters::new(Some(&context), identifiers, None),
            )
            .unwrap();
        assert_eq!(finished.message.serialize().to_vec(), vector.output("KE3"));
        assert_eq!(finished.session_key.to_vec(), vector.output("session_key"));
        assert_eq!(finished.export_key.to_vec(), vector.output("export_key"));
        let session = answer.state.finish(finished.message, parameters()).unwrap();
        assert_eq!(session.session_key.to_vec(), vector.output("session_key"));
    }
}

#[test]
fn the_answer_for_an_unknown_account() {
    for vector in of("True") {
        let setup = vector.setup(&vector.input("client_public_key"));
        let (client, server) = (
            vector.optional("client_identity"),
            vector.optional("server_identity"),
        );
        let context = vector.context();
        let mut rng = told(&[
            vector.input("masking_key"),
            vector.input("masking_nonce"),
            vector.input("server_keyshare_seed"),
            vector.input("server_nonce"),
        ]);
        let answer = ServerLogin::start(
            &mut rng,
            &setup,
            None,
            CredentialRequest::deserialize(&vector.input("KE1")).unwrap(),
            &vector.input("credential_identifier"),
            ServerLoginParameters {
                context: Some(&context),
                identifiers: Identifiers {
                    client: client.as_deref(),
                    server: server.as_deref(),
                },
            },
        )
        .unwrap();
        assert_eq!(answer.message.serialize().to_vec(), vector.output("KE2"));
    }
}
