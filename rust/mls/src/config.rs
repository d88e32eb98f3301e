//! How every group and every leaf of ours is set up. One place, because both sides of an interface must agree on it.

use openmls::prelude::{
    Capabilities, CredentialType, Extension, ExtensionType, Extensions, GroupContext, Lifetime,
    MlsGroupCreateConfig, MlsGroupJoinConfig, RequiredCapabilitiesExtension,
    SenderRatchetConfiguration, UnknownExtension, PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
};

use crate::error::Error;
use crate::roles::{self, Roles};
use crate::suite::Suite;

/// Lengths of application messages are rounded up to a multiple of this.
const PADDING: usize = 256;
/// How many epochs back an application message can still be read.
const PAST_EPOCHS: usize = 2;
/// How far behind the newest message of its sender, in messages, one may arrive.
const OUT_OF_ORDER: u32 = 32;
/// How many messages of a sender may be missing before one.
const FORWARD: u32 = 2000;
/// A day less than the 84 that the policy allows: a key package made on a clock that runs ahead still passes.
const LIFETIME: u64 = 83 * 86_400;

/// What a leaf of ours can do: one version, the suites, basic credentials, and the roles extension.
pub(crate) fn capabilities() -> Capabilities {
    capable_of(vec![ExtensionType::Unknown(roles::EXTENSION)])
}

/// The same in a last-resort KeyPackage, whose leaf must name all extensions around it (RFC 9420, section 10.1).
pub(crate) fn last_resort_capabilities() -> Capabilities {
    capable_of(vec![
        ExtensionType::Unknown(roles::EXTENSION),
        ExtensionType::LastResort,
    ])
}

fn capable_of(extensions: Vec<ExtensionType>) -> Capabilities {
    Capabilities::builder()
        .ciphersuites(Suite::ALL.map(Suite::ciphersuite).to_vec())
        .extensions(extensions)
        .credentials(vec![CredentialType::Basic])
        .build()
}

/// What every leaf of a group must be able to do.
pub(crate) fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(roles::EXTENSION)],
        &[],
        &[CredentialType::Basic],
    )
}

/// The whole GroupContext extension list of a group with these roles; the policy takes no other.
pub(crate) fn context_extensions(roles: &Roles) -> Result<Extensions<GroupContext>, Error> {
    Extensions::from_vec(vec![
        Extension::RequiredCapabilities(required_capabilities()),
        Extension::Unknown(roles::EXTENSION, UnknownExtension(roles.encode())),
    ])
    .map_err(Error::library)
}

/// The lifetime of leaves that are made now. It is read off the system's clock, as openmls does when it validates one.
pub(crate) fn lifetime() -> Lifetime {
    #[cfg(feature = "simulation")]
    if let Some(lifetime) = crate::simulation::lifetime(LIFETIME) {
        return lifetime;
    }
    Lifetime::new(LIFETIME)
}

/// The time by that clock, Unix seconds.
pub(crate) fn now() -> u64 {
    Lifetime::new(0).not_after()
}

/// Handshakes in the clear and signed, so that the node can follow; the tree out of band.
pub(crate) fn create(suite: Suite, roles: &Roles) -> Result<MlsGroupCreateConfig, Error> {
    Ok(MlsGroupCreateConfig::builder()
        .ciphersuite(suite.ciphersuite())
        .capabilities(capabilities())
        .lifetime(lifetime())
        .with_group_context_extensions(context_extensions(roles)?)
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .max_past_epochs(PAST_EPOCHS)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD))
        .use_ratchet_tree_extension(false)
        .build())
}

/// The same for those who join.
pub(crate) fn join() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .max_past_epochs(PAST_EPOCHS)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD))
        .use_ratchet_tree_extension(false)
        .build()
}
