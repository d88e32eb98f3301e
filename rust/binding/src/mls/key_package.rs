//! KeyPackages, made and validated.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::store::MlsStore;
use crate::certificate::Certificate;
use crate::errors::raise;
use crate::identity::Device;

/// A validated KeyPackage.
#[pyclass(frozen, module = "qnpc._core")]
pub struct KeyPackageInfo(qnpc_mls::key_package::Info);

#[pymethods]
impl KeyPackageInfo {
    #[getter]
    fn suite(&self) -> u16 {
        self.0.suite.code()
    }

    #[getter]
    fn certificate(&self) -> Certificate {
        Certificate(self.0.certificate.clone())
    }

    #[getter]
    fn reference<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.reference)
    }

    #[getter]
    fn not_after(&self) -> u64 {
        self.0.not_after
    }
}

/// One-time KeyPackages as MLSMessages.
#[pyfunction]
pub fn generate_key_packages(
    py: Python<'_>,
    store: &MlsStore,
    device: &Device,
    certificate: &[u8],
    suite: u16,
    count: usize,
) -> PyResult<Vec<Vec<u8>>> {
    let suite = super::suite(suite)?;
    py.detach(|| qnpc_mls::key_package::generate(&store.0, &device.0, certificate, suite, count))
        .map_err(raise)
}

/// Validates a KeyPackage.
#[pyfunction]
pub fn inspect_key_package(py: Python<'_>, message: &[u8]) -> PyResult<KeyPackageInfo> {
    py.detach(|| qnpc_mls::key_package::inspect(message))
        .map(KeyPackageInfo)
        .map_err(raise)
}
