//! The way to files that a zone names.
//!
//! In: a path as written. Out: text. Never here: opening files; the loader does.

use std::path::Path;

/// Reads the files that a zone names (`"file:x"` in `subnets`, `ca` of checks).
pub trait Files {
    /// Returns the text of a file inside the zones directory.
    ///
    /// # Errors
    /// Says in words why it cannot be read.
    fn read(&self, relative: &Path) -> Result<String, String>;
}
