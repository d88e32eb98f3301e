//! AES-256-GCM.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::aead::{plaintext_length, OVERHEAD};

use crate::errors::raise;
use crate::input::{long, Bytes};

/// AES-256-GCM under one key.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Aead(qnpc_crypto::aead::Aead);

#[guarded]
#[pymethods]
impl Aead {
    #[new]
    fn new(key: Bytes<'_>) -> PyResult<Self> {
        qnpc_crypto::aead::Aead::new(&key).map(Self).map_err(raise)
    }

    #[pyo3(signature = (plaintext, aad = Bytes::Lent(b"")), text_signature = "($self, plaintext, aad=b'')")]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        plaintext: Bytes<'_>,
        aad: Bytes<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, plaintext.len().saturating_add(OVERHEAD), |out| {
            long(py, plaintext.len(), || {
                self.0.seal_into(&plaintext, &aad, out)
            })
            .map_err(raise)
        })
    }

    #[pyo3(signature = (sealed, aad = Bytes::Lent(b"")), text_signature = "($self, sealed, aad=b'')")]
    fn open<'py>(
        &self,
        py: Python<'py>,
        sealed: Bytes<'_>,
        aad: Bytes<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, plaintext_length(&sealed).map_err(raise)?, |out| {
            long(py, sealed.len(), || self.0.open_into(&sealed, &aad, out)).map_err(raise)
        })
    }
}
