//! A leave request: a device asks the others to remove it, since no device can remove itself (RFC 9420, section 12.4).
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 1 |
//! | 16 | id of the group |
//! | 32 | device key, Ed25519 |
//! | 32 | SHA-256 of the device's LeafNode (RFC 9420, section 7.2) |
//! | 64 | signature of the device key, context `leave request`, over everything before it |
//!
//! It holds for one leaf, whatever the epoch, so others may commit in between and it need not be signed again; and it ends with that
//! leaf. The leaf must be one that a commit made: those are signed for one group and leaf index over fresh keys (RFC 9420, section
//! 7.2), so whoever is added again, rejoins, or commits an update has another one, and the old request is worth nothing. A leaf out of
//! a KeyPackage is not good enough, since a last-resort KeyPackage can bring the same one back.

use openmls::prelude::LeafNode;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::HashType;
use qnpc_crypto::signature::{self, SigningKey};
use tls_codec::Serialize as _;

use crate::error::Error;
use crate::group::Group;
use crate::member::Member;
use crate::policy::{leaver, Refusal, GROUP_ID};
use crate::provider::CRYPTO;

const VERSION: u8 = 1;
const CONTEXT: &str = "leave request";
const KEY: usize = 32;
const HASH: usize = 32;

/// A leave request whose signature holds. Whether it is for a leaf of a group is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveRequest {
    group_id: [u8; GROUP_ID],
    device: [u8; KEY],
    leaf: [u8; HASH],
    bytes: Vec<u8>,
}

impl LeaveRequest {
    pub(crate) fn sign(
        device: &SigningKey,
        group_id: &[u8; GROUP_ID],
        leaf: &[u8; HASH],
    ) -> Vec<u8> {
        let mut bytes = [&[VERSION][..], group_id, &device.public(), leaf].concat();
        let signature = device.sign(CONTEXT, &bytes);
        bytes.extend_from_slice(&signature);
        bytes
    }

    /// Parses strictly and verifies.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        const MALFORMED: Error = Error::Malformed("this is not a leave request");
        let (signed, signature) = bytes
            .split_last_chunk::<{ signature::SIGNATURE }>()
            .ok_or(MALFORMED)?;
        let request = Self::fields(signed, bytes).ok_or(MALFORMED)?;
        signature::verify(&request.device, CONTEXT, signed, signature)
            .map_err(|_| Error::NotAuthentic("the leave request's signature does not verify"))?;
        Ok(request)
    }

    fn fields(signed: &[u8], bytes: &[u8]) -> Option<Self> {
        let (&[version], rest) = signed.split_first_chunk::<1>()?;
        let (group_id, rest) = rest.split_first_chunk()?;
        let (device, rest) = rest.split_first_chunk()?;
        (version == VERSION).then_some(Self {
            group_id: *group_id,
            device: *device,
            leaf: rest.try_into().ok()?,
            bytes: bytes.to_vec(),
        })
    }

    /// The device that asks.
    pub fn device(&self) -> [u8; KEY] {
        self.device
    }

    /// The encoding, as it was parsed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is for this leaf of that group.
    pub(crate) fn holds(&self, group_id: &[u8], leaf: &LeafNode) -> Result<bool, Error> {
        Ok(self.group_id == group_id && hash(leaf)? == Some(self.leaf))
    }
}

impl Group {
    /// A request that the others remove this device. It holds until this device's next commit.
    pub fn leave_request(&self) -> Result<Vec<u8>, Error> {
        self.must_be_operational()?;
        let leaf = self.mls.own_leaf_node();
        let leaf = leaf.ok_or_else(|| Error::state("this device has no leaf"))?;
        let leaf = hash(leaf)?.ok_or(Refusal::LeaveTooEarly)?;
        let group_id = self.group_id().try_into();
        let group_id = group_id.map_err(|_| Error::state("the group's id has another length"))?;
        Ok(LeaveRequest::sign(&self.device, group_id, &leaf))
    }

    /// The member that a leave request is of, if it holds in this epoch.
    pub fn leaver(&self, request: &[u8]) -> Result<Member, Error> {
        let request = LeaveRequest::parse(request)?;
        leaver(&request, self.mls.public_group(), &self.membership)
    }
}

/// What a leave request names a leaf by; nothing for one that no commit made.
pub(crate) fn hash(leaf: &LeafNode) -> Result<Option<[u8; HASH]>, Error> {
    if leaf.parent_hash().is_none() {
        return Ok(None);
    }
    let bytes = leaf.tls_serialize_detached().map_err(Error::library)?;
    let hash = CRYPTO.hash(HashType::Sha2_256, &bytes);
    let hash = hash.map_err(Error::library)?.try_into();
    hash.map(Some)
        .map_err(|_| Error::state("a hash of the library has another length"))
}
