//! `qnpc._core`: a table of contents. One file per domain; what each name does is documented in `_core.pyi`.

use pyo3::prelude::*;

mod certificate;
mod errors;
mod identity;

#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::errors::{
        CoreError, EpochStale, Malformed, NotAuthentic, Refused, StateError, Unreadable,
    };

    #[pymodule_export]
    use crate::identity::{verify, Device, Identity};

    #[pymodule_export]
    use crate::certificate::Certificate;
}
