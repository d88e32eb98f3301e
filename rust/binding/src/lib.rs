//! `qnpc._core`: a table of contents. One file per domain; what each name does is documented in `_core.pyi`.

use pyo3::prelude::*;

mod certificate;
mod envelope;
mod errors;
mod identity;
mod kem;
mod opaque;
mod symmetric;
mod vault;

#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::errors::{
        CoreError, EpochStale, Malformed, NotAuthentic, Refused, StateError, Unreadable,
    };

    #[pymodule_export]
    use crate::symmetric::Aead;

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
    use crate::opaque::{
        Argon2, OpaqueClientLogin, OpaqueClientRegistration, OpaqueServer, OpaqueServerLogin,
    };
}
