//! Messages of many groups in one call, on several cores.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use qnpc_mls::batch::each;
use qnpc_mls::{DeviceKey, Error, Processed};

use super::group::{Group, Message};
use super::{externals, keys, message_id};
use crate::errors::raise;

/// 0 is one for each core.
fn count(threads: usize) -> NonZeroUsize {
    #[cfg(feature = "simulation")]
    if qnpc_crypto::simulation::Seeded::current().is_some() {
        return NonZeroUsize::MIN; // the order in which several draw would be one of chance
    }
    NonZeroUsize::new(threads)
        .or_else(|| available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN)
}

/// A message to each group, in order; the first failure is raised after all have been tried.
#[guarded]
#[pyfunction]
#[pyo3(signature = (batch, threads=0))]
pub fn encrypt_many(
    py: Python<'_>,
    batch: Vec<(Py<Group>, PyBackedBytes, PyBackedBytes)>,
    threads: usize,
) -> PyResult<Vec<Vec<u8>>> {
    let batch: PyResult<Vec<_>> = batch
        .into_iter()
        .map(|(group, plaintext, id)| Ok((group, plaintext, message_id(&id)?)))
        .collect();
    let batch = batch?;
    py.detach(|| {
        let sealed = each(&batch, count(threads), |(group, plaintext, id)| {
            group.get().0.run(|group| group.encrypt(plaintext, *id))
        });
        sealed.into_iter().collect::<Result<_, _>>()
    })
    .map_err(raise)
}

type Log = (Py<Group>, Vec<PyBackedBytes>, Option<Vec<PyBackedBytes>>);

/// Messages of each group, in order, up to the first commit; a refusal stands where its message's result would.
#[guarded]
#[pyfunction]
#[pyo3(signature = (batch, threads=0))]
pub fn process_many(
    py: Python<'_>,
    batch: Vec<Log>,
    threads: usize,
) -> PyResult<Vec<Vec<Py<PyAny>>>> {
    let batch: PyResult<Vec<_>> = batch
        .into_iter()
        .map(|(group, messages, barred)| {
            Ok((group, messages, barred.as_deref().map(keys).transpose()?))
        })
        .collect();
    let batch = batch?;
    let results = py.detach(|| {
        each(&batch, count(threads), |(group, messages, barred)| {
            log(group.get(), messages, barred.as_deref())
        })
    });
    let read = |result: Result<Processed, Error>| match result {
        Ok(processed) => Ok(Message::from(processed).into_pyobject(py)?.unbind()),
        Err(error) => Ok(raise(error).into_value(py).into_any()),
    };
    results
        .into_iter()
        .map(|one| one.into_iter().map(read).collect())
        .collect()
}

fn log(
    group: &Group,
    messages: &[PyBackedBytes],
    barred: Option<&[DeviceKey]>,
) -> Vec<Result<Processed, Error>> {
    let mut results = Vec::with_capacity(messages.len());
    for message in messages {
        let result = group
            .0
            .run(|group| group.process(message, externals(barred)));
        let over = matches!(
            result,
            Ok(Processed::Change(_) | Processed::OwnCommit(_)) | Err(Error::State(_))
        );
        results.push(result);
        if over {
            break;
        }
    }
    results
}
