//! ML-KEM-768, and X-Wing with given randomness.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::{kem, mlkem};

use crate::errors::raise;
use crate::input::Bytes;

/// An ML-KEM-768 key pair.
#[pyclass(frozen, module = "qnpc._core.primitives")]
pub struct MlKemKey(mlkem::DecapsulationKey);

#[guarded]
#[pymethods]
impl MlKemKey {
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<Self> {
        py.detach(mlkem::DecapsulationKey::generate)
            .map(Self)
            .map_err(raise)
    }

    #[staticmethod]
    fn from_seed(py: Python<'_>, seed: Bytes<'_>) -> PyResult<Self> {
        py.detach(|| mlkem::DecapsulationKey::from_seed(&seed))
            .map(Self)
            .map_err(raise)
    }

    #[staticmethod]
    fn from_expanded(expanded: Bytes<'_>) -> PyResult<Self> {
        mlkem::DecapsulationKey::from_expanded(&expanded)
            .map(Self)
            .map_err(raise)
    }

    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.public())
    }

    fn expanded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.expanded().map_err(raise)?))
    }

    fn decapsulate<'py>(
        &self,
        py: Python<'py>,
        encapsulation: Bytes<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let shared = py
            .detach(|| self.0.decapsulate(&encapsulation))
            .map_err(raise)?;
        Ok(PyBytes::new(py, shared.as_slice()))
    }
}

type Encapsulated<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

#[guarded]
#[pyfunction]
pub fn mlkem_encapsulate<'py>(
    py: Python<'py>,
    public_key: Bytes<'_>,
) -> PyResult<Encapsulated<'py>> {
    let (shared, encapsulation) = py
        .detach(|| mlkem::encapsulate(&public_key))
        .map_err(raise)?;
    Ok((
        PyBytes::new(py, shared.as_slice()),
        PyBytes::new(py, &encapsulation),
    ))
}

#[guarded]
#[pyfunction]
pub fn mlkem_encapsulate_derandomized<'py>(
    py: Python<'py>,
    public_key: Bytes<'_>,
    randomness: Bytes<'_>,
) -> PyResult<Encapsulated<'py>> {
    let (shared, encapsulation) = py
        .detach(|| mlkem::encapsulate_derandomized(&public_key, &randomness))
        .map_err(raise)?;
    Ok((
        PyBytes::new(py, shared.as_slice()),
        PyBytes::new(py, &encapsulation),
    ))
}

#[guarded]
#[pyfunction]
pub fn xwing_encapsulate_derandomized<'py>(
    py: Python<'py>,
    public_key: Bytes<'_>,
    randomness: Bytes<'_>,
) -> PyResult<Encapsulated<'py>> {
    let (shared, encapsulation) = py
        .detach(|| kem::encapsulate_derandomized(&public_key, &randomness))
        .map_err(raise)?;
    Ok((
        PyBytes::new(py, shared.as_slice()),
        PyBytes::new(py, &encapsulation),
    ))
}
