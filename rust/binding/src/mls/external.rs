//! A commit by which this device joins by itself.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::member::{members, Member};

/// An external commit, and the state that it leads to.
#[pyclass(frozen, module = "qnpc._core")]
pub struct ExternalCommit(pub qnpc_mls::ExternalCommit);

type Row<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);

#[guarded]
#[pymethods]
impl ExternalCommit {
    #[getter]
    fn commit<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.commit)
    }

    #[getter]
    fn group_info<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.group_info)
    }

    #[getter]
    fn group_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.group_id)
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch
    }

    fn members(&self) -> Vec<Member> {
        members(self.0.members.iter().cloned())
    }

    fn rows<'py>(&self, py: Python<'py>) -> Vec<Row<'py>> {
        let bytes = |bytes: &[u8]| PyBytes::new(py, bytes);
        let rows = self.0.rows.iter();
        rows.map(|(scope, key, value)| (bytes(scope), bytes(key), bytes(value)))
            .collect()
    }
}
