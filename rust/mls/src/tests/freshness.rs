//! Time: what a commit adds must still be good when the last member reads it, and what has aged in a tree must stop nobody.

use openmls::prelude::{GroupId, Lifetime, MlsGroup, MlsGroupCreateConfig};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::Serialize as _;

use super::forgery::{own, raw};
use super::{both_suites, bytes, id, Person, World, ALICE, ANY, BOB, GROUP};
use crate::config;
use crate::error::Error;
use crate::group::Group;
use crate::key_package;
use crate::policy::{Refusal, FRESH};
use crate::provider::{DeviceSigner, Provider};
use crate::roles::Roles;
use crate::suite::Suite;
use crate::tracker::Tracker;

#[test]
fn what_expires_before_all_have_read_it_is_not_added() {
    let mut world = World::new(Suite::Classical, &["alice", "bob"]);
    let dave = Person::new("dave");
    let lasting = |seconds| {
        raw(&dave, Suite::Classical, own(&dave), |builder| {
            builder.key_package_lifetime(Lifetime::new(seconds))
        })
    };
    let stale = lasting(FRESH - 60);
    let message = bytes(&stale.clone().into());
    key_package::inspect(&message).unwrap(); // good in itself
    let own = world.people[ALICE].group().commit_add(&[message], id(1));
    assert_eq!(own.unwrap_err(), Error::Refused(Refusal::ExpiresSoon));

    // The node refuses what an admin of another make commits; a member that reads it later does not ask.
    let forged = world.forge(ALICE, |commit| commit.propose_adds([stale]));
    let alice = world.people[ALICE].key();
    let at_node = world
        .tracker
        .process(&forged.commit, &alice, &forged.group_info, ANY);
    assert_eq!(at_node.unwrap_err(), Error::Refused(Refusal::ExpiresSoon));
    world.people[BOB].follow(&forged.commit);

    let fresh = bytes(&lasting(FRESH + 60).into());
    world.people[ALICE]
        .group()
        .commit_add(&[fresh], id(2))
        .unwrap();
}

/// Somebody who never updated is in the tree with a lifetime that is over.
#[test]
fn a_node_that_starts_again_follows_a_group_with_an_aged_leaf() {
    both_suites(|suite| {
        let mut alice = Person::new("alice");
        let now = config::now();
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite.ciphersuite())
            .capabilities(config::capabilities())
            .lifetime(Lifetime::init(now - 7200, now - 3600))
            .with_group_context_extensions(
                config::context_extensions(&Roles::of(alice.identity.public())).unwrap(),
            )
            .wire_format_policy(openmls::prelude::PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(false)
            .build();
        let provider = Provider::new(&alice.store);
        let signer = DeviceSigner(&alice.device);
        let id_ = GroupId::from_slice(&GROUP);
        let mls =
            MlsGroup::new_with_group_id(&provider, &signer, &config, id_, own(&alice)).unwrap();
        let info = mls.export_group_info(provider.crypto(), &signer, false);
        let info = bytes(&info.unwrap());
        let tree = mls.export_ratchet_tree().tls_serialize_detached().unwrap();
        alice.group = Group::load(&alice.store, &alice.device, &GROUP).unwrap();

        let mut tracker = Tracker::from_group_info(&info, &tree).unwrap();
        assert_eq!(tracker.epoch(), 0);
        assert_eq!(tracker.tree().unwrap(), tree);
        assert_eq!(tracker.members(), alice.group().members());

        let key = alice.key();
        let update = alice.group().commit_update(id(1)).unwrap();
        let change = tracker
            .process(&update.commit, &key, &update.group_info, ANY)
            .unwrap();
        tracker.merge(&change).unwrap();
        alice.group().merge_pending().unwrap();
        assert_eq!(tracker.tree().unwrap(), alice.group().tree().unwrap());

        // All but the lifetime is held against it as before.
        let mut forged = info.clone();
        *forged.last_mut().unwrap() ^= 1;
        let refused = Tracker::from_group_info(&forged, &tree).unwrap_err();
        assert!(matches!(refused, Error::NotAuthentic(_)), "{refused}");
    });
}
