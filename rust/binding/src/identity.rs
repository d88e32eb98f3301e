//! Identity and device keys, and what they sign.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::certificate::Certificate;
use qnpc_crypto::signature::{self, SigningKey};

use crate::errors::{raise, raise_as, Class};
use crate::input::Bytes;

/// A signing key from a 32-byte seed that comes from Python.
fn from_secret(py: Python<'_>, seed: &[u8]) -> PyResult<SigningKey> {
    let seed = qnpc_crypto::secret::Secret::from_slice(seed)
        .ok_or_else(|| raise_as(Class::Malformed, "a signing key's seed is 32 bytes"))?;
    py.detach(|| SigningKey::from_seed(&seed)).map_err(raise)
}

fn sign<'py>(
    py: Python<'py>,
    key: &SigningKey,
    context: &str,
    message: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    if !signature::is_context(context) {
        return Err(raise_as(
            Class::Malformed,
            "a context is not empty and holds no zero byte",
        ));
    }
    let signature = py.detach(|| key.sign(context, message));
    Ok(PyBytes::new(py, &signature))
}

/// An account's Ed25519 identity key.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Identity(SigningKey);

#[guarded]
#[pymethods]
impl Identity {
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<Self> {
        py.detach(SigningKey::generate).map(Self).map_err(raise)
    }

    #[staticmethod]
    fn from_secret(py: Python<'_>, seed: Bytes<'_>) -> PyResult<Self> {
        from_secret(py, &seed).map(Self)
    }

    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.public())
    }

    fn secret<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.seed().as_slice())
    }

    fn sign<'py>(
        &self,
        py: Python<'py>,
        context: &str,
        message: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        sign(py, &self.0, context, message)
    }

    fn certify<'py>(
        &self,
        py: Python<'py>,
        username: &str,
        device: &[u8],
        created: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let device = device
            .try_into()
            .map_err(|_| raise_as(Class::Malformed, "a device key is 32 bytes"))?;
        let certificate = py
            .detach(|| Certificate::issue(&self.0, username, device, created))
            .map_err(raise)?;
        Ok(PyBytes::new(py, &certificate))
    }

    fn revoke<'py>(
        &self,
        py: Python<'py>,
        device: &[u8],
        revoked: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let device = device
            .try_into()
            .map_err(|_| raise_as(Class::Malformed, "a device key is 32 bytes"))?;
        let revocation = py
            .detach(|| qnpc_mls::Revocation::issue(&self.0, device, revoked))
            .map_err(raise)?;
        Ok(PyBytes::new(py, &revocation))
    }
}

/// A device's Ed25519 key, which is also its MLS signature key.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Device(pub SigningKey);

#[guarded]
#[pymethods]
impl Device {
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<Self> {
        py.detach(SigningKey::generate).map(Self).map_err(raise)
    }

    #[staticmethod]
    fn from_secret(py: Python<'_>, seed: Bytes<'_>) -> PyResult<Self> {
        from_secret(py, &seed).map(Self)
    }

    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.public())
    }

    fn secret<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.seed().as_slice())
    }

    fn sign<'py>(
        &self,
        py: Python<'py>,
        context: &str,
        message: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        sign(py, &self.0, context, message)
    }

    fn sign_hybrid_key<'py>(
        &self,
        py: Python<'py>,
        public_key: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let signature = py
            .detach(|| qnpc_crypto::kem::sign_key(&self.0, public_key))
            .map_err(raise)?;
        Ok(PyBytes::new(py, &signature))
    }
}

/// The counterpart of `Identity.sign` and `Device.sign`.
#[guarded]
#[pyfunction]
pub fn verify(
    py: Python<'_>,
    public_key: &[u8],
    context: &str,
    message: &[u8],
    signature: &[u8],
) -> PyResult<()> {
    py.detach(|| signature::verify(public_key, context, message, signature))
        .map_err(raise)
}
