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

#[guarded]
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

    #[getter]
    fn last_resort(&self) -> bool {
        self.0.last_resort
    }
}

/// A KeyPackage whose private part is in the store.
#[pyclass(frozen, module = "qnpc._core")]
pub struct StoredKeyPackage(qnpc_mls::key_package::Stored);

impl From<qnpc_mls::key_package::Stored> for StoredKeyPackage {
    fn from(stored: qnpc_mls::key_package::Stored) -> Self {
        Self(stored)
    }
}

#[guarded]
#[pymethods]
impl StoredKeyPackage {
    #[getter]
    fn suite(&self) -> u16 {
        self.0.suite.code()
    }

    #[getter]
    fn reference<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.reference)
    }

    #[getter]
    fn not_after(&self) -> u64 {
        self.0.not_after
    }

    #[getter]
    fn last_resort(&self) -> bool {
        self.0.last_resort
    }
}

/// One-time KeyPackages as MLSMessages.
#[guarded]
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

/// The KeyPackage for when there is no other.
#[guarded]
#[pyfunction]
pub fn generate_last_resort(
    py: Python<'_>,
    store: &MlsStore,
    device: &Device,
    certificate: &[u8],
    suite: u16,
) -> PyResult<Vec<u8>> {
    let suite = super::suite(suite)?;
    py.detach(|| {
        qnpc_mls::key_package::generate_last_resort(&store.0, &device.0, certificate, suite)
    })
    .map_err(raise)
}

/// Validates a KeyPackage.
#[guarded]
#[pyfunction]
pub fn inspect_key_package(py: Python<'_>, message: &[u8]) -> PyResult<KeyPackageInfo> {
    py.detach(|| qnpc_mls::key_package::inspect(message))
        .map(KeyPackageInfo)
        .map_err(raise)
}
