//! X-Wing keys.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::kem;

use crate::errors::raise;
use crate::input::Bytes;

/// An X-Wing key pair.
#[pyclass(frozen, module = "qnpc._core")]
pub struct HybridKey(pub kem::HybridKey);

#[guarded]
#[pymethods]
impl HybridKey {
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<Self> {
        py.detach(kem::HybridKey::generate).map(Self).map_err(raise)
    }

    #[staticmethod]
    fn from_secret(py: Python<'_>, seed: Bytes<'_>) -> PyResult<Self> {
        py.detach(|| kem::HybridKey::from_seed(&seed))
            .map(Self)
            .map_err(raise)
    }

    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.public())
    }

    fn secret<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.seed().as_slice())
    }
}

/// (shared secret, encapsulation) for a public key.
#[guarded]
#[pyfunction]
pub fn encapsulate<'py>(
    py: Python<'py>,
    public_key: &[u8],
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (shared, encapsulation) = py.detach(|| kem::encapsulate(public_key)).map_err(raise)?;
    Ok((
        PyBytes::new(py, shared.as_slice()),
        PyBytes::new(py, &encapsulation),
    ))
}

/// The shared secret of an encapsulation.
#[guarded]
#[pyfunction]
pub fn decapsulate<'py>(
    py: Python<'py>,
    key: &HybridKey,
    encapsulation: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let shared = py
        .detach(|| key.0.decapsulate(encapsulation))
        .map_err(raise)?;
    Ok(PyBytes::new(py, shared.as_slice()))
}

/// Holds a hybrid key against the device that signed it.
#[guarded]
#[pyfunction]
pub fn verify_hybrid_key(
    py: Python<'_>,
    device: &[u8],
    public_key: &[u8],
    signature: &[u8],
) -> PyResult<()> {
    py.detach(|| kem::verify_key(device, public_key, signature))
        .map_err(raise)
}
