//! A group at one device.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use qnpc_mls::message::MessageId;
use qnpc_mls::{Error, LeaveRequest, Processed, Quote, Revocation};

use super::change::{Change, OwnCommit, PendingCommit};
use super::external::ExternalCommit;
use super::member::{members, Member};
use super::store::{owned, MlsStore, Row};
use super::{externals, keys, message_id, suite, Shared};
use crate::errors::raise;
use crate::identity::Device;

/// A decrypted application message.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Application(qnpc_mls::Application);

#[guarded]
#[pymethods]
impl Application {
    #[getter]
    fn sender(&self) -> Member {
        self.0.sender.clone().into()
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch
    }

    #[getter]
    fn message_id(&self) -> MessageId {
        self.0.message_id
    }

    #[getter]
    fn plaintext<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.plaintext)
    }
}

/// What `Group.process` returns.
#[derive(IntoPyObject)]
pub(super) enum Message {
    Application(Application),
    Change(Change),
    OwnCommit(OwnCommit),
}

impl From<Processed> for Message {
    fn from(processed: Processed) -> Self {
        match processed {
            Processed::Application(application) => Self::Application(Application(application)),
            Processed::Change(change) => Self::Change(Change(change)),
            Processed::OwnCommit(commit) => Self::OwnCommit(OwnCommit(commit)),
        }
    }
}

/// One group's state at one device.
#[pyclass(frozen, module = "qnpc._core")]
pub struct Group(pub(super) Shared<qnpc_mls::Group>);

impl Group {
    fn of(group: qnpc_mls::Group) -> Self {
        Self(Shared::new(group))
    }
}

#[guarded]
#[pymethods]
impl Group {
    #[staticmethod]
    fn create(
        py: Python<'_>,
        store: &MlsStore,
        device: &Device,
        certificate: &[u8],
        group_id: &[u8],
        suite: u16,
    ) -> PyResult<Self> {
        let suite = self::suite(suite)?;
        py.detach(|| qnpc_mls::Group::create(&store.0, &device.0, certificate, group_id, suite))
            .map(Self::of)
            .map_err(raise)
    }

    #[staticmethod]
    fn load(
        py: Python<'_>,
        store: &MlsStore,
        device: &Device,
        group_id: &[u8],
    ) -> PyResult<Option<Self>> {
        py.detach(|| qnpc_mls::Group::load(&store.0, &device.0, group_id))
            .map(|group| group.map(Self::of))
            .map_err(raise)
    }

    #[staticmethod]
    fn join(
        py: Python<'_>,
        store: &MlsStore,
        device: &Device,
        welcome: &[u8],
        tree: &[u8],
    ) -> PyResult<Self> {
        py.detach(|| qnpc_mls::Group::join(&store.0, &device.0, welcome, tree))
            .map(Self::of)
            .map_err(raise)
    }

    #[staticmethod]
    #[pyo3(signature = (store, device, certificate, group_info, tree, message_id, *, removed=Vec::new()))]
    #[expect(clippy::too_many_arguments, reason = "Python passes them by name")]
    fn external_commit(
        py: Python<'_>,
        store: &MlsStore,
        device: &Device,
        certificate: &[u8],
        group_info: &[u8],
        tree: &[u8],
        message_id: &[u8],
        removed: Vec<PyBackedBytes>,
    ) -> PyResult<ExternalCommit> {
        let id = self::message_id(message_id)?;
        let removed = keys(&removed)?;
        py.detach(|| {
            qnpc_mls::Group::external_commit(
                &store.0,
                &device.0,
                certificate,
                group_info,
                tree,
                id,
                &removed,
            )
        })
        .map(ExternalCommit)
        .map_err(raise)
    }

    #[staticmethod]
    fn adopt(py: Python<'_>, store: &MlsStore, device: &Device, rows: Vec<Row>) -> PyResult<Self> {
        let rows = rows.into_iter().map(owned).collect();
        py.detach(|| qnpc_mls::Group::adopt(&store.0, &device.0, rows))
            .map(Self::of)
            .map_err(raise)
    }

    #[getter]
    fn group_id(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.0.with(py, |group| Ok(group.group_id().to_vec()))
    }

    #[getter]
    fn suite(&self, py: Python<'_>) -> PyResult<u16> {
        self.0.with(py, |group| Ok(group.suite().code()))
    }

    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        self.0.with(py, |group| Ok(group.epoch()))
    }

    #[getter]
    fn active(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.with(py, |group| Ok(group.active()))
    }

    #[getter]
    fn pending(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.with(py, |group| Ok(group.is_pending()))
    }

    fn members(&self, py: Python<'_>) -> PyResult<Vec<Member>> {
        self.0.with(py, |group| Ok(group.members())).map(members)
    }

    fn own_leaf(&self, py: Python<'_>) -> PyResult<u32> {
        self.0.with(py, |group| Ok(group.own_leaf()))
    }

    fn encrypt(&self, py: Python<'_>, plaintext: &[u8], message_id: &[u8]) -> PyResult<Vec<u8>> {
        let id = self::message_id(message_id)?;
        self.0.with(py, |group| group.encrypt(plaintext, id))
    }

    #[pyo3(signature = (message, *, barred=None))]
    fn process(
        &self,
        py: Python<'_>,
        message: &[u8],
        barred: Option<Vec<PyBackedBytes>>,
    ) -> PyResult<Message> {
        let barred = barred.as_deref().map(keys).transpose()?;
        let externals = externals(barred.as_deref());
        self.0
            .with(py, |group| group.process(message, externals))
            .map(Message::from)
    }

    fn merge(&self, py: Python<'_>, change: &Change) -> PyResult<()> {
        self.0.with(py, |group| group.merge(&change.0))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.0.with(py, qnpc_mls::Group::flush)
    }

    fn forget_epochs(&self, py: Python<'_>, seconds: u32) -> PyResult<()> {
        let age = Duration::from_secs(seconds.into());
        self.0.with(py, |group| group.forget_epochs(age))
    }

    fn commit_add(
        &self,
        py: Python<'_>,
        key_packages: Vec<PyBackedBytes>,
        message_id: &[u8],
    ) -> PyResult<PendingCommit> {
        let id = self::message_id(message_id)?;
        self.0
            .with(py, |group| group.commit_add(&key_packages, id))
            .map(PendingCommit)
    }

    #[pyo3(signature = (devices, message_id, *, leave_requests=Vec::new(), revocations=Vec::new()))]
    fn commit_remove(
        &self,
        py: Python<'_>,
        devices: Vec<PyBackedBytes>,
        message_id: &[u8],
        leave_requests: Vec<PyBackedBytes>,
        revocations: Vec<PyBackedBytes>,
    ) -> PyResult<PendingCommit> {
        let id = self::message_id(message_id)?;
        self.0
            .with(py, |group| {
                let requests = leave_requests
                    .iter()
                    .map(|request| LeaveRequest::parse(request).map(Quote::Leave));
                let revocations = revocations
                    .iter()
                    .map(|revocation| Revocation::parse(revocation).map(Quote::Revocation));
                let quotes: Result<Vec<Quote>, Error> = requests.chain(revocations).collect();
                group.commit_remove_quoting(&devices, quotes?, id)
            })
            .map(PendingCommit)
    }

    fn commit_roles(
        &self,
        py: Python<'_>,
        promote: Vec<PyBackedBytes>,
        demote: Vec<PyBackedBytes>,
        message_id: &[u8],
    ) -> PyResult<PendingCommit> {
        let id = self::message_id(message_id)?;
        let (promote, demote) = (keys(&promote)?, keys(&demote)?);
        self.0
            .with(py, |group| group.commit_roles(&promote, &demote, id))
            .map(PendingCommit)
    }

    fn commit_update(&self, py: Python<'_>, message_id: &[u8]) -> PyResult<PendingCommit> {
        let id = self::message_id(message_id)?;
        self.0
            .with(py, |group| group.commit_update(id))
            .map(PendingCommit)
    }

    fn leave_request(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.0.with(py, |group| group.leave_request())
    }

    fn leaver(&self, py: Python<'_>, request: &[u8]) -> PyResult<Member> {
        self.0
            .with(py, |group| group.leaver(request))
            .map(Member::from)
    }

    fn merge_pending(&self, py: Python<'_>) -> PyResult<()> {
        self.0.with(py, qnpc_mls::Group::merge_pending)
    }

    fn clear_pending(&self, py: Python<'_>) -> PyResult<()> {
        self.0.with(py, qnpc_mls::Group::clear_pending)
    }

    fn group_info(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.0.with(py, |group| group.group_info())
    }

    fn tree(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.0.with(py, |group| group.tree())
    }

    fn export<'py>(
        &self,
        py: Python<'py>,
        label: &str,
        context: &[u8],
        length: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let secret = self
            .0
            .with(py, |group| group.export(label, context, length))?;
        Ok(PyBytes::new(py, &secret))
    }

    fn epoch_authenticator(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.0.with(py, |group| Ok(group.epoch_authenticator()))
    }

    fn delete(&self, py: Python<'_>) -> PyResult<()> {
        let group = self.0.take(py)?;
        py.detach(|| group.delete()).map_err(raise)
    }
}
