//! The storage that openmls sees: typed reads and writes, each landing in one row, but for message secrets.
//!
//! Lists (queued proposals, own leaf nodes) are one row each; our policy keeps both empty, and the public test vectors do not.

use openmls_traits::storage::{traits, StorageProvider, CURRENT_VERSION};
use serde::Serialize;

use super::view::{in_group, of_device, of_group, Label, View, Writes};
use super::StoreError;
use crate::codec::{decode, encode, encode_json, Value};

const VERSION: u16 = CURRENT_VERSION;

/// Queued proposals as their references and themselves, encoded.
type Queue = Vec<(Value, Value)>;

impl View<'_> {
    fn queue<G: Serialize>(&self, group: &G) -> Result<Queue, StoreError> {
        let stored: Option<Vec<(Vec<u8>, Vec<u8>)>> =
            self.get(&of_group(Label::Proposals, group)?)?;
        let entries = stored.unwrap_or_default().into_iter();
        Ok(entries
            .map(|(reference, proposal)| (Value::new(reference), Value::new(proposal)))
            .collect())
    }

    fn put_queue<G: Serialize>(&self, group: &G, queue: &Queue) -> Result<(), StoreError> {
        let plain: Vec<(&[u8], &[u8])> = queue
            .iter()
            .map(|(a, b)| (a.as_slice(), b.as_slice()))
            .collect();
        self.put(of_group(Label::Proposals, group)?, &plain)
    }
}

/// `write`, `read` and `delete` of a value that a group has once.
macro_rules! of_a_group {
    ($($entity:ident, $label:ident, $write:ident, $read:ident, $delete:ident;)*) => { $(
        fn $write<G: traits::GroupId<VERSION>, V: traits::$entity<VERSION>>(&self, group: &G, value: &V) -> Result<(), StoreError> {
            self.put(of_group(Label::$label, group)?, value)
        }

        fn $read<G: traits::GroupId<VERSION>, V: traits::$entity<VERSION>>(&self, group: &G) -> Result<Option<V>, StoreError> {
            self.get(&of_group(Label::$label, group)?)
        }

        fn $delete<G: traits::GroupId<VERSION>>(&self, group: &G) -> Result<(), StoreError> {
            self.delete(of_group(Label::$label, group)?)
        }
    )* };
}

/// The same for what the device has, by a key. openmls takes the type parameters of the reads in no fixed order.
macro_rules! of_the_device {
    ($($key:ident, $entity:ident, $label:ident, $write:ident, $read:ident<$($parameter:ident),*>, $delete:ident;)*) => { $(
        fn $write<K: traits::$key<VERSION>, V: traits::$entity<VERSION>>(&self, key: &K, value: &V) -> Result<(), StoreError> {
            self.put(of_device(Label::$label, key)?, value)
        }

        fn $read<$($parameter),*>(&self, key: &K) -> Result<Option<V>, StoreError>
        where
            K: traits::$key<VERSION>,
            V: traits::$entity<VERSION>,
        {
            self.get(&of_device(Label::$label, key)?)
        }

        fn $delete<K: traits::$key<VERSION>>(&self, key: &K) -> Result<(), StoreError> {
            self.delete(of_device(Label::$label, key)?)
        }
    )* };
}

impl StorageProvider<VERSION> for View<'_> {
    type Error = StoreError;

    of_a_group! {
        TreeSync, Tree, write_tree, tree, delete_tree;
        InterimTranscriptHash, InterimTranscriptHash, write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash;
        GroupContext, Context, write_context, group_context, delete_context;
        ConfirmationTag, ConfirmationTag, write_confirmation_tag, confirmation_tag, delete_confirmation_tag;
        ResumptionPskStore, ResumptionPsks, write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets;
        LeafNodeIndex, OwnLeafIndex, write_own_leaf_index, own_leaf_index, delete_own_leaf_index;
        GroupEpochSecrets, EpochSecrets, write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets;
    }

    of_the_device! {
        SignaturePublicKey, SignatureKeyPair, SignatureKey, write_signature_key_pair, signature_key_pair<K, V>, delete_signature_key_pair;
        EncryptionKey, HpkeKeyPair, EncryptionKey, write_encryption_key_pair, encryption_key_pair<V, K>, delete_encryption_key_pair;
        HashReference, KeyPackage, KeyPackage, write_key_package, key_package<K, V>, delete_key_package;
        PskId, PskBundle, Psk, write_psk, psk<V, K>, delete_psk;
    }

    // -- the secrets that are written after every message

    fn write_message_secrets<G: traits::GroupId<VERSION>, V: traits::MessageSecrets<VERSION>>(
        &self,
        group: &G,
        value: &V,
    ) -> Result<(), StoreError> {
        if self.secrets == Writes::Later {
            self.deferred.set(true);
            return Ok(());
        }
        self.put_secrets(group, value)
    }

    fn message_secrets<G: traits::GroupId<VERSION>, V: traits::MessageSecrets<VERSION>>(
        &self,
        group: &G,
    ) -> Result<Option<V>, StoreError> {
        self.secrets(group)
    }

    fn delete_message_secrets<G: traits::GroupId<VERSION>>(
        &self,
        group: &G,
    ) -> Result<(), StoreError> {
        self.delete_secrets(group)
    }

    // -- the configuration, whose past-epoch policy only a self-describing format can read back

    fn write_mls_join_config<
        G: traits::GroupId<VERSION>,
        V: traits::MlsGroupJoinConfig<VERSION>,
    >(
        &self,
        group: &G,
        value: &V,
    ) -> Result<(), StoreError> {
        let value = encode_json(value).ok_or(StoreError::Encode)?;
        self.store_changed(of_group(Label::JoinConfig, group)?, &value)
    }

    fn mls_group_join_config<
        G: traits::GroupId<VERSION>,
        V: traits::MlsGroupJoinConfig<VERSION>,
    >(
        &self,
        group: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&of_group(Label::JoinConfig, group)?)
    }

    fn delete_group_config<G: traits::GroupId<VERSION>>(
        &self,
        group: &G,
    ) -> Result<(), StoreError> {
        self.delete(of_group(Label::JoinConfig, group)?)
    }

    // -- the state, whose type parameters come the other way round

    fn write_group_state<V: traits::GroupState<VERSION>, G: traits::GroupId<VERSION>>(
        &self,
        group: &G,
        value: &V,
    ) -> Result<(), StoreError> {
        self.put(of_group(Label::GroupState, group)?, value)
    }

    fn group_state<V: traits::GroupState<VERSION>, G: traits::GroupId<VERSION>>(
        &self,
        group: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&of_group(Label::GroupState, group)?)
    }

    fn delete_group_state<G: traits::GroupId<VERSION>>(&self, group: &G) -> Result<(), StoreError> {
        self.delete(of_group(Label::GroupState, group)?)
    }

    // -- lists

    fn append_own_leaf_node<G: traits::GroupId<VERSION>, V: traits::LeafNode<VERSION>>(
        &self,
        group: &G,
        value: &V,
    ) -> Result<(), StoreError> {
        let mut nodes: Vec<V> = self.own_leaf_nodes(group)?;
        let copy = decode(&encode(value).ok_or(StoreError::Encode)?).ok_or(StoreError::Decode)?;
        nodes.push(copy);
        self.put(of_group(Label::OwnLeafNodes, group)?, &nodes)
    }

    fn own_leaf_nodes<G: traits::GroupId<VERSION>, V: traits::LeafNode<VERSION>>(
        &self,
        group: &G,
    ) -> Result<Vec<V>, StoreError> {
        Ok(self
            .get(&of_group(Label::OwnLeafNodes, group)?)?
            .unwrap_or_default())
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<VERSION>>(
        &self,
        group: &G,
    ) -> Result<(), StoreError> {
        self.delete(of_group(Label::OwnLeafNodes, group)?)
    }

    fn queue_proposal<
        G: traits::GroupId<VERSION>,
        R: traits::ProposalRef<VERSION>,
        V: traits::QueuedProposal<VERSION>,
    >(
        &self,
        group: &G,
        reference: &R,
        proposal: &V,
    ) -> Result<(), StoreError> {
        let mut queue = self.queue(group)?;
        queue.push((
            encode(reference).ok_or(StoreError::Encode)?,
            encode(proposal).ok_or(StoreError::Encode)?,
        ));
        self.put_queue(group, &queue)
    }

    fn queued_proposal_refs<G: traits::GroupId<VERSION>, R: traits::ProposalRef<VERSION>>(
        &self,
        group: &G,
    ) -> Result<Vec<R>, StoreError> {
        let queue = self.queue(group)?;
        queue
            .iter()
            .map(|(reference, _)| decode(reference).ok_or(StoreError::Decode))
            .collect()
    }

    fn queued_proposals<
        G: traits::GroupId<VERSION>,
        R: traits::ProposalRef<VERSION>,
        V: traits::QueuedProposal<VERSION>,
    >(
        &self,
        group: &G,
    ) -> Result<Vec<(R, V)>, StoreError> {
        let queue = self.queue(group)?;
        let read =
            |(reference, proposal): &(Value, Value)| Some((decode(reference)?, decode(proposal)?));
        queue
            .iter()
            .map(|entry| read(entry).ok_or(StoreError::Decode))
            .collect()
    }

    fn remove_proposal<G: traits::GroupId<VERSION>, R: traits::ProposalRef<VERSION>>(
        &self,
        group: &G,
        reference: &R,
    ) -> Result<(), StoreError> {
        let gone = encode(reference).ok_or(StoreError::Encode)?;
        let mut queue = self.queue(group)?;
        queue.retain(|(reference, _)| *reference != gone);
        self.put_queue(group, &queue)
    }

    fn clear_proposal_queue<G: traits::GroupId<VERSION>, R: traits::ProposalRef<VERSION>>(
        &self,
        group: &G,
    ) -> Result<(), StoreError> {
        self.delete(of_group(Label::Proposals, group)?)
    }

    // -- the private keys of an epoch's tree

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<VERSION>,
        E: traits::EpochKey<VERSION>,
        V: traits::HpkeKeyPair<VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
        pairs: &[V],
    ) -> Result<(), StoreError> {
        self.put(in_group(Label::EpochKeys, group, &(epoch, leaf))?, pairs)
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<VERSION>,
        E: traits::EpochKey<VERSION>,
        V: traits::HpkeKeyPair<VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<V>, StoreError> {
        let place = in_group(Label::EpochKeys, group, &(epoch, leaf))?;
        Ok(self.get(&place)?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<
        G: traits::GroupId<VERSION>,
        E: traits::EpochKey<VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<(), StoreError> {
        self.delete(in_group(Label::EpochKeys, group, &(epoch, leaf))?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use openmls::prelude::GroupId;

    #[test]
    fn the_scope_of_a_groups_rows_is_its_raw_id() {
        let id = [7; 16];
        let place = of_group(Label::Tree, &GroupId::from_slice(&id)).unwrap();
        assert_eq!(place.scope, id);
        assert_eq!(place.key, [Label::Tree as u8]);
    }
}
