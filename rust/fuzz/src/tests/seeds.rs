//! Where the corpora begin: what the crates themselves make, and the vectors of the MLS working group.
//!
//! Run with `cargo test -p qnpc-fuzz -- --ignored`. The groups of `fixtures/` are made with it, so whatever the corpora hold of the old
//! ones is refused afterwards, and no longer reaches as deep: it is for when the stored form has changed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::envelope;
use qnpc_crypto::fingerprint::SafetyNumber;
use qnpc_crypto::hpke::{self, Kem};
use qnpc_crypto::kem::{self, HybridKey};
use qnpc_crypto::opaque::{ClientLogin, ClientRegistration, Server};
use qnpc_crypto::signature::SigningKey;
use qnpc_crypto::vault;
use qnpc_mls::store::Row;
use qnpc_mls::{key_package, Error, Externals, Group, Processed, Quote, Revocation, Store, Suite};
use qnpc_mls::{LeaveRequest, PendingCommit};

use super::corpus;
use crate::crypto::{CONTEXT, SEED, VAULT_KEY};
use crate::fixture::{self, Fixture, GROUP};
use crate::opaque::{stretching, NODE, USERNAME};

pub(super) fn seed(target: &str, name: &str, parts: &[&[u8]]) {
    let directory = corpus(target);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(name), parts.concat()).unwrap();
}

pub(super) fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

#[test]
#[ignore = "writes to the corpora"]
fn seeds_of_the_crypto_crate() {
    let (identity, device) = (key(1), key(2));
    let certificate = Certificate::issue(&identity, "alice", &device.public(), 1).unwrap();
    seed("certificate", "alice", &[&certificate]);
    let long = Certificate::issue(&identity, &"\u{e9}".repeat(64), &device.public(), u64::MAX);
    seed("certificate", "longest", &[&long.unwrap()]);

    let recipient = HybridKey::from_seed(&SEED).unwrap();
    let public = recipient.public();
    let sealed = envelope::seal(&public, &device, &certificate, CONTEXT, b"hello");
    seed("envelope", "hello", &[&sealed.unwrap()]);
    let inside = [
        &[0, u8::try_from(certificate.len()).unwrap()],
        &certificate[..],
        &[0; 64],
    ]
    .concat();
    seed("envelope_inside", "not-signed", &[&inside, b"hello"]);
    seed(
        "vault",
        "empty",
        &[&vault::seal(&VAULT_KEY, &[], &[]).unwrap()],
    );
    seed(
        "vault",
        "hello",
        &[&vault::seal(&VAULT_KEY, b"argon2id", b"hello").unwrap()],
    );

    seed("hybrid_key", "public", &[&public]);
    seed(
        "hybrid_key",
        "encapsulation",
        &[&kem::encapsulate(&public).unwrap().1],
    );
    seed("hybrid_key", "seed", &[&SEED]);
    for kem in [Kem::X25519, Kem::XWing] {
        let public = kem.derive_key_pair(&SEED).unwrap().public;
        let (encapsulation, sealed) = hpke::seal(kem, &public, b"", &[], b"hello").unwrap();
        seed("hpke", &format!("{kem:?}"), &[&encapsulation, &sealed]);
        seed("hpke", &format!("{kem:?}-public"), &[&public]);
    }

    let keys = [1, 2].map(|n| key(n).public());
    let theirs = SafetyNumber::new(("bob", &keys[1]), ("alice", &keys[0])).unwrap();
    seed("safety_number", "theirs", &[&theirs.code()]);
    let ours = SafetyNumber::new(("alice", &keys[0]), ("bob", &keys[1])).unwrap();
    seed("safety_number", "ours", &[&ours.code()]);
}

#[test]
#[ignore = "writes to the corpora"]
fn seeds_of_the_password_protocol() {
    let server = Server::generate();
    seed("opaque_setup", "setup", &[server.to_bytes().as_slice()]);

    let (client, request) = ClientRegistration::start(b"password").unwrap();
    let response = server.registration_response(USERNAME, &request).unwrap();
    let (upload, _) = client
        .finish(&response, USERNAME, NODE, &stretching())
        .unwrap();
    seed("opaque_registration", "request", &[&request]);
    seed("opaque_registration", "response", &[&response]);
    seed("opaque_registration", "upload", &[&upload]);

    let (client, ke1) = ClientLogin::start(b"password").unwrap();
    let (ke2, _) = server
        .start_login(USERNAME, Some(&upload), &ke1, NODE)
        .unwrap();
    let (fake, _) = server.start_login(USERNAME, None, &ke1, NODE).unwrap();
    let ke3 = client
        .finish(&ke2, USERNAME, NODE, &stretching())
        .unwrap()
        .ke3;
    for (name, message) in [
        ("ke1", &ke1),
        ("ke2", &ke2),
        ("ke2-fake", &fake),
        ("ke3", &ke3),
        ("record", &upload),
    ] {
        seed("opaque_login", name, &[message]);
    }
}

#[test]
#[ignore = "writes to the corpora"]
fn seeds_of_vectors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/mls/messages.json");
    let vectors: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for (name, message) in vectors[0].as_object().unwrap() {
        let digits = message.as_str().unwrap().as_bytes();
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
        seed("message", name, &[&bytes]);
    }
}

/// One device and what it has.
struct Person {
    device: SigningKey,
    certificate: Vec<u8>,
    store: Arc<Store>,
}

impl Person {
    fn new(n: u8, name: &str) -> Self {
        let device = key(100 + n);
        let certificate = Certificate::issue(&key(n), name, &device.public(), 1).unwrap();
        Self {
            device,
            certificate,
            store: Arc::new(Store::new()),
        }
    }

    fn package(&self, suite: Suite) -> Vec<u8> {
        let made = key_package::generate(&self.store, &self.device, &self.certificate, suite, 1);
        made.unwrap().remove(0)
    }

    fn join(&self, welcome: &PendingCommit, tree: &[u8]) -> Group {
        Group::join(
            &self.store,
            &self.device,
            welcome.welcome.as_ref().unwrap(),
            tree,
        )
        .unwrap()
    }

    fn rows(&self) -> Vec<Row> {
        let delta = self.store.take_delta().unwrap().into_iter();
        delta
            .filter_map(|(scope, key, value)| Some((scope, key, value?)))
            .collect()
    }
}

fn follow(group: &mut Group, commit: &[u8]) {
    let Ok(Processed::Change(change)) = group.process(commit, Externals::Except(&[])) else {
        panic!("a commit");
    };
    group.merge(&change).unwrap();
}

#[test]
#[ignore = "writes to the corpora"]
fn seeds_of_groups() {
    for suite in Suite::ALL {
        let name = format!("{suite:?}").to_lowercase();
        let which = u8::from(suite == Suite::Hybrid);
        let [alice, bob, carol, dave, erin] = [
            (1, "alice"),
            (2, "bob"),
            (3, "carol"),
            (4, "dave"),
            (5, "erin"),
        ]
        .map(|(n, name)| Person::new(n, name));
        let mut group = Group::create(
            &alice.store,
            &alice.device,
            &alice.certificate,
            &GROUP,
            suite,
        )
        .unwrap();
        let added = group
            .commit_add(&[bob.package(suite), carol.package(suite)], [1; 16])
            .unwrap();
        group.merge_pending().unwrap();
        let tree = group.tree().unwrap();
        let (mut at_bob, mut at_carol) = (bob.join(&added, &tree), carol.join(&added, &tree));
        // Carol's own commit, so that her leaf is one that a leave request can name.
        let update = at_carol.commit_update([2; 16]).unwrap();
        at_carol.merge_pending().unwrap();
        follow(&mut group, &update.commit);
        follow(&mut at_bob, &update.commit);
        let (info, tree) = (group.group_info().unwrap(), group.tree().unwrap());
        at_bob.flush().unwrap();
        let member_rows = bob.rows();

        // All that could come next, each a commit of its own.
        let node = |label: &str, commit: &PendingCommit| {
            // What is decided above the suite is decided for both: the large suite's messages would only make the corpora large.
            if suite == Suite::Hybrid && !["update", "add"].contains(&label) {
                return;
            }
            seed(
                "commit_at_node",
                &format!("{name}-{label}"),
                &[&[which], &commit.commit],
            );
            seed(
                "message_at_member",
                &format!("{name}-{label}"),
                &[&[which], &commit.commit],
            );
        };
        let request = at_carol.leave_request().unwrap();
        let revocation = Revocation::issue(&key(3), &carol.device.public(), 2).unwrap();
        let leave = vec![Quote::Leave(LeaveRequest::parse(&request).unwrap())];
        let revoked = vec![Quote::Revocation(Revocation::parse(&revocation).unwrap())];
        let nobody: [[u8; 32]; 0] = [];
        type Make<'a> = &'a dyn Fn(&mut Group) -> Result<PendingCommit, Error>;
        let commits: [(&str, Make<'_>); 5] = [
            ("update", &|group| group.commit_update([3; 16])),
            ("remove", &|group| {
                group.commit_remove(&[carol.device.public()], [4; 16])
            }),
            ("leave", &|group| {
                group.commit_remove_quoting(&nobody, leave.clone(), [5; 16])
            }),
            ("revoke", &|group| {
                group.commit_remove_quoting(&nobody, revoked.clone(), [6; 16])
            }),
            ("roles", &|group| {
                group.commit_roles(&[key(2).public()], &[], [6; 16])
            }),
        ];
        for (label, make) in commits {
            node(label, &make(&mut group).unwrap());
            group.clear_pending().unwrap();
        }
        let said = group.encrypt(b"hello", [7; 16]).unwrap();
        let more = group.encrypt(&[0; 300], [8; 16]).unwrap();
        let package = dave.package(suite);
        let commit = group
            .commit_add(std::slice::from_ref(&package), [9; 16])
            .unwrap();
        group.merge_pending().unwrap();
        let next_tree = group.tree().unwrap();
        node("add", &commit);

        seed(
            "message_at_member",
            &format!("{name}-said"),
            &[&[which], &said],
        );
        seed(
            "message_at_member",
            &format!("{name}-more"),
            &[&[which], &more],
        );
        seed(
            "commit_at_node",
            &format!("{name}-info"),
            &[&[which | 2], &commit.group_info],
        );
        seed(
            "commit_at_node",
            &format!("{name}-request"),
            &[&[which], &request],
        );
        let welcome = commit.welcome.clone().unwrap();
        seed("welcome", &format!("{name}-welcome"), &[&[which], &welcome]);
        seed(
            "welcome",
            &format!("{name}-tree"),
            &[&[which | 2], &next_tree],
        );
        seed("group_info", &format!("{name}-info"), &[&[which], &info]);
        seed(
            "group_info",
            &format!("{name}-tree"),
            &[&[which | 2], &tree],
        );
        for (label, message) in [
            ("said", &said),
            ("commit", &commit.commit),
            ("info", &info),
            ("welcome", &welcome),
            ("package", &package),
        ] {
            seed("message", &format!("{name}-{label}"), &[message]);
        }
        seed("key_package", &name, &[&package]);
        let last =
            key_package::generate_last_resort(&erin.store, &erin.device, &erin.certificate, suite);
        seed(
            "key_package",
            &format!("{name}-last-resort"),
            &[&last.unwrap()],
        );
        seed("leave_request", &name, &[&request]);
        seed("revocation", &name, &[&revocation]);
        let quoted = |kind: u8, content: &[u8]| {
            [&[kind, 0x40, u8::try_from(content.len()).unwrap()], content].concat()
        };
        let quotes = [quoted(1, &request), quoted(2, &revocation)].concat();
        let length = u16::try_from(quotes.len()).unwrap() | 0x4000;
        seed(
            "authenticated_data",
            &name,
            &[&[5; 16], &[1], &length.to_be_bytes(), &quotes],
        );
        seed("authenticated_data", "id", &[&[5; 16]]);
        seed("roles", "one", &[&[1, 32], &[1; 32]]);
        seed("roles", "two", &[&[1, 0x40, 64], &[1; 32], &[2; 32]]);

        let joiner_rows = dave.rows();
        for (at, (_, _, value)) in member_rows.iter().chain(&joiner_rows).enumerate() {
            let choice = u8::try_from(at).unwrap() << 1 | which;
            seed("row", &format!("{name}-{at}"), &[&[choice], value]);
        }
        fixture::write(
            suite,
            &Fixture {
                member: bob.device.seed().to_vec(),
                member_rows,
                group_info: info,
                tree,
                said,
                committer: alice.device.public().to_vec(),
                commit: commit.commit,
                next_group_info: commit.group_info,
                joiner: dave.device.seed().to_vec(),
                joiner_rows,
                welcome,
                next_tree,
            },
        );
    }
}
