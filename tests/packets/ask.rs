//! What the engine's stage needs to know of a message: how it comes and from whom.
//!
//! In: a transport. Out: the case that `answers/stage.rs` takes. Never here: expectations.

use std::net::IpAddr;

/// A message's circumstances.
pub(crate) struct Case {
    pub(crate) down: Vec<String>,
    pub(crate) is_tcp: bool,
    pub(crate) from: IpAddr,
}

impl Case {
    pub(crate) fn over(is_tcp: bool) -> Self {
        Self {
            down: Vec::new(),
            is_tcp,
            from: IpAddr::from([192, 0, 2, 53]),
        }
    }
}
