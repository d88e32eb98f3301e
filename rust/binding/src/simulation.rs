//! `qnpc._core.simulation`: the core under a seed, for simulations. Compiled with the feature of that name alone, which no wheel has.
//!
//! Which seed counts is a property of the Python context, as it is for contextvars: every exported function looks there before it runs (by
//! way of `#[guarded]`), so two simulated hosts in one process never draw from one stream, and nothing of the product knows.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use qnpc_crypto::simulation;

use crate::input::Bytes;

/// Set by the first seed: who measures without one does not pay for the look.
static USED: AtomicBool = AtomicBool::new(false);

/// The ContextVar with the current seed.
fn variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = VARIABLE.get_or_try_init(py, || {
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        class.call1(("qnpc._core.simulation",)).map(Bound::unbind)
    });
    Ok(made?.bind(py))
}

fn current(py: Python<'_>) -> PyResult<Option<simulation::Seeded>> {
    let found = variable(py)?.call_method1("get", (py.None(),))?;
    let found: Option<Bound<'_, Seeded>> = found.extract()?;
    Ok(found.map(|seeded| seeded.get().0.clone()))
}

/// Runs what Python called under the seed of its context, if there is one.
pub fn seeded<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    if !USED.load(Ordering::Relaxed) {
        return work();
    }
    let source = Python::attach(current)?;
    simulation::scope(source, work)
}

/// A seed, and how far its bytes have been drawn.
#[pyclass(frozen, module = "qnpc._core.simulation")]
pub struct Seeded(simulation::Seeded);

#[guarded]
#[pymethods]
impl Seeded {
    #[new]
    fn new(seed: Bytes<'_>, now: u64) -> Self {
        USED.store(true, Ordering::Relaxed);
        Self(simulation::Seeded::new(&seed, now))
    }

    #[pyo3(signature = (function, /, *args, **kwargs))]
    fn run<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let variable = variable(slf.py())?;
        let token = variable.call_method1("set", (slf,))?;
        let result = function.call(args, kwargs);
        variable.call_method1("reset", (token,))?;
        result
    }
}

#[pymodule]
#[pyo3(name = "simulation", module = "qnpc._core")]
pub mod contents {
    use super::*;

    #[pymodule_export]
    use super::Seeded;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::primitives::register(module, "qnpc._core.simulation")
    }
}
