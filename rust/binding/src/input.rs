//! Bytes that come from Python, and how long work on them may keep the GIL.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use zeroize::Zeroizing;

/// Anything with a buffer of bytes. `bytes` is read where it lies. What somebody could change meanwhile (bytearray, memoryview) is
/// copied first, for it is looked at without the GIL.
pub enum Bytes<'a> {
    Lent(&'a [u8]),
    Copied(Zeroizing<Vec<u8>>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Bytes<'a> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<&'a [u8]>() {
            Ok(bytes) => Ok(Self::Lent(bytes)),
            Err(_) => {
                let buffer = PyBuffer::<u8>::get(&object)?;
                Ok(Self::Copied(Zeroizing::new(buffer.to_vec(object.py())?)))
            }
        }
    }
}

impl core::ops::Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// From this many bytes on, a cipher or hash takes longer than giving the GIL away and taking it back is worth: some 10 microseconds.
const LONG: usize = 32 * 1024;

/// Runs `work` without the GIL if there are many bytes to work on.
pub fn long<T: Send>(py: Python<'_>, size: usize, work: impl FnOnce() -> T + Send) -> T {
    if size < LONG {
        work()
    } else {
        py.detach(work)
    }
}
