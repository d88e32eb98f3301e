//! The node's view of a group.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use super::change::Change;
use super::member::{members, Member};
use super::{externals, keys, Shared};
use crate::errors::raise;

/// The public half of a group.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Tracker(Shared<qnpc_mls::Tracker>);

#[guarded]
#[pymethods]
impl Tracker {
    #[staticmethod]
    fn from_group_info(py: Python<'_>, group_info: &[u8], tree: &[u8]) -> PyResult<Self> {
        py.detach(|| qnpc_mls::Tracker::from_group_info(group_info, tree))
            .map(|tracker| Self(Shared::new(tracker)))
            .map_err(raise)
    }

    #[getter]
    fn group_id(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.0.with(py, |tracker| Ok(tracker.group_id().to_vec()))
    }

    #[getter]
    fn suite(&self, py: Python<'_>) -> PyResult<u16> {
        self.0.with(py, |tracker| Ok(tracker.suite().code()))
    }

    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.with(py, |tracker| Ok(tracker.epoch()))
    }

    fn members(&self, py: Python<'_>) -> PyResult<Vec<Member>> {
        self.0
            .with(py, |tracker| Ok(tracker.members()))
            .map(members)
    }

    fn leaver(&self, py: Python<'_>, request: &[u8]) -> PyResult<Member> {
        self.0
            .with(py, |tracker| tracker.leaver(request))
            .map(Member::from)
    }

    fn tree(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.0.with(py, |tracker| tracker.tree())
    }

    #[pyo3(signature = (commit, sender, group_info, *, barred=None))]
    fn process(
        &self,
        py: Python<'_>,
        commit: &[u8],
        sender: &[u8],
        group_info: &[u8],
        barred: Option<Vec<PyBackedBytes>>,
    ) -> PyResult<Change> {
        let barred = barred.as_deref().map(keys).transpose()?;
        let externals = externals(barred.as_deref());
        self.0
            .with(py, |tracker| {
                tracker.process(commit, sender, group_info, externals)
            })
            .map(|change| Change(Box::new(change)))
    }

    fn tree_after(&self, py: Python<'_>, change: &Change) -> PyResult<Vec<u8>> {
        self.0.with(py, |tracker| tracker.tree_after(&change.0))
    }

    fn merge(&self, py: Python<'_>, change: &Change) -> PyResult<()> {
        self.0.with(py, |tracker| tracker.merge(&change.0))
    }
}
