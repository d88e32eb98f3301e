//! The rows of MLS state, to and from the database.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use qnpc_mls::Store;
use zeroize::Zeroizing;

use super::key_package::StoredKeyPackage;
use crate::errors::raise;

pub(super) type Row = (PyBackedBytes, PyBackedBytes, PyBackedBytes);
type Changed<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Option<Bound<'py, PyBytes>>,
);

/// A row out of Python's hands.
pub(super) fn owned((scope, key, value): Row) -> qnpc_mls::store::Row {
    let value = Zeroizing::new(value.to_vec()).into();
    (scope.to_vec(), key.to_vec(), value)
}

/// All MLS state of one device as rows.
#[pyclass(frozen, module = "qnpc._core")]
pub struct MlsStore(pub Arc<Store>);

#[guarded]
#[pymethods]
impl MlsStore {
    #[new]
    fn new() -> Self {
        Self(Arc::new(Store::new()))
    }

    fn load(&self, py: Python<'_>, rows: Vec<Row>) -> PyResult<()> {
        py.detach(|| self.0.load(rows.into_iter().map(owned)))
            .map_err(raise)
    }

    fn take_delta<'py>(&self, py: Python<'py>) -> PyResult<Vec<Changed<'py>>> {
        let delta = py.detach(|| self.0.take_delta()).map_err(raise)?;
        let rows = delta.into_iter().map(|(scope, key, value)| {
            (
                PyBytes::new(py, &scope),
                PyBytes::new(py, &key),
                value.map(|value| PyBytes::new(py, &value)),
            )
        });
        Ok(rows.collect())
    }

    fn key_packages(&self, py: Python<'_>) -> PyResult<Vec<StoredKeyPackage>> {
        let stored = py.detach(|| qnpc_mls::key_package::stored(&self.0));
        let stored = stored.map_err(raise)?.into_iter();
        Ok(stored.map(StoredKeyPackage::from).collect())
    }

    fn delete_key_packages(
        &self,
        py: Python<'_>,
        references: Vec<PyBackedBytes>,
    ) -> PyResult<usize> {
        py.detach(|| qnpc_mls::key_package::delete(&self.0, &references))
            .map_err(raise)
    }

    fn discard(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.discard()).map_err(raise)
    }
}
