//! What one look at the disk leaves for the next: a change counts when two looks in a row saw the same.
//!
//! In: stamps of files beside the zones, failed looks. Out: what is new and settled. Never here: reading contents.

use std::sync::{Arc, Mutex, PoisonError};

use super::when::When;
use crate::daemon::files::Stamp;

/// What the look before found.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    databases: Option<Vec<Option<Stamp>>>,
    is_folder_missed: bool,
    server_file: Option<Option<Stamp>>,
}

impl Looks {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether files that look like `now` are new, and their writer is done.
    pub(super) fn are_databases_new(
        &self,
        now: &[Option<Stamp>],
        known: &[Option<Stamp>],
        when: When,
    ) -> bool {
        let mut seen = self.seen();
        let before = seen.databases.replace(now.to_vec());
        now != known && (when == When::Always || are_settled(now, known, before.as_deref()))
    }

    /// Says whether the server file is new, and its writer is done.
    pub(super) fn is_server_file_new(
        &self,
        now: &Option<Stamp>,
        known: &Option<Stamp>,
        when: When,
    ) -> bool {
        let mut seen = self.seen();
        let before = seen.server_file.replace(now.clone());
        let before = before.map(|before| [before]);
        let (now, known) = (std::slice::from_ref(now), std::slice::from_ref(known));
        when == When::Always
            || now != known && are_settled(now, known, before.as_ref().map(|before| &before[..]))
    }

    /// Takes in whether the zones folder could be listed; says whether it could not at two looks in a row. A link that
    /// is exchanged in two steps leads nowhere for a moment.
    pub(super) fn is_folder_gone(&self, is_missed: bool) -> bool {
        std::mem::replace(&mut self.seen().is_folder_missed, is_missed) && is_missed
    }
}

/// Says whether whoever changed any of these files is done with each.
pub(in crate::daemon) fn are_settled(
    now: &[Option<Stamp>],
    known: &[Option<Stamp>],
    before: Option<&[Option<Stamp>]>,
) -> bool {
    let is_done = |(at, now): (usize, &Option<Stamp>)| {
        let known = known.get(at).and_then(Option::as_ref);
        let seen = before.and_then(|before| before.get(at));
        let is_put_in_place = |now: &Stamp| {
            now.is_put_in_place() && known.is_none_or(|known| known.inode != now.inode)
        };
        now.as_ref() == known || seen == Some(now) || now.as_ref().is_some_and(is_put_in_place)
    };
    now.iter().enumerate().all(is_done)
}
