//! Who is in a group: its leaves with their certificates, and who among the accounts is an admin.

use std::collections::BTreeMap;

use qnpc_crypto::certificate::Certificate;

use crate::policy::Refusal;
use crate::roles::Roles;
use crate::suite::Suite;

/// A leaf of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The leaf's index. Good for one epoch: intents name devices.
    pub leaf: u32,
    /// Its certificate, verified in itself.
    pub certificate: Certificate,
    /// Whether its account is an admin.
    pub admin: bool,
}

/// The members of one epoch, as far as the policy needs to know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub suite: Suite,
    pub roles: Roles,
    leaves: BTreeMap<u32, Certificate>,
}

impl Membership {
    /// Keeps three promises: every device is in one leaf, a name stands for one identity key, and a key for one name.
    pub(crate) fn new(
        suite: Suite,
        roles: Roles,
        leaves: BTreeMap<u32, Certificate>,
    ) -> Result<Self, Refusal> {
        let mut devices = BTreeMap::new();
        let mut keys = BTreeMap::new();
        let mut names = BTreeMap::new();
        for certificate in leaves.values() {
            let (name, key) = (certificate.username(), certificate.identity_key());
            if devices.insert(certificate.device(), ()).is_some() {
                return Err(Refusal::DeviceTwice);
            }
            if *keys.entry(name).or_insert(key) != key || *names.entry(key).or_insert(name) != name
            {
                return Err(Refusal::TwoIdentities);
            }
        }
        Ok(Self {
            suite,
            roles,
            leaves,
        })
    }

    pub(crate) fn leaves(&self) -> &BTreeMap<u32, Certificate> {
        &self.leaves
    }

    pub(crate) fn certificate(&self, leaf: u32) -> Option<&Certificate> {
        self.leaves.get(&leaf)
    }

    /// The member of a leaf.
    pub(crate) fn member(&self, leaf: u32) -> Option<Member> {
        let certificate = self.certificate(leaf)?.clone();
        Some(self.with_role(leaf, certificate))
    }

    /// A certificate's owner as a member, with the role that the account has now.
    pub(crate) fn with_role(&self, leaf: u32, certificate: Certificate) -> Member {
        let admin = self.roles.is_admin(&certificate.identity_key());
        Member {
            leaf,
            certificate,
            admin,
        }
    }

    /// All of them, by leaf.
    pub(crate) fn members(&self) -> Vec<Member> {
        let members = self.leaves.iter();
        members
            .map(|(leaf, certificate)| self.with_role(*leaf, certificate.clone()))
            .collect()
    }

    /// The leaf of a device.
    pub(crate) fn leaf_of(&self, device: &[u8]) -> Option<u32> {
        let mut leaves = self.leaves.iter();
        leaves
            .find(|(_, certificate)| certificate.device() == device)
            .map(|(leaf, _)| *leaf)
    }

    /// Whether some device of an account is in the group.
    pub(crate) fn has_account(&self, identity_key: &[u8; 32]) -> bool {
        let mut leaves = self.leaves.values();
        leaves.any(|certificate| certificate.identity_key() == *identity_key)
    }

    /// Whether some admin's device is in the group.
    pub(crate) fn has_admin(&self) -> bool {
        self.leaves
            .values()
            .any(|certificate| self.roles.is_admin(&certificate.identity_key()))
    }
}
