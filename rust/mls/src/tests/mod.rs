//! The crate held against itself: people with devices, groups in both suites, the node's tracker beside them, and commits that
//! only somebody who bypasses this crate can make.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::Path;
use std::sync::Arc;

use openmls::prelude::{CommitBuilder, Initial, MlsMessageOut};
use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::SigningKey;
use tls_codec::Serialize as _;

use crate::authenticated::{Authenticated, Quote};
use crate::change::Change;
use crate::error::Error;
use crate::group::{Group, Processed};
use crate::key_package;
use crate::message::MessageId;
use crate::policy::{check_group, Externals, Refusal};
use crate::store::{Row, Store};
use crate::suite::Suite;
use crate::tracker::Tracker;
use crate::PendingCommit;

mod commits;
mod crashes;
mod external;
mod forgery;
mod freshness;
mod groups;
mod joining;
mod key_packages;
mod leaves;
mod leaving;
mod messages;
mod noise;
mod paths;
mod permissions;
mod races;
mod revoking;
mod rules;
mod stored;
mod trackers;
mod verified;

const GROUP: [u8; 16] = [0xAB; 16];

/// Whoever may by the group's state, with nothing held against anybody.
const ANY: Externals<'static> = Externals::Except(&[]);

/// Where they stand in a `World` of these names; alice is the admin.
const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

fn id(n: u8) -> MessageId {
    [n; 16]
}

/// One device of an account, and its view of the group.
struct Person {
    name: String,
    identity: SigningKey,
    device: SigningKey,
    certificate: Vec<u8>,
    store: Arc<Store>,
    /// The rows as a database would hold them.
    disk: Vec<Row>,
    group: Option<Group>,
}

impl Person {
    fn new(name: &str) -> Self {
        Self::with_identity(name, SigningKey::generate().unwrap())
    }

    fn with_identity(name: &str, identity: SigningKey) -> Self {
        let device = SigningKey::generate().unwrap();
        let certificate = Certificate::issue(&identity, name, &device.public(), 1).unwrap();
        Self {
            name: name.to_owned(),
            identity,
            device,
            certificate,
            store: Arc::new(Store::new()),
            disk: Vec::new(),
            group: None,
        }
    }

    /// Another device of the same account.
    fn second_device(&self) -> Self {
        Self::with_identity(
            &self.name,
            SigningKey::from_seed(self.identity.seed()).unwrap(),
        )
    }

    fn key(&self) -> [u8; 32] {
        self.device.public()
    }

    fn group(&mut self) -> &mut Group {
        self.group.as_mut().unwrap()
    }

    fn key_package(&self, suite: Suite) -> Vec<u8> {
        let one = key_package::generate(&self.store, &self.device, &self.certificate, suite, 1);
        one.unwrap().remove(0)
    }

    fn join(&mut self, welcome: &[u8], tree: &[u8]) -> Result<(), Error> {
        self.group = Some(Group::join(&self.store, &self.device, welcome, tree)?);
        Ok(())
    }

    /// Writes the delta to disk; returns how many rows it had.
    fn save(&mut self) -> usize {
        if let Some(group) = &mut self.group {
            group.flush().unwrap();
        }
        let delta = self.store.take_delta().unwrap();
        let rows = delta.len();
        for (scope, key, value) in delta {
            self.disk.retain(|row| row.0 != scope || row.1 != key);
            self.disk.extend(value.map(|value| (scope, key, value)));
        }
        rows
    }

    /// A process that starts from what is on disk.
    fn restart(&mut self) {
        self.store = Arc::new(Store::new());
        self.store.load(self.disk.clone()).unwrap();
        self.group = Group::load(&self.store, &self.device, &GROUP).unwrap();
    }

    /// Takes in somebody else's commit.
    fn follow(&mut self, commit: &[u8]) -> Change {
        let Processed::Change(change) = self.group().process(commit, ANY).unwrap() else {
            panic!("not somebody else's commit");
        };
        self.group().merge(&change).unwrap();
        *change
    }

    fn reads(&mut self, message: &[u8]) -> Vec<u8> {
        match self.group().process(message, ANY).unwrap() {
            Processed::Application(application) => application.plaintext.to_vec(),
            other => panic!("not an application message: {other:?}"),
        }
    }

    fn refuses(&mut self, message: &[u8]) -> Error {
        self.group().process(message, ANY).unwrap_err()
    }

    /// The members that were computed are those of the tree.
    fn assert_sound(&self) {
        let group = self.group.as_ref().unwrap();
        assert_eq!(
            check_group(group.mls.public_group()).unwrap(),
            group.membership
        );
    }
}

/// A group of people, the first of whom made it and is its admin, and the node that follows.
struct World {
    suite: Suite,
    tracker: Tracker,
    people: Vec<Person>,
}

impl World {
    fn new(suite: Suite, names: &[&str]) -> Self {
        Self::of(suite, names.iter().map(|name| Person::new(name)).collect())
    }

    fn of(suite: Suite, mut people: Vec<Person>) -> Self {
        let first = &mut people[0];
        let group = Group::create(
            &first.store,
            &first.device,
            &first.certificate,
            &GROUP,
            suite,
        )
        .unwrap();
        let tracker =
            Tracker::from_group_info(&group.group_info().unwrap(), &group.tree().unwrap()).unwrap();
        first.group = Some(group);
        let mut world = Self {
            suite,
            tracker,
            people: Vec::new(),
        };
        let mut people = people.into_iter();
        world.people.extend(people.next());
        world.add(people.collect());
        for person in &mut world.people {
            person.save();
        }
        world
    }

    /// The first adds these, all in one commit.
    fn add(&mut self, mut people: Vec<Person>) {
        if people.is_empty() {
            return;
        }
        let packages: Vec<Vec<u8>> = people
            .iter()
            .map(|person| person.key_package(self.suite))
            .collect();
        let pending = self.people[0].group().commit_add(&packages, id(1)).unwrap();
        let tree = self.accept(0, &pending);
        for person in &mut people {
            person
                .join(pending.welcome.as_ref().unwrap(), &tree)
                .unwrap();
        }
        self.people.extend(people);
    }

    /// The node accepts a commit of `committer`, and everybody merges it. The tree of the new epoch.
    fn accept(&mut self, committer: usize, pending: &PendingCommit) -> Vec<u8> {
        let key = self.people[committer].key();
        let change = self
            .tracker
            .process(&pending.commit, &key, &pending.group_info, ANY)
            .unwrap();
        let tree = self.tracker.tree_after(&change).unwrap();
        self.tracker.merge(&change).unwrap();
        for (index, person) in self.people.iter_mut().enumerate() {
            if index == committer {
                person.group().merge_pending().unwrap();
            } else if person.group().active() {
                let seen = person.follow(&pending.commit);
                assert_eq!(seen.added(), change.added());
                assert_eq!(seen.removed(), change.removed());
                assert_eq!(seen.committer(), change.committer());
            }
        }
        self.assert_agreed();
        tree
    }

    /// All who are in are in the same epoch with the same secrets and members, and the node knows the same.
    fn assert_agreed(&self) {
        let active = self
            .people
            .iter()
            .filter(|person| person.group.as_ref().unwrap().active());
        let groups: Vec<&Group> = active
            .inspect(|person| person.assert_sound())
            .map(|person| person.group.as_ref().unwrap())
            .collect();
        for group in &groups {
            assert_eq!(group.epoch_authenticator(), groups[0].epoch_authenticator());
            assert_eq!(group.members(), self.tracker.members());
            assert_eq!(group.epoch(), self.tracker.epoch());
            assert_eq!(group.tree().unwrap(), self.tracker.tree().unwrap());
        }
    }

    /// A commit that only somebody who bypasses this crate can make.
    fn forge(
        &mut self,
        forger: usize,
        build: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
    ) -> PendingCommit {
        self.forge_quoting(forger, &[], build)
    }

    /// The same with quotes.
    fn forge_quoting(
        &mut self,
        forger: usize,
        quotes: &[Quote],
        build: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
    ) -> PendingCommit {
        let data = Authenticated::encode(id(66), quotes).unwrap();
        let forged = forgery::forge_saying(&mut self.people[forger], &data, build);
        self.people[forger].save();
        forged
    }

    /// The node and every other member refuse it, for this rule, and nothing of it sticks.
    fn all_refuse(&mut self, forger: usize, forged: &PendingCommit, rule: impl Fn() -> Refusal) {
        let key = self.people[forger].key();
        let at_node = self
            .tracker
            .process(&forged.commit, &key, &forged.group_info, ANY)
            .unwrap_err();
        assert_eq!(at_node, Error::Refused(rule()));
        for (index, person) in self.people.iter_mut().enumerate() {
            if index != forger {
                assert_eq!(person.refuses(&forged.commit), Error::Refused(rule()));
                assert_eq!(person.save(), 0);
            }
        }
    }
}

/// Where most rules are broken: an admin and two others.
fn world() -> World {
    World::new(Suite::Classical, &["alice", "bob", "carol"])
}

fn bytes(message: &MlsMessageOut) -> Vec<u8> {
    message.tls_serialize_detached().unwrap()
}

fn both_suites(test: impl Fn(Suite)) {
    Suite::ALL.into_iter().for_each(test);
}

fn hex(value: &serde_json::Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn vectors(name: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors/mls")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
