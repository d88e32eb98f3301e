//! MLSMessages, read in the clear.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_mls::message::{Info, Kind};

use crate::errors::raise;

/// What an MLSMessage says in the clear.
#[pyclass(frozen, module = "qnpc._core")]
pub struct MessageInfo(Info);

#[guarded]
#[pymethods]
impl MessageInfo {
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.kind {
            Kind::Application => "application",
            Kind::Commit => "commit",
            Kind::Proposal => "proposal",
            Kind::Welcome => "welcome",
            Kind::GroupInfo => "group_info",
            Kind::KeyPackage => "key_package",
        }
    }

    #[getter]
    fn private(&self) -> bool {
        self.0.private
    }

    #[getter]
    fn group_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.group_id)
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch
    }

    #[getter]
    fn message_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.message_id())
    }

    #[getter]
    fn authenticated_data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.authenticated_data)
    }
}

/// Reads the clear parts of a message.
#[guarded]
#[pyfunction]
pub fn inspect_message(py: Python<'_>, message: &[u8]) -> PyResult<MessageInfo> {
    py.detach(|| qnpc_mls::message::inspect(message))
        .map(MessageInfo)
        .map_err(raise)
}
