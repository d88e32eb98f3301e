//! Commits on their way into a group, others' and our own.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_mls::message::MessageId;

use super::member::{members, Member};

/// A commit that verified and passed the policy, not merged yet.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Change(pub Box<qnpc_mls::Change>);

#[guarded]
#[pymethods]
impl Change {
    #[getter]
    fn committer(&self) -> Member {
        self.0.committer().clone().into()
    }

    #[getter]
    fn external(&self) -> bool {
        self.0.external()
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    #[getter]
    fn message_id(&self) -> MessageId {
        self.0.message_id()
    }

    #[getter]
    fn added(&self) -> Vec<Member> {
        members(self.0.added().iter().cloned())
    }

    #[getter]
    fn removed(&self) -> Vec<Member> {
        members(self.0.removed().iter().cloned())
    }

    #[getter]
    fn left(&self) -> Vec<Member> {
        members(self.0.left().iter().cloned())
    }

    #[getter]
    fn revoked(&self) -> Vec<Member> {
        members(self.0.revoked().iter().cloned())
    }

    #[getter]
    fn promoted<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let keys = self.0.promoted().into_iter();
        keys.map(|key| PyBytes::new(py, &key)).collect()
    }

    #[getter]
    fn demoted<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let keys = self.0.demoted().into_iter();
        keys.map(|key| PyBytes::new(py, &key)).collect()
    }

    #[getter]
    fn removes_self(&self) -> bool {
        self.0.removes_self()
    }
}

/// Our own pending commit came back.
#[pyclass(frozen, module = "qnpc._core")]
pub struct OwnCommit(pub qnpc_mls::OwnCommit);

#[guarded]
#[pymethods]
impl OwnCommit {
    #[getter]
    fn message_id(&self) -> MessageId {
        self.0.message_id
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch
    }
}

/// A commit of our own, staged in the group.
#[pyclass(frozen, module = "qnpc._core")]
pub struct PendingCommit(pub qnpc_mls::PendingCommit);

#[guarded]
#[pymethods]
impl PendingCommit {
    #[getter]
    fn commit<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.commit)
    }

    #[getter]
    fn welcome<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0
            .welcome
            .as_ref()
            .map(|welcome| PyBytes::new(py, welcome))
    }

    #[getter]
    fn group_info<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.group_info)
    }
}
