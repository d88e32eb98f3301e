//! A commit between being checked and being applied.

use std::fmt;
use std::sync::{Mutex, MutexGuard};

use openmls::prelude::StagedCommit;

use crate::error::Error;
use crate::member::{Member, Membership};
use crate::message::MessageId;
use crate::policy::Verdict;
use crate::roles::Roles;
use crate::tracker::Tracked;

/// A commit that verified and passed the policy. Applying it uses it up, and only the state that it was checked against can.
pub struct Change {
    committer: Member,
    external: bool,
    epoch: u64,
    message_id: MessageId,
    added: Vec<Member>,
    removed: Vec<Member>,
    left: Vec<Member>,
    revoked: Vec<Member>,
    roles: [Roles; 2],
    removes_self: bool,
    before: Vec<u8>,
    next: Mutex<Option<Next>>,
}

/// What applying it takes.
pub(crate) enum Next {
    /// A member's: the staged commit, and who is in the group after it.
    Staged(Box<StagedCommit>, Membership),
    /// A tracker's: the whole tracked group after it.
    Tracked(Box<Tracked>),
}

impl Change {
    /// `before` is the serialized GroupContext that the commit was checked against.
    pub(crate) fn new(
        verdict: Verdict,
        roles_before: Roles,
        before: Vec<u8>,
        epoch: u64,
        message_id: MessageId,
        next: Next,
    ) -> Self {
        let roles = [roles_before, verdict.next.roles];
        let removes_self = match &next {
            Next::Staged(commit, _) => commit.self_removed(),
            Next::Tracked(_) => false,
        };
        Self {
            committer: verdict.committer,
            external: verdict.external,
            epoch,
            message_id,
            added: verdict.added,
            removed: verdict.removed,
            left: verdict.left,
            revoked: verdict.revoked,
            roles,
            removes_self,
            before,
            next: Mutex::new(Some(next)),
        }
    }

    /// Who committed: as of the epoch before, or of the new one for a device that joined by itself.
    pub fn committer(&self) -> &Member {
        &self.committer
    }

    /// Whether the committer joined by itself. It is then the one that was added; and the one that was removed, if this was a
    /// rejoin.
    pub fn external(&self) -> bool {
        self.external
    }

    /// The epoch that it leads to.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The commit's message id.
    pub fn message_id(&self) -> MessageId {
        self.message_id
    }

    /// Who it adds, with their leaves and roles in the new epoch.
    pub fn added(&self) -> &[Member] {
        &self.added
    }

    /// Whom it removes, with their leaves and roles in the old epoch.
    pub fn removed(&self) -> &[Member] {
        &self.removed
    }

    /// Those of the removed who asked to leave.
    pub fn left(&self) -> &[Member] {
        &self.left
    }

    /// Those of the removed whose revocation the commit quotes.
    pub fn revoked(&self) -> &[Member] {
        &self.revoked
    }

    /// The accounts that it makes admins, by identity key.
    pub fn promoted(&self) -> Vec<[u8; 32]> {
        let [before, after] = &self.roles;
        after.beyond(before)
    }

    /// The accounts that are admins no longer.
    pub fn demoted(&self) -> Vec<[u8; 32]> {
        let [before, after] = &self.roles;
        before.beyond(after)
    }

    /// At a client: whether this device is among them.
    pub fn removes_self(&self) -> bool {
        self.removes_self
    }

    /// Looks at what applying takes, for the state `context` only.
    pub(crate) fn peek(&self, context: &[u8]) -> Result<MutexGuard<'_, Option<Next>>, Error> {
        if self.before != context {
            return Err(Error::state(
                "the group is not in the epoch that this change was checked against",
            ));
        }
        let next = self.next.lock();
        next.map_err(|_| Error::state("the change was left in an unknown state"))
    }

    /// Takes it, once, for the state `context` only.
    pub(crate) fn take(&self, context: &[u8]) -> Result<Next, Error> {
        self.peek(context)?
            .take()
            .ok_or_else(|| Error::state("the change was applied already"))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}
