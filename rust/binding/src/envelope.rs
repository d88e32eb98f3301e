//! The sealed envelope.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::envelope;

use crate::certificate::Certificate;
use crate::errors::raise;
use crate::identity::Device;
use crate::kem::HybridKey;

/// Seals to an X-Wing public key; the sender is inside.
#[guarded]
#[pyfunction]
pub fn seal_envelope<'py>(
    py: Python<'py>,
    recipient: &[u8],
    sender: &Device,
    certificate: &[u8],
    context: &[u8],
    plaintext: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let envelope = py
        .detach(|| envelope::seal(recipient, &sender.0, certificate, context, plaintext))
        .map_err(raise)?;
    Ok(PyBytes::new(py, &envelope))
}

/// (sender's certificate, plaintext).
#[guarded]
#[pyfunction]
pub fn open_envelope<'py>(
    py: Python<'py>,
    key: &HybridKey,
    context: &[u8],
    envelope: &[u8],
) -> PyResult<(Certificate, Bound<'py, PyBytes>)> {
    let (certificate, plaintext) = py
        .detach(|| envelope::open(&key.0, context, envelope))
        .map_err(raise)?;
    Ok((Certificate(certificate), PyBytes::new(py, &plaintext)))
}
