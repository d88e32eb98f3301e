//! The keys that a commit's path brings into the tree: whoever commits next seals to them.

use openmls::prelude::{GroupId, PublicGroup};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::Serialize as _;

use super::{both_suites, id, World, BOB, GROUP};
use crate::policy::{check_new_parents, Refusal};
use crate::provider::{Provider, CRYPTO};
use crate::store::Store;
use crate::wire;

/// Bob's view of a tree in which his path's keys are of the right length and worth nothing.
fn spoiled(world: &mut World) -> PublicGroup {
    world.people[BOB].save();
    let bob = &world.people[BOB];
    let mut rows = bob.disk.clone();
    let parents = bob.group.as_ref().unwrap().mls.public_group().treesync();
    for (_, parent) in parents.full_parents() {
        let bytes = parent.tls_serialize_detached().unwrap();
        let (key, _) = wire::split_vector(&bytes).unwrap();
        for (_, _, value) in &mut rows {
            while let Some(at) = value.windows(key.len()).position(|window| window == key) {
                std::sync::Arc::make_mut(value)[at..at + key.len()].fill(0);
            }
        }
    }
    let store = Store::new();
    store.load(rows).unwrap();
    let provider = Provider::new(&store);
    let loaded = PublicGroup::load(provider.storage(), &GroupId::from_slice(&GROUP));
    loaded.unwrap().unwrap()
}

#[test]
fn a_key_that_nobody_can_seal_to_never_enters_a_tree() {
    both_suites(|suite| {
        let mut world = World::new(suite, &["alice", "bob", "carol"]);
        let update = world.people[BOB].group().commit_update(id(1)).unwrap();
        world.accept(BOB, &update);
        let after = spoiled(&mut world);
        let before = world.people[BOB].group.as_ref().unwrap().mls.public_group();
        let crypto = &CRYPTO;
        assert_eq!(
            check_new_parents(crypto, suite, before, &after),
            Err(Refusal::EncryptionKey)
        );
        // What was there already is not sealed to again.
        check_new_parents(crypto, suite, &after, &after).unwrap();
        check_new_parents(crypto, suite, before, before).unwrap();
    });
}
