//! The bytes of a profile's vault. It is small: opening it costs less than giving the GIL away.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::vault;

use crate::errors::raise;

/// The QPCE bytes.
#[guarded]
#[pyfunction]
pub fn seal_vault<'py>(
    py: Python<'py>,
    key: &[u8],
    header: &[u8],
    plaintext: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let vault = vault::seal(key, header, plaintext).map_err(raise)?;
    Ok(PyBytes::new(py, &vault))
}

/// The plaintext.
#[guarded]
#[pyfunction]
pub fn open_vault<'py>(py: Python<'py>, key: &[u8], vault: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let plaintext = vault::open(key, vault).map_err(raise)?;
    Ok(PyBytes::new(py, &plaintext))
}

/// The header, not authenticated yet.
#[guarded]
#[pyfunction]
pub fn vault_header<'py>(py: Python<'py>, vault: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let header = vault::header(vault).map_err(raise)?;
    Ok(PyBytes::new(py, header))
}
