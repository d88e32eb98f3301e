//! The node's side: what it follows, and what it must not believe.

use openmls::prelude::{
    Extension, Extensions, GroupContext, GroupId, MlsGroup, MlsGroupCreateConfig,
};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::Serialize as _;

use super::forgery::{forge, own};
use super::{both_suites, bytes, id, Person, World, ALICE, ANY, BOB, CAROL};
use crate::config;
use crate::error::Error;
use crate::policy::Refusal;
use crate::provider::{DeviceSigner, Provider, CRYPTO};
use crate::roles::Roles;
use crate::suite::Suite;
use crate::tracker::Tracker;
use crate::wire;

/// `World::accept` holds the tracker against the members after each of these.
#[test]
fn it_follows_adds_removals_and_updates_in_both_suites() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        let carol = world.people[CAROL].key();
        let removal = world.people[ALICE]
            .group()
            .commit_remove(&[carol], id(1))
            .unwrap();
        world.accept(ALICE, &removal);
        world.add(vec![Person::new("dave"), Person::new("erin")]);
        let update = world.people[BOB].group().commit_update(id(2)).unwrap();
        world.accept(BOB, &update);
        assert_eq!((world.tracker.epoch(), world.tracker.suite()), (4, suite));

        // And a node that starts from what it stored goes on from there.
        let info = world.people[ALICE].group().group_info().unwrap();
        world.tracker = Tracker::from_group_info(&info, &world.tracker.tree().unwrap()).unwrap();
        let update = world.people[3].group().commit_update(id(3)).unwrap();
        world.accept(3, &update);
    });
}

#[test]
fn what_leads_to_nothing_changes_nothing() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let update = world.people[BOB].group().commit_update(id(1)).unwrap();
    let key = world.people[BOB].key();
    let (tree, epoch) = (world.tracker.tree().unwrap(), world.tracker.epoch());
    for _ in 0..2 {
        let change = world
            .tracker
            .process(&update.commit, &key, &update.group_info, ANY)
            .unwrap();
        assert_ne!(world.tracker.tree_after(&change).unwrap(), tree);
        assert_eq!(
            (world.tracker.tree().unwrap(), world.tracker.epoch()),
            (tree.clone(), epoch)
        );
    }
}

#[test]
fn a_changed_commit_is_refused_wherever_it_was_changed() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let update = world.people[BOB].group().commit_update(id(1)).unwrap();
        let key = world.people[BOB].key();
        let tag = update.commit.len() - 33; // membership tag: only members can check it
        for position in (0..tag).step_by(7) {
            let mut changed = update.commit.clone();
            changed[position] ^= 1;
            let error = world
                .tracker
                .process(&changed, &key, &update.group_info, ANY)
                .unwrap_err();
            assert!(!matches!(error, Error::State(_)), "{position}: {error}");
        }
        world
            .tracker
            .process(&update.commit, &key, &update.group_info, ANY)
            .unwrap();
    });
}

#[test]
fn a_replay_is_stale() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let update = world.people[BOB].group().commit_update(id(1)).unwrap();
    world.accept(BOB, &update);
    let key = world.people[BOB].key();
    let again = world
        .tracker
        .process(&update.commit, &key, &update.group_info, ANY);
    assert_eq!(again.unwrap_err(), Error::EpochStale);
}

#[test]
fn only_the_committer_posts_its_commit() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let update = world.people[BOB].group().commit_update(id(1)).unwrap();
    let alice = world.people[ALICE].key();
    let posted = world
        .tracker
        .process(&update.commit, &alice, &update.group_info, ANY);
    assert_eq!(posted.unwrap_err(), Error::Refused(Refusal::OtherSender));
}

#[test]
fn a_group_info_is_the_committers_and_of_the_new_epoch() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let before = world.people[BOB].group().group_info().unwrap();
        let update = world.people[BOB].group().commit_update(id(1)).unwrap();
        let bob = world.people[BOB].key();
        let posted = |world: &World, info: &[u8]| {
            world
                .tracker
                .process(&update.commit, &bob, info, ANY)
                .map(|_| ())
                .unwrap_err()
        };

        // Of the epoch before; of a commit that lost; cut short; not one at all.
        assert_eq!(posted(&world, &before), Error::Refused(Refusal::GroupInfo));
        let other = forge(&mut world.people[ALICE], |commit| commit);
        assert_eq!(
            posted(&world, &other.group_info),
            Error::Refused(Refusal::GroupInfo)
        );
        let cut = &update.group_info[..update.group_info.len() - 1];
        assert!(matches!(posted(&world, cut), Error::Malformed(_)));
        assert!(matches!(
            posted(&world, &update.commit),
            Error::Malformed(_)
        ));

        // Changed in any byte.
        for position in (4..update.group_info.len()).step_by(3) {
            let mut changed = update.group_info.clone();
            changed[position] ^= 1;
            let error = posted(&world, &changed);
            assert!(!matches!(error, Error::State(_)), "{position}: {error}");
        }

        // Right in every way, but signed by another member of the new epoch.
        world.people[ALICE].follow(&update.commit);
        let signed_by_alice = world.people[ALICE].group().group_info().unwrap();
        assert_eq!(
            posted(&world, &signed_by_alice),
            Error::Refused(Refusal::GroupInfoSigner)
        );
        world
            .tracker
            .process(&update.commit, &bob, &update.group_info, ANY)
            .unwrap();
    });
}

#[test]
fn a_group_info_is_signed() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let update = world.people[BOB].group().commit_update(id(1)).unwrap();
    let bob = world.people[BOB].key();
    let mut changed = update.group_info.clone();
    *changed.last_mut().unwrap() ^= 1;
    let posted = world.tracker.process(&update.commit, &bob, &changed, ANY);
    assert!(matches!(posted.unwrap_err(), Error::NotAuthentic(_)));
}

/// The committer signs what it likes; who joins later seals to this key.
#[test]
fn a_group_info_holds_a_key_that_can_be_used() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let update = world.people[BOB].group().commit_update(id(1)).unwrap();
        let bob = &world.people[BOB].device;
        let signed = &update.group_info[..update.group_info.len() - 66];
        // Before the confirmation tag and the signer: zeros are a point of small order, and too large for a coefficient are ones.
        let (front, end) = signed.split_at(signed.len() - 37);
        let (front, key) = front.split_at(front.len() - suite.encryption_key());
        let mut none = key.to_vec();
        none[..3].fill(0xff);
        none[key.len() - 32..].fill(0);
        let fields = [front, &none, end].concat();
        let label = wire::vector(b"MLS 1.0 GroupInfoTBS").unwrap();
        let content = [label, wire::vector(&fields[4..]).unwrap()].concat();
        let signature = wire::vector(&bob.sign_raw(&content)).unwrap();
        let info = [fields, signature].concat();
        let posted = world
            .tracker
            .process(&update.commit, &bob.public(), &info, ANY);
        assert_eq!(
            posted.unwrap_err(),
            Error::Refused(Refusal::GroupInfoExtensions)
        );
    });
}

#[test]
fn a_group_info_brings_no_tree() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let alice = &mut world.people[ALICE];
    let signer = DeviceSigner(&alice.device);
    let mls = &alice.group.as_ref().unwrap().mls;
    let with_tree = bytes(&mls.export_group_info(&CRYPTO, &signer, true).unwrap());
    let tree = alice.group().tree().unwrap();
    let tracked = Tracker::from_group_info(&with_tree, &tree).map(|_| ());
    assert_eq!(tracked, Err(Error::Refused(Refusal::GroupInfoExtensions)));

    // Nor in the company of a commit.
    let store = world.people[BOB].store.clone();
    let update = {
        let bob = &mut world.people[BOB];
        let provider = Provider::new(&store);
        let signer = DeviceSigner(&bob.device);
        let mls = &mut bob.group.as_mut().unwrap().mls;
        mls.set_aad(id(1).to_vec());
        let messages = mls
            .commit_builder()
            .load_psks(provider.storage())
            .unwrap()
            .use_ratchet_tree_extension(true)
            .build(provider.rand(), provider.crypto(), &signer, |_| true)
            .unwrap()
            .stage_commit(&provider)
            .unwrap();
        messages.into_messages()
    };
    let bob = world.people[BOB].key();
    let group_info = bytes(&update.2.unwrap());
    assert_eq!(
        wire::GroupInfo::parse(&group_info).unwrap().extensions,
        [2, 4]
    );
    let posted = world
        .tracker
        .process(&bytes(&update.0), &bob, &group_info, ANY);
    assert_eq!(
        posted.unwrap_err(),
        Error::Refused(Refusal::GroupInfoExtensions)
    );
}

#[test]
fn a_tree_is_the_one_of_its_group_info() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob"]);
        let old = world.tracker.tree().unwrap();
        let update = world.people[BOB].group().commit_update(id(1)).unwrap();
        let tree = world.accept(BOB, &update);
        Tracker::from_group_info(&update.group_info, &tree).unwrap();
        assert!(Tracker::from_group_info(&update.group_info, &old).is_err());
        for position in (0..tree.len()).step_by(11) {
            let mut changed = tree.clone();
            changed[position] ^= 1;
            let error = Tracker::from_group_info(&update.group_info, &changed)
                .map(|_| ())
                .unwrap_err();
            assert!(!matches!(error, Error::State(_)), "{position}: {error}");
        }
        assert!(matches!(
            Tracker::from_group_info(&update.group_info, b"no tree"),
            Err(Error::Malformed(_))
        ));
        assert!(matches!(
            Tracker::from_group_info(&update.commit, &tree),
            Err(Error::Malformed(_))
        ));
    });
}

#[test]
fn messages_and_noise_are_no_commits() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let message = world.people[BOB].group().encrypt(b"hi", id(1)).unwrap();
    let bob = world.people[BOB].key();
    let posted = |bytes: &[u8]| {
        world
            .tracker
            .process(bytes, &bob, b"", ANY)
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(posted(&message), Error::Refused(Refusal::Encrypted));
    assert!(matches!(posted(b"noise"), Error::Malformed(_)));
    assert!(matches!(posted(b""), Error::Malformed(_)));
}

#[test]
fn a_group_without_our_rules_is_neither_tracked_nor_joined() {
    let alice = Person::new("alice");
    let roles = Roles::of(alice.identity.public());
    let with = |id: &[u8], extensions: Extensions<GroupContext>| {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(Suite::Classical.ciphersuite())
            .capabilities(config::capabilities())
            .with_group_context_extensions(extensions)
            .build();
        let provider = Provider::new(&alice.store);
        let signer = DeviceSigner(&alice.device);
        let id = GroupId::from_slice(id);
        let group =
            MlsGroup::new_with_group_id(&provider, &signer, &config, id, own(&alice)).unwrap();
        let info = bytes(
            &group
                .export_group_info(provider.crypto(), &signer, false)
                .unwrap(),
        );
        let tree = group
            .export_ratchet_tree()
            .tls_serialize_detached()
            .unwrap();
        Tracker::from_group_info(&info, &tree).map(|_| ())
    };
    let ours = || config::context_extensions(&roles).unwrap();
    with(&[1; 16], ours()).unwrap();
    assert_eq!(with(&[], ours()), Err(Error::Refused(Refusal::GroupId)));
    assert_eq!(
        with(&[1; 17], ours()),
        Err(Error::Refused(Refusal::GroupId))
    );
    assert_eq!(
        with(&[2; 16], Extensions::empty()),
        Err(Error::Refused(Refusal::GroupExtensions))
    );

    let mut more = ours();
    more.add(Extension::ExternalSenders(Vec::new())).unwrap();
    assert_eq!(
        with(&[3; 16], more),
        Err(Error::Refused(Refusal::GroupExtensions))
    );
}
