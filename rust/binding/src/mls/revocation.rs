//! Revocations of devices, read.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::certificate::Certificate;
use crate::errors::raise;

/// A verified revocation of a device.
#[pyclass(frozen, eq, hash, module = "qnpc._core")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Revocation(qnpc_mls::Revocation);

#[guarded]
#[pymethods]
impl Revocation {
    #[staticmethod]
    fn parse(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        py.detach(|| qnpc_mls::Revocation::parse(data))
            .map(Self)
            .map_err(raise)
    }

    #[getter]
    fn identity_key(&self) -> [u8; 32] {
        self.0.identity_key()
    }

    #[getter]
    fn device(&self) -> [u8; 32] {
        self.0.device()
    }

    #[getter]
    fn revoked(&self) -> u64 {
        self.0.revoked()
    }

    fn covers(&self, certificate: &Certificate) -> bool {
        self.0.covers(&certificate.0)
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }
}
