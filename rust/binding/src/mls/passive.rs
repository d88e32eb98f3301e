//! The client for conformance vectors. A test holds that nothing of the product imports it.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use super::Shared;
use crate::errors::raise;

/// A member that only follows, without a policy.
#[pyclass(frozen, module = "qnpc._core")]
pub struct PassiveClient(Shared<qnpc_mls::PassiveClient>);

#[guarded]
#[pymethods]
impl PassiveClient {
    #[new]
    fn new(
        py: Python<'_>,
        key_package: &[u8],
        init_key: &[u8],
        encryption_key: &[u8],
        external_psks: Vec<(PyBackedBytes, PyBackedBytes)>,
    ) -> PyResult<Self> {
        let psks: Vec<_> = external_psks
            .into_iter()
            .map(|(id, psk)| (id.to_vec(), psk.to_vec()))
            .collect();
        py.detach(|| qnpc_mls::PassiveClient::new(key_package, init_key, encryption_key, &psks))
            .map(|client| Self(Shared::new(client)))
            .map_err(raise)
    }

    #[pyo3(signature = (welcome, tree=None))]
    fn join(&self, py: Python<'_>, welcome: &[u8], tree: Option<&[u8]>) -> PyResult<Vec<u8>> {
        self.0.with(py, |client| client.join(welcome, tree))
    }

    fn process(
        &self,
        py: Python<'_>,
        proposals: Vec<PyBackedBytes>,
        commit: &[u8],
    ) -> PyResult<Vec<u8>> {
        self.0.with(py, |client| client.process(&proposals, commit))
    }
}
