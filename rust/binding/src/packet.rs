//! Protection of QUIC packets.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qnpc_crypto::aead::AeadError;
use qnpc_crypto::cipher::{Kind, TAG};
use qnpc_crypto::packet;

use crate::errors::raise;
use crate::input::Bytes;

type Opened<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, u64);

/// The keys of QUIC packets in one direction.
#[pyclass(frozen, module = "qnpc._core")]
pub struct PacketProtection(packet::PacketProtection);

#[guarded]
#[pymethods]
impl PacketProtection {
    #[new]
    fn new(
        algorithm: &str,
        key: Bytes<'_>,
        iv: Bytes<'_>,
        header_key: Bytes<'_>,
    ) -> PyResult<Self> {
        let kind = Kind::of(algorithm).ok_or_else(|| raise(AeadError::Malformed))?;
        packet::PacketProtection::new(kind, &key, &iv, &header_key)
            .map(Self)
            .map_err(raise)
    }

    fn seal<'py>(
        &self,
        py: Python<'py>,
        header: &[u8],
        payload: &[u8],
        number: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let length = header
            .len()
            .saturating_add(payload.len())
            .saturating_add(TAG);
        PyBytes::new_with(py, length, |out| {
            self.0
                .seal_into(header, payload, number, out)
                .map_err(raise)
        })
    }

    fn open<'py>(
        &self,
        py: Python<'py>,
        packet: &[u8],
        offset: usize,
        expected: u64,
        key_phase: bool,
    ) -> PyResult<Option<Opened<'py>>> {
        let header = match self.0.unmask(packet, offset, expected) {
            Ok(header) if header.key_phase().unwrap_or(key_phase) == key_phase => header,
            Ok(_) | Err(AeadError::NotAuthentic) => return Ok(None),
            Err(error) => return Err(raise(error)),
        };
        let Ok(length) = packet::PacketProtection::payload_length(packet, &header) else {
            return Ok(None);
        };
        let mut opened = Ok(());
        let payload = PyBytes::new_with(py, length, |out| {
            opened = self.0.open_into(packet, &header, out);
            Ok(())
        })?;
        match opened {
            Ok(()) => Ok(Some((
                PyBytes::new(py, &header.bytes),
                payload,
                header.number,
            ))),
            Err(AeadError::NotAuthentic) => Ok(None),
            Err(error) => Err(raise(error)),
        }
    }
}
