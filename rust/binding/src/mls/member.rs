//! A leaf of the tree, read.

use pyo3::prelude::*;

use crate::certificate::Certificate;

/// A leaf of the tree.
#[pyclass(frozen, module = "qnpc._core")]
#[derive(Clone)]
pub struct Member(qnpc_mls::Member);

/// Members as Python takes them.
pub fn members(members: impl IntoIterator<Item = qnpc_mls::Member>) -> Vec<Member> {
    members.into_iter().map(Member).collect()
}

impl From<qnpc_mls::Member> for Member {
    fn from(member: qnpc_mls::Member) -> Self {
        Self(member)
    }
}

#[guarded]
#[pymethods]
impl Member {
    #[getter]
    fn leaf(&self) -> u32 {
        self.0.leaf
    }

    #[getter]
    fn certificate(&self) -> Certificate {
        Certificate(self.0.certificate.clone())
    }

    #[getter]
    fn username(&self) -> &str {
        self.0.certificate.username()
    }

    #[getter]
    fn identity_key(&self) -> [u8; 32] {
        self.0.certificate.identity_key()
    }

    #[getter]
    fn device(&self) -> [u8; 32] {
        self.0.certificate.device()
    }

    #[getter]
    fn admin(&self) -> bool {
        self.0.admin
    }
}
