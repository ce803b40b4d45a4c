//! Occasions of loads.

/// When a load is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum When {
    /// If anything on disk looks different, and whoever changes it is done.
    Changed,
    /// In any case, with everything as it is.
    Always,
}
