//! X25519, and Ed25519 without a context.

use core::num::NonZeroUsize;
use std::thread;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::secret::Secret;
use qnpc_crypto::signature::{self, Signed, SigningKey};
use qnpc_crypto::x25519::PrivateKey;

use crate::errors::{raise, raise_as, Class};
use crate::input::{long, Bytes};

/// An X25519 key pair.
#[pyclass(frozen, module = "qnpc._core.primitives")]
pub struct X25519Key(PrivateKey);

#[guarded]
#[pymethods]
impl X25519Key {
    #[staticmethod]
    fn generate() -> PyResult<Self> {
        PrivateKey::generate().map(Self).map_err(raise)
    }

    #[staticmethod]
    fn from_secret(secret: Bytes<'_>) -> PyResult<Self> {
        PrivateKey::from_bytes(&secret).map(Self).map_err(raise)
    }

    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.public())
    }

    fn secret<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.secret().as_slice())
    }

    fn exchange<'py>(&self, py: Python<'py>, peer: Bytes<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let shared = py.detach(|| self.0.agree(&peer)).map_err(raise)?;
        Ok(PyBytes::new(py, shared.as_slice()))
    }
}

/// An Ed25519 key pair that signs what it is given.
#[pyclass(frozen, module = "qnpc._core.primitives")]
pub struct Ed25519Key(SigningKey);

#[guarded]
#[pymethods]
impl Ed25519Key {
    #[staticmethod]
    fn generate() -> PyResult<Self> {
        SigningKey::generate().map(Self).map_err(raise)
    }

    #[staticmethod]
    fn from_secret(seed: Bytes<'_>) -> PyResult<Self> {
        let seed = Secret::from_slice(&seed)
            .ok_or_else(|| raise_as(Class::Malformed, "a signing key's seed is 32 bytes"))?;
        SigningKey::from_seed(&seed).map(Self).map_err(raise)
    }

    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.public())
    }

    fn secret<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.seed().as_slice())
    }

    fn sign<'py>(&self, py: Python<'py>, message: Bytes<'_>) -> Bound<'py, PyBytes> {
        let signature = long(py, message.len(), || self.0.sign_raw(&message));
        PyBytes::new(py, &signature)
    }
}

#[guarded]
#[pyfunction]
pub fn ed25519_verify(
    py: Python<'_>,
    public_key: Bytes<'_>,
    message: Bytes<'_>,
    signature: Bytes<'_>,
) -> PyResult<()> {
    py.detach(|| signature::verify_raw(&public_key, &message, &signature))
        .map_err(raise)
}

/// A public key, a message and a signature, as `bytes`: a list lends nothing that could be changed.
type Triple<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);

#[guarded]
#[pyfunction]
#[pyo3(signature = (batch, threads = 0))]
pub fn ed25519_verify_many(py: Python<'_>, batch: Vec<Triple<'_>>, threads: usize) -> PyResult<()> {
    let batch: Vec<_> = batch
        .iter()
        .map(|(public, message, signature)| Signed {
            public: public.as_bytes(),
            message: message.as_bytes(),
            signature: signature.as_bytes(),
        })
        .collect();
    py.detach(|| {
        let all = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = NonZeroUsize::new(threads).unwrap_or_else(all);
        signature::verify_many(&batch, threads)
    })
    .map_err(raise)
}
