//! AES-256-GCM.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::raise;

/// From this size on, sealing takes longer than giving the GIL away and taking it back.
const LONG: usize = 64 * 1024;

/// AES-256-GCM under one key.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Aead(qnpc_crypto::aead::Aead);

#[pymethods]
impl Aead {
    #[new]
    fn new(key: &[u8]) -> PyResult<Self> {
        qnpc_crypto::aead::Aead::new(key).map(Self).map_err(raise)
    }

    #[pyo3(signature = (plaintext, aad = b"".as_slice()), text_signature = "($self, plaintext, aad=b'')")]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        plaintext: &[u8],
        aad: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let seal = || self.0.seal(plaintext, aad);
        let sealed = long(py, plaintext.len(), seal).map_err(raise)?;
        Ok(PyBytes::new(py, &sealed))
    }

    #[pyo3(signature = (sealed, aad = b"".as_slice()), text_signature = "($self, sealed, aad=b'')")]
    fn open<'py>(
        &self,
        py: Python<'py>,
        sealed: &[u8],
        aad: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let open = || self.0.open(sealed, aad);
        let plaintext = long(py, sealed.len(), open).map_err(raise)?;
        Ok(PyBytes::new(py, &plaintext))
    }
}

/// Runs `work` without the GIL if it has much to do.
fn long<T: Send>(py: Python<'_>, size: usize, work: impl FnOnce() -> T + Send) -> T {
    if size < LONG {
        work()
    } else {
        py.detach(work)
    }
}
