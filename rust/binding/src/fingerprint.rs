//! Safety numbers.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::raise;

/// The safety number of two accounts.
#[pyclass(frozen, module = "qnpc._core")]
pub struct SafetyNumber(qnpc_crypto::fingerprint::SafetyNumber);

#[guarded]
#[pymethods]
impl SafetyNumber {
    #[new]
    fn new(
        py: Python<'_>,
        username: &str,
        identity_key: &[u8],
        other_username: &str,
        other_identity_key: &[u8],
    ) -> PyResult<Self> {
        let own = (username, identity_key);
        let other = (other_username, other_identity_key);
        py.detach(|| qnpc_crypto::fingerprint::SafetyNumber::new(own, other))
            .map(Self)
            .map_err(raise)
    }

    #[getter]
    fn digits(&self) -> String {
        self.0.digits()
    }

    #[getter]
    fn code<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.code())
    }

    fn check(&self, scanned: &[u8]) -> PyResult<()> {
        self.0.check(scanned).map_err(raise)
    }
}
