//! A small group in each suite, made once and kept in `fixtures/`: bytes that a run found then mean the same in every other.
//!
//! It holds the private keys of people who do not exist. A file is a list of fields, each behind its length in four bytes; rows are
//! a field of fields.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use qnpc_mls::store::Row;
use qnpc_mls::Suite;
use zeroize::Zeroizing;

/// A group of three at one epoch, what comes next, and somebody who was invited.
pub(crate) struct Fixture {
    /// Seed of the device of a member, and its rows.
    pub member: Vec<u8>,
    pub member_rows: Vec<Row>,
    /// The group as the node knows it.
    pub group_info: Vec<u8>,
    pub tree: Vec<u8>,
    /// What the member can read next: something said, and a commit of the device `committer` with the GroupInfo after it.
    pub said: Vec<u8>,
    pub committer: Vec<u8>,
    pub commit: Vec<u8>,
    pub next_group_info: Vec<u8>,
    /// Seed of the device of somebody whose key package that commit adds, its rows, and what it needs to join.
    pub joiner: Vec<u8>,
    pub joiner_rows: Vec<Row>,
    pub welcome: Vec<u8>,
    pub next_tree: Vec<u8>,
}

pub(crate) const GROUP: [u8; 16] = [0xAB; 16];

fn path(suite: Suite) -> PathBuf {
    let name = format!("{suite:?}").to_lowercase();
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// The group of this suite.
pub(crate) fn of(suite: Suite) -> &'static Fixture {
    static FIXTURES: [OnceLock<Fixture>; 2] = [OnceLock::new(), OnceLock::new()];
    let [classical, hybrid] = &FIXTURES;
    let place = match suite {
        Suite::Classical => classical,
        Suite::Hybrid => hybrid,
    };
    place.get_or_init(|| read(&std::fs::read(path(suite)).expect("the fixtures are there")))
}

/// The suite that the first byte picks, so that one corpus is for both.
pub(crate) fn pick(data: &[u8]) -> Option<(&'static Fixture, u8, &[u8])> {
    let (first, rest) = data.split_first()?;
    let [classical, hybrid] = Suite::ALL;
    let suite = if first & 1 == 0 { classical } else { hybrid };
    Some((of(suite), first >> 1, rest))
}

fn fields(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (field, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        fields.push(field.to_vec());
        bytes = rest;
    }
    fields
}

fn rows(bytes: &[u8]) -> Vec<Row> {
    let fields = fields(bytes);
    let (triples, []) = fields.as_chunks::<3>() else {
        panic!("a row has three parts")
    };
    let rows = triples.iter().cloned();
    rows.map(|[scope, key, value]| (scope, key, Zeroizing::new(value).into()))
        .collect()
}

fn read(bytes: &[u8]) -> Fixture {
    let mut fields = fields(bytes).into_iter();
    let mut next = || fields.next().expect("a field for each part");
    Fixture {
        member: next(),
        member_rows: rows(&next()),
        group_info: next(),
        tree: next(),
        said: next(),
        committer: next(),
        commit: next(),
        next_group_info: next(),
        joiner: next(),
        joiner_rows: rows(&next()),
        welcome: next(),
        next_tree: next(),
    }
}

#[cfg(test)]
pub(crate) fn write(suite: Suite, fixture: &Fixture) {
    let rows = |rows: &[Row]| {
        let parts = rows
            .iter()
            .flat_map(|(scope, key, value)| [&scope[..], &key[..], &value[..]]);
        joined(parts)
    };
    let (member_rows, joiner_rows) = (rows(&fixture.member_rows), rows(&fixture.joiner_rows));
    let parts = [
        &fixture.member,
        &member_rows,
        &fixture.group_info,
        &fixture.tree,
        &fixture.said,
        &fixture.committer,
        &fixture.commit,
        &fixture.next_group_info,
        &fixture.joiner,
        &joiner_rows,
        &fixture.welcome,
        &fixture.next_tree,
    ];
    let file = path(suite);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, joined(parts.map(Vec::as_slice))).unwrap();
}

#[cfg(test)]
fn joined<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    bytes
}
