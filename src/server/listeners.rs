//! The event queue of TCP or TLS, as it stands before the first connection.
//!
//! In: listeners. Out: a queue that watches them, and the waker that ends its wait. Never here: connections.

use std::io;

use mio::net::TcpListener;
use mio::{Interest, Poll, Token, Waker};

/// The token that wakes the thread when the server stops.
const STOP: Token = Token(usize::MAX);

/// The token of the first listener; those of connections are their places, which are far fewer.
pub(super) const LISTENERS: usize = usize::MAX / 2;

/// An event queue and what it watches before the first connection.
pub(super) struct Listeners {
    pub(super) poll: Poll,
    pub(super) listeners: Vec<TcpListener>,
}

impl Listeners {
    /// Watches listeners; the waker ends the wait of the thread that will attend.
    pub(super) fn open(listeners: Vec<std::net::TcpListener>) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), STOP)?;
        let mut watched = Self {
            poll,
            listeners: Vec::with_capacity(listeners.len()),
        };
        for (number, listener) in listeners.into_iter().enumerate() {
            let mut listener = TcpListener::from_std(listener);
            let token = Token(LISTENERS + number);
            let registry = watched.poll.registry();
            registry.register(&mut listener, token, Interest::READABLE)?;
            watched.listeners.push(listener);
        }
        Ok((watched, waker))
    }
}
