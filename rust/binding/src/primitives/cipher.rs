//! AEADs under given nonces.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::cipher::{Kind, TAG};

use crate::errors::{raise, raise_as, Class};
use crate::input::{long, Bytes};

/// An AEAD under one key, with nonces that the caller chooses.
#[pyclass(frozen, module = "qnpc._core.primitives")]
pub struct Cipher(qnpc_crypto::cipher::Cipher);

#[guarded]
#[pymethods]
impl Cipher {
    #[new]
    fn new(algorithm: &str, key: Bytes<'_>) -> PyResult<Self> {
        let kind = Kind::of(algorithm)
            .ok_or_else(|| raise_as(Class::Malformed, "there is no such algorithm here"))?;
        qnpc_crypto::cipher::Cipher::new(kind, &key)
            .map(Self)
            .map_err(raise)
    }

    #[pyo3(
        signature = (nonce, plaintext, aad = Bytes::Lent(b"")),
        text_signature = "($self, nonce, plaintext, aad=b'')"
    )]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        nonce: Bytes<'_>,
        plaintext: Bytes<'_>,
        aad: Bytes<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, plaintext.len().saturating_add(TAG), |out| {
            let seal = || self.0.seal_into(&nonce, &plaintext, &aad, out);
            long(py, plaintext.len(), seal).map_err(raise)
        })
    }

    #[pyo3(
        signature = (nonce, sealed, aad = Bytes::Lent(b"")),
        text_signature = "($self, nonce, sealed, aad=b'')"
    )]
    fn open<'py>(
        &self,
        py: Python<'py>,
        nonce: Bytes<'_>,
        sealed: Bytes<'_>,
        aad: Bytes<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        // Shorter than a tag: the cipher says so.
        PyBytes::new_with(py, sealed.len().saturating_sub(TAG), |out| {
            let open = || self.0.open_into(&nonce, &sealed, &aad, out);
            long(py, sealed.len(), open).map_err(raise)
        })
    }
}
