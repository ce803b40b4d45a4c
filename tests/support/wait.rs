//! Waits for what another thread or process is about to do, with a deadline.
//!
//! In: a condition. Out: what it found. Never here: sleeps without a condition.

#![expect(
    clippy::disallowed_methods,
    reason = "tests of real sockets wait for real time, with a deadline"
)]

use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longest wait for anything that is to happen; a loaded machine is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is found; looks every ten milliseconds.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let (_never, quiet) = mpsc::channel::<()>();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        let _ = quiet.recv_timeout(Duration::from_millis(10));
    }
}

/// Waits until a condition holds.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}
