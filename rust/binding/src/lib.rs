//! `qnpc._core`: a table of contents. One file per domain; what each name does is documented in the stubs, `_core/*.pyi`.

#[macro_use]
extern crate qnpc_guard;

use pyo3::prelude::*;

mod certificate;
mod envelope;
mod errors;
mod fingerprint;
mod identity;
mod input;
mod kem;
mod mls;
mod opaque;
mod packet;
mod primitives;
#[cfg(feature = "simulation")]
mod simulation;
mod symmetric;
mod vault;

#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::errors::{
        CoreError, EpochStale, Malformed, NotAuthentic, Panicked, Refused, StateError, Unreadable,
    };

    #[pymodule_export]
    use crate::symmetric::Aead;

    #[pymodule_export]
    use crate::packet::PacketProtection;

    #[pymodule_export]
    use crate::kem::{decapsulate, encapsulate, verify_hybrid_key, HybridKey};

    #[pymodule_export]
    use crate::envelope::{open_envelope, seal_envelope};

    #[pymodule_export]
    use crate::vault::{open_vault, seal_vault, vault_header};

    #[pymodule_export]
    use crate::identity::{verify, Device, Identity};

    #[pymodule_export]
    use crate::certificate::Certificate;

    #[pymodule_export]
    use crate::fingerprint::SafetyNumber;

    #[pymodule_export]
    use crate::opaque::{
        Argon2, OpaqueClientLogin, OpaqueClientRegistration, OpaqueServer, OpaqueServerLogin,
    };

    #[pymodule_export]
    use crate::mls::{
        encrypt_many, generate_key_packages, generate_last_resort, inspect_key_package,
        inspect_message, process_many, Application, Change, ExternalCommit, Group, KeyPackageInfo,
        Member, MessageInfo, MlsStore, OwnCommit, PendingCommit, Revocation, StoredKeyPackage,
        Tracker,
    };

    #[pymodule_export]
    use crate::mls::PassiveClient;
    #[pymodule_export]
    use crate::primitives::contents;
    #[cfg(feature = "simulation")]
    #[pymodule_export]
    use crate::simulation::contents as simulation;

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::errors::keep_panics_quiet();
        Ok(())
    }

    #[pymodule_export]
    const SUITE_CLASSICAL: u16 = qnpc_mls::Suite::Classical.code();

    #[pymodule_export]
    const SUITE_HYBRID: u16 = qnpc_mls::Suite::Hybrid.code();

    #[pymodule_export]
    const SUITES: (u16, u16) = (SUITE_CLASSICAL, SUITE_HYBRID);

    #[pymodule_export]
    const KEY_PACKAGE_FRESH: u64 = qnpc_mls::policy::FRESH;
}
