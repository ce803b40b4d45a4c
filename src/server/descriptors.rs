//! Limit of open descriptors of this process: each connection takes one.
//!
//! In: nothing. Out: the limit, raised as far as it may be. Never here: descriptors.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open descriptors to the hard limit, and returns it; `u64::MAX` is no limit.
///
/// # Errors
/// If the system refuses its own hard limit.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised)?;
    }
    // None is no limit.
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raises_the_limit_of_descriptors_as_far_as_it_may() {
        let first = raise_descriptor_limit().expect("a limit");
        assert!(first >= 256, "{first}");
        assert_eq!(raise_descriptor_limit().expect("a limit"), first);
    }
}
