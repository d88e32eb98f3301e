//! Bytes into a group that exists, at a member and at the node: what is refused must leave it as it was.

use std::cell::RefCell;
use std::sync::Arc;

use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::SigningKey;
use qnpc_mls::store::Row;
use qnpc_mls::{key_package, Error, Externals, Group, Processed, Store, Tracker};

use crate::fixture::{pick, Fixture, GROUP};
use crate::forger::{self, ADMIN, NEWCOMER};

const ANY: Externals<'static> = Externals::Except(&[]);

fn store(rows: &[Row]) -> Arc<Store> {
    let store = Store::new();
    store.load(rows.iter().cloned()).unwrap();
    Arc::new(store)
}

fn device(seed: &[u8]) -> SigningKey {
    SigningKey::from_seed(seed.try_into().unwrap()).unwrap()
}

/// A failure of our own would be tried again for ever.
fn blames_the_bytes(error: &Error) {
    assert!(!matches!(error, Error::State(_)), "{error}");
}

fn unchanged(store: &Store) {
    assert!(store.take_delta().unwrap().is_empty(), "a row changed");
}

/// A member, and a store to which it writes.
struct Member {
    group: Group,
    store: Arc<Store>,
}

impl Member {
    fn of(fixture: &Fixture) -> Self {
        let store = store(&fixture.member_rows);
        let group = Group::load(&store, &device(&fixture.member), &GROUP);
        let group = group.unwrap().expect("the fixture holds a group");
        Self { group, store }
    }
}

thread_local! {
    /// Of either suite, as they were loaded, for as long as nothing was accepted.
    static MEMBERS: RefCell<[Option<Member>; 2]> = const { RefCell::new([None, None]) };
}

/// A message of the group's log: as it is, or an external commit that its committer signs.
pub(crate) fn message_at_member(data: &[u8]) {
    let Some((fixture, choice, bytes)) = pick(data) else {
        return;
    };
    let message = match choice & 1 {
        0 => bytes.to_vec(),
        _ => forger::public_message(fixture, &NEWCOMER, bytes),
    };
    MEMBERS.with_borrow_mut(|members| {
        let [classical, hybrid] = members;
        let place = if data.first().is_some_and(|first| first & 1 == 0) {
            classical
        } else {
            hybrid
        };
        let mut member = place.take().unwrap_or_else(|| Member::of(fixture));
        if member_refuses(&mut member, fixture, &message) {
            *place = Some(member);
        }
    });
}

/// Whether it was refused, and the member is as it was.
fn member_refuses(member: &mut Member, fixture: &Fixture, message: &[u8]) -> bool {
    let Member { group, store } = member;
    let (epoch, secret) = (group.epoch(), group.epoch_authenticator());
    let outcome = group.process(message, ANY);
    assert_eq!(group.epoch(), epoch);
    match outcome {
        Ok(Processed::Application(application)) => {
            assert!(application.plaintext.len() < message.len());
            group.flush().unwrap();
            false
        }
        Ok(Processed::Change(change)) => {
            assert_eq!(change.epoch(), epoch + 1);
            group.merge(&change).unwrap();
            assert_eq!(group.epoch(), epoch + 1);
            false
        }
        Ok(Processed::OwnCommit(_)) => panic!("nothing of our own is pending"),
        Err(error) => {
            blames_the_bytes(&error);
            assert_eq!(group.epoch_authenticator(), secret);
            group.flush().unwrap();
            unchanged(store);
            // In memory keys could be gone that the rows still have. Only a message that is encrypted comes near them.
            if message.get(..4) != Some(&[0, 1, 0, 2]) {
                return true;
            }
            let next = group.process(&fixture.said, ANY);
            assert!(matches!(next, Ok(Processed::Application(_))));
            false
        }
    }
}

/// A commit with its GroupInfo, as somebody posts them: the first byte says which of the two is foreign, and
/// whether a member signs what it says.
pub(crate) fn commit_at_node(data: &[u8]) {
    thread_local! {
        static TRACKERS: RefCell<[Option<Tracker>; 2]> = const { RefCell::new([None, None]) };
    }
    let Some((fixture, choice, bytes)) = pick(data) else {
        return;
    };
    TRACKERS.with_borrow_mut(|[classical, hybrid]| {
        let place = if data.first().is_some_and(|first| first & 1 == 0) {
            classical
        } else {
            hybrid
        };
        let tracker = place.get_or_insert_with(|| {
            Tracker::from_group_info(&fixture.group_info, &fixture.tree).unwrap()
        });
        let (valid, next) = (fixture.commit.clone(), fixture.next_group_info.clone());
        let newcomer = device(&NEWCOMER).public();
        let (commit, info, sender) = match choice % 5 {
            0 => (bytes.to_vec(), next, &fixture.committer[..]),
            1 => (valid, bytes.to_vec(), &fixture.committer[..]),
            2 => (
                forger::public_message(fixture, &ADMIN, bytes),
                next,
                &fixture.committer[..],
            ),
            3 => (
                forger::public_message(fixture, &NEWCOMER, bytes),
                next,
                &newcomer[..],
            ),
            _ => (
                valid,
                forger::group_info_message(bytes),
                &fixture.committer[..],
            ),
        };
        let (epoch, members) = (tracker.epoch(), tracker.members());
        match tracker.process(&commit, sender, &info, ANY) {
            Ok(change) => {
                assert_eq!(change.epoch(), epoch + 1);
                // From these two everybody begins who joins later, and the node itself when it starts again.
                let tree = tracker.tree_after(&change).unwrap();
                let after = Tracker::from_group_info(&info, &tree).unwrap();
                assert_eq!(after.epoch(), change.epoch());
            }
            Err(error) => blames_the_bytes(&error),
        }
        assert_eq!(tracker.epoch(), epoch);
        assert_eq!(tracker.members(), members);
        assert_eq!(tracker.tree().as_deref(), Ok(&fixture.tree[..]));
        let _ = tracker
            .leaver(bytes)
            .map_err(|error| blames_the_bytes(&error));
    });
}

/// A Welcome, what is sealed in it, or the tree beside it. A join that fails costs no key package.
pub(crate) fn welcome(data: &[u8]) {
    let Some((fixture, choice, bytes)) = pick(data) else {
        return;
    };
    let sealed = |secrets: &[u8], info: &[u8]| forger::welcome(fixture, secrets, info);
    let (welcome, tree) = match choice & 3 {
        0 => (bytes.to_vec(), &fixture.next_tree[..]),
        1 => (fixture.welcome.clone(), bytes),
        2 => (sealed(bytes, b"info"), &fixture.next_tree[..]),
        _ => (
            sealed(&forger::secrets(), &forger::group_info(bytes)),
            &fixture.next_tree[..],
        ),
    };
    let store = store(&fixture.joiner_rows);
    match Group::join(&store, &device(&fixture.joiner), &welcome, tree) {
        Ok(group) => assert!(group.active()),
        Err(error) => {
            blames_the_bytes(&error);
            unchanged(&store);
        }
    }
}

/// A GroupInfo, as it is or signed by a member, or the tree beside it: where the node begins to track, and where a device joins by itself.
pub(crate) fn group_info(data: &[u8]) {
    let Some((fixture, choice, bytes)) = pick(data) else {
        return;
    };
    let (info, tree) = match choice % 3 {
        0 => (bytes.to_vec(), &fixture.tree[..]),
        1 => (fixture.group_info.clone(), bytes),
        _ => (forger::group_info_message(bytes), &fixture.tree[..]),
    };
    match Tracker::from_group_info(&info, tree) {
        Ok(tracker) => assert_eq!(tracker.tree().as_deref(), Ok(tree)),
        Err(error) => blames_the_bytes(&error),
    }

    let device = device(&fixture.joiner);
    let identity = SigningKey::from_seed(&crate::crypto::SEED).unwrap();
    let certificate = Certificate::issue(&identity, "eve", &device.public(), 1).unwrap();
    let store = Arc::new(Store::new());
    let joined = Group::external_commit(&store, &device, &certificate, &info, tree, [1; 16], &[]);
    match joined {
        Ok(_) => panic!("a stranger may not join by itself"),
        Err(error) => blames_the_bytes(&error),
    }
    unchanged(&store);
}

/// A row that is not what was written: the second byte says which. Whatever loads may be wrong, and must be so without a panic.
pub(crate) fn row(data: &[u8]) {
    let Some((fixture, choice, bytes)) = pick(data) else {
        return;
    };
    let (member, joiner) = (&fixture.member_rows, &fixture.joiner_rows);
    let at = usize::from(choice) % (member.len() + joiner.len());
    let damaged = |rows: &[Row], at: usize| {
        let mut rows = rows.to_vec();
        if let Some((_, _, value)) = rows.get_mut(at) {
            *value = std::sync::Arc::new(bytes.to_vec().into());
        }
        store(&rows)
    };
    if let Some(at) = at.checked_sub(member.len()) {
        let store = damaged(joiner, at);
        let _ = key_package::stored(&store);
        let _ = Group::join(
            &store,
            &device(&fixture.joiner),
            &fixture.welcome,
            &fixture.next_tree,
        );
        return;
    }
    let load = || Group::load(&damaged(member, at), &device(&fixture.member), &GROUP);
    if let Ok(Some(mut group)) = load() {
        let _ = (group.tree(), group.group_info(), group.members());
        let _ = group.process(&fixture.said, ANY);
        let _ = group.encrypt(b"hello", [1; 16]);
    }
    if let Ok(Some(mut group)) = load() {
        if let Ok(Processed::Change(change)) = group.process(&fixture.commit, ANY) {
            let _ = group.merge(&change);
        }
        let _ = group.commit_update([2; 16]);
    }
}
