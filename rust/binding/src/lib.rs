//! `qnpc._core`: a table of contents.
use pyo3::prelude::*;

#[pymodule]
mod _core {}
