//! Reading messages in the clear, against the working group's messages and our own.

use openmls::prelude::MlsMessageBodyIn;
use tls_codec::Serialize as _;

use super::{hex, id, vectors, World};
use crate::error::Error;
use crate::message::{inspect, parse, Kind};
use crate::suite::Suite;
use crate::wire;

#[test]
fn every_kind_is_what_its_name_says() {
    let kinds = [
        ("mls_welcome", Kind::Welcome, false),
        ("mls_group_info", Kind::GroupInfo, false),
        ("mls_key_package", Kind::KeyPackage, false),
        ("public_message_application", Kind::Application, false),
        ("public_message_proposal", Kind::Proposal, false),
        ("public_message_commit", Kind::Commit, false),
    ];
    for vector in vectors("messages.json") {
        for (name, kind, private) in kinds {
            let info = inspect(&hex(&vector[name])).unwrap();
            assert_eq!((info.kind, info.private), (kind, private), "{name}");
        }
        assert!(inspect(&hex(&vector["private_message"])).unwrap().private);
    }
}

#[test]
fn the_fields_of_a_group_info_are_the_librarys() {
    for vector in vectors("messages.json") {
        let message = hex(&vector["mls_group_info"]);
        let info = wire::GroupInfo::parse(&message).unwrap();
        let MlsMessageBodyIn::GroupInfo(theirs) = parse(&message).unwrap().extract() else {
            panic!("not a group info");
        };
        assert_eq!(
            info.context,
            theirs.group_context().tls_serialize_detached().unwrap()
        );
        let types: Vec<u16> = theirs
            .extensions()
            .iter()
            .map(|extension| extension.extension_type().into())
            .collect();
        assert_eq!(info.extensions, types);
        for cut in [1, message.len() / 2, message.len() - 1] {
            assert_eq!(wire::GroupInfo::parse(&message[..cut]), None);
        }
        assert_eq!(wire::GroupInfo::parse(&[message, vec![0]].concat()), None);
    }
}

#[test]
fn vector_headers_are_the_working_groups() {
    for vector in vectors("deserialization.json") {
        let header = hex(&vector["vlbytes_header"]);
        let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
        if length <= 1 << 20 {
            let content = vec![1; length];
            assert_eq!(wire::vector(&content).unwrap(), [header, content].concat());
        }
    }
}

#[test]
fn our_messages_show_their_group_epoch_and_id() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let message = world.people[0].group().encrypt(b"hi", id(7)).unwrap();
    let info = inspect(&message).unwrap();
    assert_eq!(
        (info.kind, info.private, info.epoch),
        (Kind::Application, true, 1)
    );
    assert_eq!(
        (info.group_id, info.authenticated_data),
        (super::GROUP.to_vec(), id(7).to_vec())
    );

    let commit = world.people[0].group().commit_update(id(8)).unwrap();
    let info = inspect(&commit.commit).unwrap();
    assert_eq!(
        (info.kind, info.private, info.epoch),
        (Kind::Commit, false, 1)
    );
    assert_eq!(
        (info.group_id, info.authenticated_data),
        (super::GROUP.to_vec(), id(8).to_vec())
    );
    assert_eq!(inspect(&commit.group_info).unwrap().epoch, 2);
}

#[test]
fn the_length_of_what_is_said_is_hidden() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let alice = world.people[0].group();
    let lengths = [1, 100, 150].map(|length| alice.encrypt(&vec![0; length], id(1)).unwrap().len());
    assert_eq!(lengths, [lengths[0]; 3]);
}

#[test]
fn what_is_no_message_is_malformed() {
    for bytes in [&b""[..], b"hello", &[0, 1, 0, 1], &[0, 2, 0, 1]] {
        assert!(matches!(inspect(bytes), Err(Error::Malformed(_))));
    }
}
