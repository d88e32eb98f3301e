//! A client that only follows, for the passive-client vectors of the MLS working group. No part of the product.
//!
//! The vectors hold what our policy refuses: credentials that are no certificates, proposals by reference, pre-shared keys, handshakes
//! that are encrypted. So this client has no policy. It shares with the product what the vectors can hold to account: the library, the
//! primitives of the suites that we use, and the store, out of which the group is loaded anew for every epoch.

use std::fmt;

use openmls::prelude::{
    GroupId, KeyPackageBundle, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn,
    ProcessedMessageContent, RatchetTreeIn, StagedWelcome, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY,
};
use openmls::schedule::PreSharedKeyId;
use openmls_traits::storage::StorageProvider as _;
use openmls_traits::OpenMlsProvider as _;
use serde_json::json;
use tls_codec::Deserialize as _;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::message::{parse, parse_protocol};
use crate::policy::Refusal;
use crate::refusals;
use crate::store::Store;

mod provider;
mod secrets;

use provider::{ciphersuite, provider};

/// How many epochs back a resumption PSK may reach.
const RESUMPTION_PSKS: usize = 16;

/// The library refused what the vector says is right.
fn failed(error: impl fmt::Display) -> Error {
    Refusal::Protocol(error.to_string()).into()
}

/// A member that never says anything.
pub struct PassiveClient {
    store: Store,
    key_package: Vec<u8>,
    init_key: Zeroizing<Vec<u8>>,
    group_id: Option<GroupId>,
}

impl fmt::Debug for PassiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassiveClient(..)")
    }
}

impl PassiveClient {
    /// A client with a KeyPackage, its private keys, and external PSKs as (id, secret).
    ///
    /// [`Error::Unreadable`] here and below is for what no vector of this form can ask of this implementation, with the reason.
    pub fn new(
        key_package: &[u8],
        init_key: &[u8],
        encryption_key: &[u8],
        external_psks: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<Self, Error> {
        ciphersuite(key_package.get(6..8))?; // after version and wire format, and version again
        let MlsMessageBodyIn::KeyPackage(package) = parse(key_package)?.extract() else {
            return Err(Error::Malformed("this is not a key package"));
        };
        // The library has no door for a key package that was made elsewhere, but reads one back from where it stored it.
        let bundle: KeyPackageBundle = serde_json::from_value(json!({
            "key_package": package,
            "private_init_key": {"vec": init_key},
            "private_encryption_key": {"key": {"vec": encryption_key}},
        }))
        .map_err(failed)?;
        let store = Store::new();
        let provider = provider(&store);
        let reference = bundle.key_package().hash_ref(provider.crypto());
        let reference = reference.map_err(failed)?;
        provider.storage().write_key_package(&reference, &bundle)?;
        for (id, secret) in external_psks {
            let id = PreSharedKeyId::external(id.clone(), Vec::new());
            id.store(&provider, secret).map_err(failed)?;
        }
        Ok(Self {
            store,
            key_package: reference.as_slice().to_vec(),
            init_key: Zeroizing::new(init_key.to_vec()),
            group_id: None,
        })
    }

    /// Joins by a Welcome, whose tree is in it or beside it. The epoch authenticator (RFC 9420, section 8.7).
    pub fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        self.reload()?;
        let provider = provider(&self.store);
        secrets::check_psks(&provider, welcome, &self.key_package, &self.init_key)?;
        let MlsMessageBodyIn::Welcome(welcome) = parse(welcome)?.extract() else {
            return Err(Error::Malformed("this is not a welcome"));
        };
        let config = MlsGroupJoinConfig::builder()
            .use_ratchet_tree_extension(true)
            .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .number_of_resumption_psks(RESUMPTION_PSKS)
            .build();
        let mut builder = StagedWelcome::build_from_welcome(&provider, &config, welcome)
            .map_err(failed)?
            .skip_lifetime_validation();
        if let Some(tree) = tree {
            let tree = RatchetTreeIn::tls_deserialize_exact(tree).map_err(failed)?;
            builder = builder.with_ratchet_tree(tree);
        }
        let staged = builder.build().map_err(failed)?;
        let group = staged.into_group(&provider).map_err(failed)?;
        self.group_id = Some(group.group_id().clone());
        Ok(group.epoch_authenticator().as_slice().to_vec())
    }

    /// Takes the proposals of an epoch and the commit that ends it. The epoch authenticator of the next.
    pub fn process<B: AsRef<[u8]>>(
        &mut self,
        proposals: &[B],
        commit: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.reload()?;
        let provider = provider(&self.store);
        let id = self.group_id.as_ref();
        let id = id.ok_or_else(|| Error::state("this client has not joined"))?;
        let mut group = MlsGroup::load(provider.storage(), id)?
            .ok_or_else(|| Error::state("the group has lost its rows"))?;
        let messages = proposals.iter().map(AsRef::as_ref);
        for message in messages.chain([commit]) {
            let message = parse_protocol(message)?;
            let processed = group.process_message(&provider, message);
            match processed
                .map_err(|error| unless_old(refusals::process(error)))?
                .into_content()
            {
                ProcessedMessageContent::ProposalMessage(proposal)
                | ProcessedMessageContent::ExternalJoinProposalMessage(proposal) => {
                    group.store_pending_proposal(provider.storage(), *proposal)?;
                }
                ProcessedMessageContent::StagedCommitMessage(commit) => {
                    group
                        .merge_staged_commit(&provider, *commit)
                        .map_err(failed)?;
                }
                _ => return Err(Error::Malformed("this is not a handshake message")),
            }
        }
        Ok(group.epoch_authenticator().as_slice().to_vec())
    }

    /// Goes on in a new store, with nothing but the rows of the old one.
    fn reload(&mut self) -> Result<(), Error> {
        let delta = self.store.take_delta()?;
        let next = self.store.copy()?;
        next.load(
            delta
                .into_iter()
                .filter_map(|(scope, key, value)| Some((scope, key, value?))),
        )?;
        self.store = next;
        Ok(())
    }
}

/// Lifetimes are held against the system's clock, and the library lets nobody look away.
fn unless_old(error: Error) -> Error {
    match error {
        Error::Refused(Refusal::Expired | Refusal::NotValidYet) => {
            Error::Unreadable("an added key package is outside of its lifetime today")
        }
        Error::Unreadable(text) => failed(text),
        other => other,
    }
}
