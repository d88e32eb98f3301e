//! OPAQUE. A state is an object that its second step empties.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::opaque::{ClientLogin, ClientRegistration, Server, ServerLogin, Stretching};

use crate::errors::{raise, raise_as, Class};

/// A state that can be taken once.
struct Once<T>(Mutex<Option<T>>);

impl<T> Once<T> {
    fn new(state: T) -> Self {
        Self(Mutex::new(Some(state)))
    }

    fn take(&self) -> PyResult<T> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take()
            .ok_or_else(|| raise_as(Class::State, "this state was used already"))
    }
}

const MEMORY_KIB: u32 = 65_536;
const ITERATIONS: u32 = 3;
const PARALLELISM: u32 = 4;

/// Argon2id parameters.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Argon2(Stretching);

#[guarded]
#[pymethods]
impl Argon2 {
    #[new]
    #[pyo3(
        signature = (memory_kib = MEMORY_KIB, iterations = ITERATIONS, parallelism = PARALLELISM),
        text_signature = "(memory_kib=65536, iterations=3, parallelism=4)"
    )]
    fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> PyResult<Self> {
        Stretching::new(memory_kib, iterations, parallelism)
            .map(Self)
            .map_err(raise)
    }
}

fn stretching(given: Option<&Argon2>) -> PyResult<Stretching> {
    match given {
        Some(argon2) => Ok(argon2.0.clone()),
        None => Stretching::new(MEMORY_KIB, ITERATIONS, PARALLELISM).map_err(raise),
    }
}

/// The node's half.
#[pyclass(frozen, module = "qnpc._core")]
pub struct OpaqueServer(Server);

#[guarded]
#[pymethods]
impl OpaqueServer {
    #[new]
    #[pyo3(signature = (setup = None))]
    fn new(py: Python<'_>, setup: Option<&[u8]>) -> PyResult<Self> {
        py.detach(|| setup.map_or_else(|| Ok(Server::generate()), Server::from_bytes))
            .map(Self)
            .map_err(raise)
    }

    fn setup<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_bytes())
    }

    fn registration_response<'py>(
        &self,
        py: Python<'py>,
        username: &str,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let response = py
            .detach(|| self.0.registration_response(username, request))
            .map_err(raise)?;
        Ok(PyBytes::new(py, &response))
    }

    fn registration_record<'py>(
        &self,
        py: Python<'py>,
        upload: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let record = py
            .detach(|| Server::registration_record(upload))
            .map_err(raise)?;
        Ok(PyBytes::new(py, &record))
    }

    fn start_login<'py>(
        &self,
        py: Python<'py>,
        username: &str,
        record: Option<&[u8]>,
        request: &[u8],
        node: &[u8],
    ) -> PyResult<(Bound<'py, PyBytes>, OpaqueServerLogin)> {
        let (response, state) = py
            .detach(|| self.0.start_login(username, record, request, node))
            .map_err(raise)?;
        Ok((
            PyBytes::new(py, &response),
            OpaqueServerLogin(Once::new(state)),
        ))
    }
}

/// The node's state between KE2 and KE3.
#[pyclass(frozen, module = "qnpc._core")]
pub struct OpaqueServerLogin(Once<ServerLogin>);

#[guarded]
#[pymethods]
impl OpaqueServerLogin {
    fn finish<'py>(&self, py: Python<'py>, ke3: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let state = self.0.take()?;
        let session_key = state.finish(ke3).map_err(raise)?;
        Ok(PyBytes::new(py, session_key.as_slice()))
    }
}

/// The client's half of a registration.
#[pyclass(frozen, module = "qnpc._core")]
pub struct OpaqueClientRegistration {
    state: Once<ClientRegistration>,
    request: Vec<u8>,
}

#[guarded]
#[pymethods]
impl OpaqueClientRegistration {
    #[new]
    fn new(py: Python<'_>, password: &[u8]) -> PyResult<Self> {
        let (state, request) = py
            .detach(|| ClientRegistration::start(password))
            .map_err(raise)?;
        Ok(Self {
            state: Once::new(state),
            request,
        })
    }

    #[getter]
    fn request<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.request)
    }

    #[pyo3(signature = (response, username, node, argon2 = None))]
    fn finish<'py>(
        &self,
        py: Python<'py>,
        response: &[u8],
        username: &str,
        node: &[u8],
        argon2: Option<&Argon2>,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let stretching = stretching(argon2)?;
        let state = self.state.take()?;
        let (upload, export_key) = py
            .detach(|| state.finish(response, username, node, &stretching))
            .map_err(raise)?;
        Ok((
            PyBytes::new(py, &upload),
            PyBytes::new(py, export_key.as_slice()),
        ))
    }
}

/// The client's half of a login.
#[pyclass(frozen, module = "qnpc._core")]
pub struct OpaqueClientLogin {
    state: Once<ClientLogin>,
    request: Vec<u8>,
}

type Triple<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);

#[guarded]
#[pymethods]
impl OpaqueClientLogin {
    #[new]
    fn new(py: Python<'_>, password: &[u8]) -> PyResult<Self> {
        let (state, request) = py.detach(|| ClientLogin::start(password)).map_err(raise)?;
        Ok(Self {
            state: Once::new(state),
            request,
        })
    }

    #[getter]
    fn request<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.request)
    }

    #[pyo3(signature = (response, username, node, argon2 = None))]
    fn finish<'py>(
        &self,
        py: Python<'py>,
        response: &[u8],
        username: &str,
        node: &[u8],
        argon2: Option<&Argon2>,
    ) -> PyResult<Triple<'py>> {
        let stretching = stretching(argon2)?;
        let state = self.state.take()?;
        let done = py
            .detach(|| state.finish(response, username, node, &stretching))
            .map_err(raise)?;
        Ok((
            PyBytes::new(py, &done.ke3),
            PyBytes::new(py, done.session_key.as_slice()),
            PyBytes::new(py, done.export_key.as_slice()),
        ))
    }
}
