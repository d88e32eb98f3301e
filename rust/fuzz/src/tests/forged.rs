//! Seeds for what is signed or sealed by the property itself, out of the fixtures and of the seeds that stand: run after the others.

use std::fs;
use std::sync::Arc;

use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::SigningKey;
use qnpc_mls::{Group, Store, Suite};

use super::seeds::{key, seed};
use super::{corpus, files};
use crate::fixture;
use crate::forger::{secrets, NEWCOMER};

/// A signature of 64 bytes and a tag of 32, each as a vector.
const SIGNATURE: usize = 66;
const TAG: usize = 33;

/// A message without its header and without what comes after its content.
fn content(message: &[u8], after: usize) -> &[u8] {
    &message[4..message.len() - after]
}

#[test]
#[ignore = "writes to the corpora"]
fn seeds_of_forgers() {
    let raw: Vec<_> = files(&corpus("commit_at_node"));
    for (path, name) in raw.iter().map(|path| (path, path.file_name().unwrap())) {
        let bytes = fs::read(path).unwrap();
        let name = name.to_str().unwrap();
        if bytes[0] >> 1 == 0 && bytes.get(1..5) == Some(&[0, 1, 0, 1]) {
            let content = content(&bytes[1..], SIGNATURE + 2 * TAG);
            seed(
                "commit_at_node",
                &format!("{name}-signed"),
                &[&[bytes[0] | 2 << 1], content],
            );
        }
    }
    let device = SigningKey::from_seed(&NEWCOMER).unwrap();
    let certificate = Certificate::issue(&key(2), "bob", &device.public(), 1).unwrap();
    for suite in Suite::ALL {
        let name = format!("{suite:?}").to_lowercase();
        let which = u8::from(suite == Suite::Hybrid);
        let group = fixture::of(suite);
        let external = Group::external_commit(
            &Arc::new(Store::new()),
            &device,
            &certificate,
            &group.group_info,
            &group.tree,
            [3; 16],
            &[],
        )
        .unwrap();
        let said = content(&external.commit, SIGNATURE + TAG);
        seed(
            "commit_at_node",
            &format!("{name}-external"),
            &[&[which | 3 << 1], said],
        );
        seed(
            "message_at_member",
            &format!("{name}-external"),
            &[&[which | 1 << 1], said],
        );
        let next = content(&group.next_group_info, SIGNATURE);
        seed(
            "commit_at_node",
            &format!("{name}-info-signed"),
            &[&[which | 4 << 1], next],
        );
        let info = content(&group.group_info, SIGNATURE);
        seed(
            "group_info",
            &format!("{name}-signed"),
            &[&[which | 2 << 1], info],
        );
        seed(
            "welcome",
            &format!("{name}-secrets"),
            &[&[which | 2 << 1], &secrets()],
        );
        // In a Welcome a GroupInfo has no extension: the one that stands before tag and signer goes.
        let (front, tag) = next.split_at(next.len() - TAG - 4);
        let extensions = if suite == Suite::Hybrid { 1224 } else { 37 };
        let front = &front[..front.len() - extensions];
        seed(
            "welcome",
            &format!("{name}-info"),
            &[&[which | 3 << 1], front, &[0], tag],
        );
    }
}
