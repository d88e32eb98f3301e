//! What openmls' errors mean to us: one table for each of its operations.
//!
//! The line that matters is between what the bytes are to blame for, which is deterministic and costs nothing, and what this
//! machine is to blame for, after which the state has to be loaded again.

use openmls::framing::errors::{MessageDecryptionError, SecretTreeError};
use openmls::messages::group_info::GroupInfoError;
use openmls::messages::GroupSecretsError;
use openmls::prelude::{
    ApplyUpdatePathError, CreateCommitError, CreationFromExternalError, ExternalCommitBuilderError,
    KeyPackageVerifyError, MlsGroupStateError, ProcessMessageError, ProposalValidationError,
    PublicProcessMessageError, StageCommitError, ValidationError, WelcomeError,
};
use openmls::treesync::errors::{LeafNodeValidationError, LifetimeError};

use crate::error::Error;
use crate::policy::Refusal;
use crate::store::StoreError;

/// Something that RFC 9420 forbids, in the library's words.
fn protocol(error: impl std::fmt::Display) -> Error {
    Refusal::Protocol(error.to_string()).into()
}

const NOT_SIGNED: Error = Error::NotAuthentic("a signature does not verify");

pub(crate) fn process(error: ProcessMessageError<StoreError>) -> Error {
    use ProcessMessageError as E;
    match error {
        E::LibraryError(_) | E::StorageError(_) => Error::library(error),
        E::IncompatibleWireFormat => Refusal::Encrypted.into(),
        E::ValidationError(error) => validation(error),
        E::GroupStateError(MlsGroupStateError::UseAfterEviction) => {
            Error::Unreadable("this device is no longer a member")
        }
        E::GroupStateError(error) => Error::library(error),
        E::InvalidCommit(error) => stage(error),
        E::UnauthorizedExternalApplicationMessage
        | E::UnauthorizedExternalCommitMessage
        | E::UnsupportedProposalType => protocol(error),
    }
}

pub(crate) fn process_public(error: PublicProcessMessageError) -> Error {
    use PublicProcessMessageError as E;
    match error {
        E::LibraryError(_) => Error::library(error),
        E::IncompatibleWireFormat => Refusal::Encrypted.into(),
        E::ValidationError(error) => validation(error),
        E::InvalidCommit(error) => stage(error),
        E::UnauthorizedExternalApplicationMessage
        | E::UnauthorizedExternalCommitMessage
        | E::UnsupportedProposalType => protocol(error),
    }
}

fn validation(error: ValidationError) -> Error {
    use ValidationError as E;
    match error {
        E::LibraryError(_) => Error::library(error),
        E::WrongEpoch => Error::EpochStale,
        E::NoPastEpochData => Error::Unreadable("the epoch is too far back"),
        E::WrongGroupId => Error::Malformed("the message belongs to another group"),
        E::MissingMembershipTag | E::MissingConfirmationTag | E::WrongWireFormat => {
            Error::Malformed("the message lacks a part")
        }
        E::UnknownMember => Error::NotAuthentic("the sender is not a member"),
        E::InvalidMembershipTag => Error::NotAuthentic("the membership tag does not verify"),
        E::InvalidSignature | E::InvalidLeafNodeSignature => NOT_SIGNED,
        E::UpdatePathError(_) => Error::NotAuthentic("the path does not verify"),
        E::UnableToDecrypt(error) => decryption(error),
        E::KeyPackageVerifyError(error) => key_package(error),
        _ => protocol(error),
    }
}

fn decryption(error: MessageDecryptionError) -> Error {
    use MessageDecryptionError as E;
    match error {
        E::AeadError => Error::NotAuthentic("the message does not decrypt"),
        E::WrongWireFormat | E::MalformedContent => {
            Error::Malformed("the message's content is malformed")
        }
        E::GenerationOutOfBound => Error::Unreadable("the message's key is out of reach"),
        E::SecretTreeError(error) => match error {
            SecretTreeError::SecretReuseError => Error::Unreadable("the message was read before"),
            SecretTreeError::TooDistantInThePast => Error::Unreadable("the message is too old"),
            SecretTreeError::TooDistantInTheFuture => {
                Error::Unreadable("the message is too far ahead")
            }
            SecretTreeError::IndexOutOfBounds => Error::NotAuthentic("the sender is not a member"),
            _ => Error::library(error),
        },
        E::LibraryError(_) => Error::library(error),
    }
}

fn stage(error: StageCommitError) -> Error {
    use StageCommitError as E;
    match error {
        E::LibraryError(_) | E::MissingDecryptionKey | E::OwnKeyNotFound => Error::library(error),
        E::EpochMismatch => Error::EpochStale,
        E::OwnCommitMismatch => Error::Unreadable("this is a commit of our own that was cleared"),
        E::WrongPlaintextContentType | E::ConfirmationTagMissing => {
            Error::Malformed("the commit lacks a part")
        }
        E::ConfirmationTagMismatch => Error::NotAuthentic("the confirmation tag does not verify"),
        E::PathLeafNodeVerificationFailure => NOT_SIGNED,
        E::UpdatePathError(ApplyUpdatePathError::LibraryError(_)) => Error::library(error),
        E::UpdatePathError(ApplyUpdatePathError::UnableToDecrypt) => {
            Error::NotAuthentic("the path does not decrypt")
        }
        E::VerifiedUpdatePathError(_) => Error::NotAuthentic("the path does not verify"),
        E::MissingProposal => Refusal::NotInline.into(),
        E::AttemptedSelfRemoval => Refusal::RemovesItself.into(),
        E::ProposalValidationError(error) => proposal(error),
        E::LeafNodeValidation(error) => leaf_in_commit(error),
        _ => protocol(error),
    }
}

fn proposal(error: ProposalValidationError) -> Error {
    match error {
        ProposalValidationError::LibraryError(_) => Error::library(error),
        ProposalValidationError::LeafNodeValidation(error) => leaf_in_commit(error),
        ProposalValidationError::DuplicateSignatureKey => Refusal::DeviceTwice.into(),
        _ => protocol(error),
    }
}

fn leaf_in_commit(error: LeafNodeValidationError) -> Error {
    match error {
        LeafNodeValidationError::Lifetime(error) => lifetime(error),
        _ => protocol(error),
    }
}

pub(crate) fn key_package(error: KeyPackageVerifyError) -> Error {
    use KeyPackageVerifyError as E;
    match error {
        E::LibraryError(_) => Error::library(error),
        E::LifetimeError(error) => lifetime(error),
        E::InvalidSignature | E::InvalidLeafNodeSignature => NOT_SIGNED,
        _ => protocol(error),
    }
}

fn lifetime(error: LifetimeError) -> Error {
    match error {
        LifetimeError::Expired { .. } => Refusal::Expired.into(),
        LifetimeError::NotValidYet { .. } => Refusal::NotValidYet.into(),
        LifetimeError::SystemTimeBeforeUnixEpoch => Error::library(error),
    }
}

pub(crate) fn commit(error: CreateCommitError) -> Error {
    use CreateCommitError as E;
    match error {
        E::ProposalValidationError(error) => proposal(error),
        E::LeafNodeValidation(error) => leaf_in_commit(error),
        E::CannotRemoveSelf => Refusal::RemovesItself.into(),
        _ => Error::library(error),
    }
}

pub(crate) fn external_builder(error: ExternalCommitBuilderError<StoreError>) -> Error {
    use ExternalCommitBuilderError as E;
    match error {
        E::PublicGroupError(error) => external(error),
        // The library says so of an external public key that is none, too.
        E::MissingExternalPub | E::UnsupportedCiphersuite(_) => Refusal::GroupInfoExtensions.into(),
        error => Error::library(error),
    }
}

pub(crate) fn external(error: CreationFromExternalError<StoreError>) -> Error {
    use CreationFromExternalError as E;
    match error {
        E::LibraryError(_) | E::WriteToStorageError(_) => Error::library(error),
        E::InvalidGroupInfoSignature => NOT_SIGNED,
        E::TreeHashMismatch => Error::NotAuthentic("the tree is not the one of the group info"),
        E::UnsupportedCiphersuite(_) | E::UnsupportedMlsVersion => Refusal::Suite.into(),
        E::DuplicateSignatureKey => Refusal::DeviceTwice.into(),
        E::LeafNodeValidation(error) => leaf_in_commit(error),
        _ => protocol(error),
    }
}

pub(crate) fn welcome(error: WelcomeError<StoreError>) -> Error {
    use WelcomeError as E;
    match error {
        E::LibraryError(_)
        | E::StorageError(_)
        | E::PrivateInitKeyNotFound
        | E::NoMatchingEncryptionKey => Error::library(error),
        E::NoMatchingKeyPackage => {
            Error::Unreadable("the welcome is for none of this device's key packages")
        }
        E::JoinerSecretNotFound | E::NotAWelcomeMessage | E::MalformedWelcomeMessage => {
            Error::Malformed("the welcome lacks a part")
        }
        E::GroupSecrets(GroupSecretsError::Malformed) | E::GroupInfo(GroupInfoError::Malformed) => {
            Error::Malformed("the welcome's content is malformed")
        }
        E::GroupSecrets(GroupSecretsError::DecryptionFailed)
        | E::GroupInfo(GroupInfoError::DecryptionFailed)
        | E::UnableToDecrypt => Error::NotAuthentic("the welcome does not decrypt"),
        E::InvalidGroupInfoSignature => NOT_SIGNED,
        E::ConfirmationTagMismatch => Error::NotAuthentic("the confirmation tag does not verify"),
        E::PublicGroupError(error) => external(error),
        E::Psk(_) => Refusal::Welcome.into(),
        E::UnsupportedCiphersuite(_) | E::UnsupportedMlsVersion => Refusal::Suite.into(),
        _ => protocol(error),
    }
}
