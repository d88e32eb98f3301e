//! SHA-256, HMAC and HKDF.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::hash;

use crate::errors::{raise, raise_as, Class};
use crate::input::{long, Bytes};

#[guarded]
#[pyfunction]
pub fn sha256<'py>(py: Python<'py>, data: Bytes<'_>) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &long(py, data.len(), || hash::sha256(&data)))
}

#[guarded]
#[pyfunction]
pub fn hmac_sha256<'py>(
    py: Python<'py>,
    key: Bytes<'_>,
    message: Bytes<'_>,
) -> Bound<'py, PyBytes> {
    let mac = long(py, message.len(), || hash::hmac_sha256(&key, &[&message]));
    PyBytes::new(py, mac.as_slice())
}

#[guarded]
#[pyfunction]
pub fn hkdf_extract<'py>(py: Python<'py>, salt: Bytes<'_>, ikm: Bytes<'_>) -> Bound<'py, PyBytes> {
    let prk = long(py, ikm.len(), || hash::hkdf_extract(&salt, &[&ikm]));
    PyBytes::new(py, prk.as_slice())
}

#[guarded]
#[pyfunction]
pub fn hkdf_expand<'py>(
    py: Python<'py>,
    prk: Bytes<'_>,
    info: Bytes<'_>,
    length: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, at_most(length)?, |out| {
        hash::hkdf_expand(&prk, &[&info], out).map_err(raise)
    })
}

#[guarded]
#[pyfunction]
pub fn hkdf<'py>(
    py: Python<'py>,
    salt: Bytes<'_>,
    ikm: Bytes<'_>,
    info: Bytes<'_>,
    length: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, at_most(length)?, |out| {
        hash::hkdf(&salt, &ikm, &info, out).map_err(raise)
    })
}

/// Before memory is taken for it.
fn at_most(length: usize) -> PyResult<usize> {
    if length > 255 * hash::DIGEST {
        return Err(raise_as(
            Class::Malformed,
            "HKDF-SHA256 gives at most 8160 bytes",
        ));
    }
    Ok(length)
}
