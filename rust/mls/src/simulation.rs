//! What openmls leaves to time and chance and a seed decides in a simulation, beside what it draws: lifetimes, and the order of
//! removals. Compiled for tests only, as [`qnpc_crypto::simulation`] is.

use openmls::prelude::Lifetime;
use qnpc_crypto::simulation::Seeded;

use crate::commit::{Content, PendingCommit};
use crate::error::Error;
use crate::group::Group;
use crate::message::MessageId;

/// How long before its making a leaf is valid, as openmls has it.
const MARGIN: u64 = 3600;

/// The lifetime of leaves that are made in a simulation, which happens at one moment.
pub(crate) fn lifetime(seconds: u64) -> Option<Lifetime> {
    let now = Seeded::current()?.now();
    let (from, to) = (now.saturating_sub(MARGIN), now.saturating_add(seconds));
    Some(Lifetime::init(from, to))
}

impl Group {
    /// Stages a commit whose removals are in the order of their leaves.
    ///
    /// openmls takes them out of a hash table, in an order that no seed reaches, and there is no other way in. So the commit is
    /// made again, of the same random bytes, until chance has found that order: n! times on average for n removals.
    pub(crate) fn stage_in_order(
        &mut self,
        content: Content,
        message_id: MessageId,
    ) -> Result<PendingCommit, Error> {
        let Some(seeded) = Seeded::current() else {
            return self.stage(content, message_id);
        };
        let start = seeded.position();
        loop {
            let commit = self.stage(content.clone(), message_id)?;
            let removals = self.mls.pending_commit().into_iter();
            let leaves = removals
                .flat_map(|staged| staged.remove_proposals())
                .map(|queued| queued.remove_proposal().removed());
            if leaves.is_sorted() {
                return Ok(commit);
            }
            self.clear_pending()?;
            seeded.rewind(start);
        }
    }
}
