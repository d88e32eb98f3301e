//! The rules of the policy by name: what is refused says which one it broke.

use qnpc_crypto::certificate::CertificateError;

/// The rule that was broken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    // -- leaves and key packages
    /// The credential is not a BasicCredential.
    #[error("a leaf's credential is not a basic one")]
    Credential,
    /// The credential's identity is no certificate.
    #[error("a leaf's credential is not a device certificate: {0}")]
    Certificate(CertificateError),
    /// The certificate names another key than the leaf's.
    #[error("a leaf's certificate is for another device")]
    OtherDevice,
    /// A leaf lacks the version, the suite, basic credentials or the roles extension.
    #[error("a leaf does not support what every leaf here must")]
    Capabilities,
    /// A leaf or init key that nothing can be sealed to.
    #[error("a leaf's encryption key cannot be used")]
    EncryptionKey,
    /// A key package lives longer than 84 days and a margin of an hour.
    #[error("a key package's lifetime is longer than 84 days")]
    Lifetime,
    /// A key package has expired.
    #[error("a key package has expired")]
    Expired,
    /// A key package that expires before the last member has read the commit that adds it.
    #[error("a key package expires too soon to be added")]
    ExpiresSoon,
    /// A key package begins in the future.
    #[error("a key package is not valid yet")]
    NotValidYet,
    /// A key package of another suite than the group's.
    #[error("a key package is for another ciphersuite")]
    OtherSuite,
    /// A key package with other extensions than the one that makes it a last resort.
    #[error("a key package has extensions that are not allowed")]
    KeyPackageExtensions,

    // -- groups
    /// A protocol version or ciphersuite that is not ours.
    #[error("the group's ciphersuite is not allowed")]
    Suite,
    /// A group id that is not 16 bytes.
    #[error("a group's id is not 16 bytes")]
    GroupId,
    /// GroupContext extensions other than the roles and the requirement to support them.
    #[error("the group's extensions are not the ones allowed")]
    GroupExtensions,
    /// Roles that do not parse.
    #[error("the group's roles are malformed")]
    Roles,
    /// Two leaves with one signature key.
    #[error("a device is in the group twice")]
    DeviceTwice,
    /// A username with two identity keys, or an identity key with two usernames.
    #[error("a username has two identity keys in the group, or an identity key two usernames")]
    TwoIdentities,

    // -- commits
    /// Somebody who is not a member commits, and nobody of its account is a member either.
    #[error("this device may not join by itself")]
    ExternalCommit,
    /// A device that was removed or revoked joins by itself.
    #[error("a device that was removed returns only by being added")]
    Barred,
    /// The committer's leaf is not in the tree.
    #[error("the committer is not a member")]
    NotAMember,
    /// A committer's path with another credential or signature key.
    #[error("a committer changed its credential or signature key")]
    LeafChanged,
    /// A proposal by reference, or on its own.
    #[error("proposals are only allowed inside a commit")]
    NotInline,
    /// A proposal of a type that is not allowed.
    #[error("a proposal of this type is not allowed")]
    ProposalType,
    /// An Add by a member that is not an admin.
    #[error("only an admin may add members")]
    AddByOther,
    /// A Remove of another account's device by a member that is not an admin.
    #[error("only an admin may remove another account's devices")]
    RemoveByOther,
    /// New roles by a member that is not an admin.
    #[error("only an admin may change roles")]
    RolesByOther,
    /// A commit that takes the last admin out of the group.
    #[error("a group must keep an admin")]
    NoAdmin,
    /// A new admin that is no account in the group.
    #[error("only an account in the group can be made an admin")]
    RolesOfStranger,
    /// A commit that its device cannot make: it would remove itself.
    #[error("a device cannot remove itself")]
    RemovesItself,

    // -- what surrounds a commit, a Welcome or a GroupInfo
    /// Authenticated data that is not, or does not begin with, a message id of 16 bytes.
    #[error("authenticated data is not a message id")]
    MessageId,
    /// Authenticated data that goes on as none of ours does.
    #[error("what the commit quotes is malformed")]
    Quotes,
    /// A quote about a leaf that the commit does not remove, or two about one leaf.
    #[error("the commit quotes what it does not act on")]
    QuotedInVain,
    /// A leave request for another group, or of a device that is not in the leaf that it names.
    #[error("the leave request is not of a member as it is now")]
    LeaveRequest,
    /// A device in a leaf as its KeyPackage made it asks to leave.
    #[error(
        "a device that has not committed since it was added commits once before it asks to leave"
    )]
    LeaveTooEarly,
    /// A revocation of a device that is not in the group, or by another account than the one that certified it.
    #[error("the revocation is not of a member")]
    Revocation,
    /// A handshake message that the node cannot read.
    #[error("handshake messages must be public messages")]
    Encrypted,
    /// An application message that anybody could read.
    #[error("application messages must be private messages")]
    NotEncrypted,
    /// A commit posted by another device than the one that signed it.
    #[error("the commit was signed by another device")]
    OtherSender,
    /// A GroupInfo of another epoch, or with other contents than the commit leads to.
    #[error("the group info does not match the commit")]
    GroupInfo,
    /// A GroupInfo signed by somebody else than the committer.
    #[error("the group info is not the committer's")]
    GroupInfoSigner,
    /// A GroupInfo to join by, signed by somebody who is known to be no member any more.
    #[error("the group info was signed by a device that was removed")]
    RemovedSigner,
    /// A GroupInfo to rejoin by, of an epoch before our own.
    #[error("the group info is older than what this device has seen")]
    OlderEpoch,
    /// A GroupInfo whose extensions are not exactly an external public key that can be used; the tree travels on its own.
    #[error("the group info must hold the external public key and nothing else")]
    GroupInfoExtensions,
    /// A Welcome that needs pre-shared keys or brings a tree.
    #[error("the welcome carries what no welcome here does")]
    Welcome,
    /// A Welcome into a tree whose leaf for us is not the one of our key package.
    #[error("our leaf in the tree is not the one of our key package")]
    OwnLeaf,
    /// A Welcome to a group that this device is in.
    #[error("this device is a member of the group already")]
    AlreadyMember,
    /// A rule of RFC 9420 itself.
    #[error("it breaks the protocol: {0}")]
    Protocol(String),
}
