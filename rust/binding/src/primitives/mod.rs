//! `qnpc._core.primitives`: what the core is made of, for conformance tests and measurements.
//!
//! Here nonces and randomness can be given, and a mistake with them costs the key. Nothing of the product may import it, which a test
//! of the house holds.

use pyo3::prelude::*;

mod cipher;
mod curves;
mod hash;
mod mlkem;

/// Also importable as a module of its own: a submodule of an extension is not found by itself.
pub fn register(module: &Bound<'_, PyModule>, name: &str) -> PyResult<()> {
    module
        .py()
        .import("sys")?
        .getattr("modules")?
        .set_item(name, module)
}

/// Panics, with or without the GIL: how a test sees what becomes of a panic.
#[allow(clippy::panic)]
#[guarded]
#[pyfunction]
fn fail_on_purpose(py: Python<'_>, detached: bool) -> PyResult<()> {
    if detached {
        py.detach(|| panic!("CANARY"));
    }
    panic!("CANARY");
}

#[pymodule]
#[pyo3(name = "primitives", module = "qnpc._core")]
pub mod contents {
    use super::*;

    #[pymodule_export]
    use super::cipher::Cipher;

    #[pymodule_export]
    use super::hash::{hkdf, hkdf_expand, hkdf_extract, hmac_sha256, sha256};

    #[pymodule_export]
    use super::curves::{ed25519_verify, ed25519_verify_many, Ed25519Key, X25519Key};

    #[pymodule_export]
    use super::mlkem::{
        mlkem_encapsulate, mlkem_encapsulate_derandomized, xwing_encapsulate_derandomized, MlKemKey,
    };

    #[pymodule_export]
    use super::fail_on_purpose;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        register(module, "qnpc._core.primitives")
    }
}
