//! Device certificates, read.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::raise;

/// A verified device certificate.
#[pyclass(frozen, eq, hash, module = "qnpc._core")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Certificate(pub qnpc_crypto::certificate::Certificate);

#[guarded]
#[pymethods]
impl Certificate {
    #[staticmethod]
    fn parse(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        py.detach(|| qnpc_crypto::certificate::Certificate::parse(data))
            .map(Self)
            .map_err(raise)
    }

    #[getter]
    fn username(&self) -> &str {
        self.0.username()
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
    fn created(&self) -> u64 {
        self.0.created()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }
}
